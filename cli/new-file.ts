/** Files that the command writes, all of them whole or none. */
import { randomBytes } from "node:crypto";
import { lstatSync, renameSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, refuse } from "../provider/errors";

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
  /** Permission bits, less the umask. */
  readonly mode: number;
}

/** INPUT_INVALID where one of these is there already, be it a link to nowhere. */
export function requireFree(paths: readonly string[]): void {
  const taken = paths.filter(isThere);
  if (taken.length > 0)
    refuse(
      "INPUT_INVALID",
      `${taken.join(" and ")} would be overwritten. Name another folder (--out), or say --force`,
    );
}

/**
 * Writes files, and their folders where there are none. INPUT_INVALID where one cannot be written: then none is, and what is
 * there stays.
 */
export async function writeNewFiles(files: readonly NewFile[], isForced: boolean): Promise<void> {
  const temporaries: { readonly path: string; readonly temporary: string }[] = [];
  let current = "";
  try {
    for (const { path, content, mode } of files) {
      current = path;
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
      temporaries.push({ path, temporary });
      // An old file's mode must not become that of a file with keys, nor a link lead it elsewhere: so it is a file of its own.
      const handle = await open(temporary, "wx", mode);
      try {
        await handle.writeFile(content);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    if (!isForced) requireFree(files.map(({ path }) => path));
    for (const { path } of files) {
      current = path;
      if (isFolder(path))
        refuse("INPUT_INVALID", "a folder has this name. Move it away, or name another one (--out)");
    }
    for (const { path, temporary } of temporaries) {
      current = path;
      renameSync(temporary, path);
    }
  } catch (error) {
    refuse("INPUT_INVALID", `Writing ${current}: ${messageOf(error)}`);
  } finally {
    for (const { temporary } of temporaries) await rm(temporary, { force: true });
  }
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where a file stands in the place of a folder there is nothing; writing says what is wrong. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
