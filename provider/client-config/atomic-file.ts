import { randomBytes } from "node:crypto";
import { readFileSync, renameSync } from "node:fs";
import { lstat, mkdir, open, readFile, realpath, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { ConfigProblem, isSystemError } from "./config-problem";

/** What {@link replaceFile} writes. */
export interface NewFile {
  content: string;
  /** Permission bits of a new file, less the umask. A file that is there keeps its own. */
  mode: number;
}

/**
 * Puts a whole new file in the place of an old one, so that no reader ever sees half of it and a full disk leaves the
 * old one. Through a symbolic link the file it leads to is replaced, not the link. Owner and mode of an old file stay.
 *
 * The content is written by node's own loop and not by a library: the usual one takes a short write on a full disk
 * for success and puts the truncated file in place.
 */
export async function replaceFile(file: string, replacement: NewFile): Promise<void> {
  await putInPlace(file, replacement, () => true);
}

/**
 * As {@link replaceFile}, unless the file holds something else by now than this text (undefined: there was none).
 *
 * @returns whether it was replaced.
 */
export async function replaceFileIfSame(
  file: string,
  text: string | undefined,
  replacement: NewFile,
): Promise<boolean> {
  return putInPlace(file, replacement, (target) => textNow(target) === text);
}

async function putInPlace(
  file: string,
  { content, mode }: NewFile,
  isWanted: (target: string) => boolean,
): Promise<boolean> {
  const target = await followLink(file);
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await takeOverOwnerAndMode(handle, target);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Looking and renaming follow each other without a pause: what another program writes in between is lost.
    if (!isWanted(target)) return false;
    renameSync(temporary, target);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

function textNow(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The text of a file, or undefined where there is none. */
export async function readText(file: string): Promise<string | undefined> {
  return (await readBytes(file))?.toString("utf8");
}

/** The bytes of a file, or undefined where there is none. */
export async function readBytes(file: string): Promise<Buffer | undefined> {
  return unlessMissing(readFile(file));
}

/** Whether a directory is there. A file of its name is an error. */
export async function isDirectory(path: string): Promise<boolean> {
  const found = await unlessMissing(stat(path));
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw new ConfigProblem(`${path} is not a directory`, "Move that file away, or give another configDir");
}

/** Makes a directory and those above it where they are missing, readable for owner and group as `lxc` does. */
export async function makeDirectory(path: string): Promise<void> {
  if (!(await isDirectory(path))) await mkdir(path, { recursive: true, mode: 0o750 });
}

/** The directory, or the nearest above it that exists: where it would be made. */
export async function nearestDirectory(path: string): Promise<string> {
  const parent = dirname(path);
  return (await isDirectory(path)) || parent === path ? path : nearestDirectory(parent);
}

/**
 * The file itself, behind any symbolic links.
 *
 * @throws ConfigProblem where a link leads nowhere: writing would replace it, which its maker did not ask for.
 */
export async function followLink(file: string): Promise<string> {
  const target = await unlessMissing(realpath(file));
  if (target !== undefined) return target;
  if ((await unlessMissing(lstat(file))) === undefined) return file;
  throw new ConfigProblem(
    `${file} is a link to a file that does not exist`,
    "Make that file, or remove the link",
  );
}

async function takeOverOwnerAndMode(handle: FileHandle, target: string): Promise<void> {
  const [old, fresh] = await Promise.all([unlessMissing(stat(target)), handle.stat()]);
  if (old === undefined) return;
  if (old.uid !== fresh.uid || old.gid !== fresh.gid) {
    try {
      await handle.chown(old.uid, old.gid);
    } catch (error) {
      // Only root can give a file away. Another's file in a directory of ours becomes ours by being replaced.
      if (!isSystemError(error, "EPERM", "EINVAL")) throw error;
    }
  }
  await handle.chmod(old.mode & 0o7777);
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}
