import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";

/** As much of a file as is looked at: a file may claim to be endless. */
const largest = 16 * 1024 * 1024;

/**
 * All that is below a directory, a line for each path: kind, inode, mode, owner, and what it holds. So two of them are the
 * same only where nobody touched anything. No link is followed.
 */
export function snapshotOf(directory: string): string[] {
  const lines: string[] = [];
  const look = (path: string): void => {
    const found = lstatSync(path);
    const owner = `${found.uid}:${found.gid}`;
    lines.push(
      [relative(directory, path), found.ino, found.mode.toString(8), owner, contentOf(path, found)].join(" "),
    );
    if (found.isDirectory()) for (const name of readdirSync(path).sort()) look(join(path, name));
  };
  look(directory);
  return lines;
}

/** The paths of a snapshot that are there only while somebody writes. */
export function unfinishedIn(snapshot: readonly string[]): string[] {
  return snapshot
    .map((line) => line.split(" ", 1).join(""))
    .filter((path) => /(\.tmp|\.lock|\.lxd-access-writable)$/.test(path));
}

/** The client certificates of a snapshot whose key is not there. */
export function halfPairsIn(snapshot: readonly string[]): string[] {
  const paths = snapshot.map((line) => line.split(" ", 1).join(""));
  return paths.filter(
    (path) =>
      /(^|\/)(client|clientcerts\/[^/]+)\.crt$/.test(path) && !paths.includes(path.replace(/crt$/, "key")),
  );
}

/** The paths of both snapshots that have become something else: another kind, mode or owner, or a link to elsewhere. */
export function changedShapes(before: readonly string[], after: readonly string[]): string[] {
  const shapes = (snapshot: readonly string[]): Map<string, string> =>
    new Map(
      snapshot.map((line) => {
        const [path = "", , mode = "", owner = "", content = ""] = line.split(" ");
        return [path, `${mode} ${owner} ${mode.startsWith("12") ? content : ""}`];
      }),
    );
  const now = shapes(after);
  return [...shapes(before)].flatMap(([path, shape]) => ((now.get(path) ?? shape) === shape ? [] : path));
}

function contentOf(path: string, found: ReturnType<typeof lstatSync> & object): string {
  if (found.isSymbolicLink()) return readlinkSync(path);
  if (!found.isFile() || Number(found.size) > largest) return found.isFile() ? String(found.size) : "";
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
