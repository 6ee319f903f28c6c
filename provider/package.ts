/** The package that this code belongs to. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";

const manifest = z.object({ version: z.string() });

/** Folder and version of the package that a folder is part of: where the nearest package.json is. */
export async function findPackage(folder: string): Promise<{ folder: string; version: string }> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
  if (text !== undefined) return { folder, ...manifest.parse(JSON.parse(text)) };
  const parent = dirname(folder);
  if (parent === folder) throw new Error("there is no package.json above the code");
  return findPackage(parent);
}
