/** Files that the command writes, whole or not at all. */
import { randomBytes } from "node:crypto";
import { lstatSync, renameSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, refuse } from "../../provider/errors";

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
  /** Permission bits, less the umask. */
  readonly mode: number;
}

/** INPUT_INVALID where one of these is there already, be it a link to nowhere. */
export function requireFree(paths: readonly string[]): void {
  const taken = paths.filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  if (taken.length > 0)
    refuse(
      "INPUT_INVALID",
      `${taken.join(" and ")} would be overwritten. Name another folder (--out), or say --force`,
    );
}

/** Writes a file, and its folder where there is none. INPUT_INVALID where it cannot be written; one that is there stays then. */
export async function writeNewFile({ path, content, mode }: NewFile, isForced: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    // An old file's mode must not become that of a file with keys, nor a link lead it elsewhere: so it is a file of its own.
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!isForced) requireFree([path]);
    renameSync(temporary, path);
  } catch (error) {
    refuse("INPUT_INVALID", `Writing ${path}: ${messageOf(error)}`);
  } finally {
    await rm(temporary, { force: true });
  }
}
