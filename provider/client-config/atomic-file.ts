import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readFileSync, renameSync } from "node:fs";
import { lstat, mkdir, open, readdir, realpath, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { currentCall } from "../call";
import { ConfigProblem, isSystemError } from "./config-problem";

/** Opening a pipe must not wait for somebody who writes to it; of a regular file this says nothing. */
const readOnly = constants.O_RDONLY | constants.O_NONBLOCK;

/** More than any client directory's file has: parsing takes the process all its time, and memory. */
const largestFile = 1024 * 1024;

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

/** Does all of {@link replaceFile} but the last step, and leaves nothing, to find out whether a file could be replaced. */
export async function rehearseReplacing(file: string, replacement: NewFile): Promise<void> {
  await putInPlace(file, replacement);
}

/** The end of a name that {@link putInPlace} gives to what is not in place yet. */
const temporaryEnd = /\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes from a folder what a process that was killed while it replaced files there has left, keys among it. For those who
 * know that nobody is at it; `start`: only of files whose names begin so.
 */
export async function removeTemporaries(folder: string, start = ""): Promise<void> {
  // What cannot be looked at or removed is no reason to fail: the work that follows says what it lacks.
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(start) && temporaryEnd.test(one)))
    await rm(join(folder, name), { force: true }).catch(() => undefined);
}

async function putInPlace(
  file: string,
  { content, mode }: NewFile,
  isWanted?: (target: string) => boolean,
): Promise<boolean> {
  // What no run after this one would read is not written.
  if (Buffer.byteLength(content) > largestFile) throw unreadable(`${file} would become larger than 1 MiB`);
  const target = await followLink(file);
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await takeOverOwnerAndMode(handle, target);
      if (isWanted !== undefined) await handle.sync();
    } finally {
      await handle.close();
    }
    // Looking and renaming follow each other without a pause: what another program writes in between is lost.
    if (isWanted?.(target) !== true) return false;
    currentCall().change();
    renameSync(temporary, target);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

function textNow(file: string): string | undefined {
  try {
    const opened = openSync(file, readOnly);
    try {
      return readFileSync(opened, "utf8");
    } finally {
      closeSync(opened);
    }
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The text of a file, or undefined where there is none. */
export async function readText(file: string): Promise<string | undefined> {
  return (await readBytes(file))?.toString("utf8");
}

/**
 * The bytes of a file, or undefined where there is none.
 *
 * @throws ConfigProblem where something else is in its place, which might never end, or more than can be right.
 */
export async function readBytes(file: string): Promise<Buffer | undefined> {
  const handle = await unlessMissing(open(file, readOnly));
  if (handle === undefined) {
    await followLink(file); // a link to nowhere is not nothing: what it leads to may come back
    return undefined;
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw unreadable(`${file} is not a file`);
    if (found.size > largestFile) throw unreadable(`${file} is larger than 1 MiB`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function unreadable(problem: string): ConfigProblem {
  return new ConfigProblem(problem, "It was left as it is: move it away, or give another configDir");
}

/** Whether a directory is there. A file of its name is an error. */
export async function isDirectory(path: string): Promise<boolean> {
  const found = await unlessMissing(stat(path));
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw new ConfigProblem(`${path} is not a directory`, "Move that file away, or give another configDir");
}

/** Makes a directory and those above it where they are missing, readable for owner and group as `lxc` does. */
export async function makeDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  currentCall().change();
  await mkdir(path, { recursive: true, mode: 0o750 });
}

/** Removes a file; where there is none, that is done already. */
export async function removeFile(file: string): Promise<void> {
  currentCall().change();
  await rm(file, { force: true });
}

/**
 * The directory, or the nearest above it that exists: where it would be made.
 *
 * @throws ConfigProblem where a file or a link to nowhere is in the way.
 */
export async function nearestDirectory(path: string): Promise<string> {
  const parent = dirname(path);
  return (await isDirectory(await followLink(path))) || parent === path ? path : nearestDirectory(parent);
}

/**
 * The file itself, behind any symbolic links.
 *
 * @throws ConfigProblem where a link leads nowhere: writing would replace it, which its maker did not ask for.
 */
export async function followLink(file: string): Promise<string> {
  const target = await unlessMissing(realpath(file));
  if (target !== undefined) return target;
  const found = await unlessMissing(lstat(file));
  if (found === undefined) return file;
  // What is there now and no link was made by somebody else since it was looked for: remotes share a new directory.
  if (!found.isSymbolicLink()) return followLink(file);
  throw new ConfigProblem(
    `${file} is a link to something that does not exist`,
    "Make what it leads to, or remove the link",
  );
}

async function takeOverOwnerAndMode(handle: FileHandle, target: string): Promise<void> {
  const [old, fresh] = await Promise.all([unlessMissing(stat(target)), handle.stat()]);
  if (old === undefined) return;
  let mode = old.mode & 0o7777;
  if (old.uid !== fresh.uid || old.gid !== fresh.gid) {
    try {
      await handle.chown(old.uid, old.gid);
    } catch (error) {
      // Only root can give a file away. Its group matters less than that it is written; but what that group might do, another
      // one may not.
      if (!isSystemError(error, "EPERM", "EINVAL")) throw error;
      if (old.uid !== fresh.uid) throw belongsToAnother(target, old.uid);
      mode &= ~0o070;
    }
  }
  await handle.chmod(mode);
}

function belongsToAnother(file: string, uid: number): ConfigProblem {
  return new ConfigProblem(
    `${file} belongs to another user (uid ${uid}), who would lose it if it were replaced`,
    "It was left as it is: give it to the user that runs this (`chown`), or run as its owner",
  );
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}
