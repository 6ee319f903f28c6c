/** File systems of a test's own: read-only ones, and ones that are full. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mounted: string[] = [];

/** A mocha hook: skips the suite, and says why, where nothing can be mounted on this machine. */
export function needsMounts(this: Mocha.Context): void {
  const reason = missingMounts();
  if (reason === undefined) return;
  console.log(`      skipped: ${reason}`);
  // Read by the reporter of `npm test`.
  Object.assign(this.test?.parent ?? {}, { skipReason: reason });
  this.skip();
}

/** Puts an empty file system in memory at a directory. `size` and `inodes` are all that it takes. */
export function mountMemory(directory: string, { size, inodes }: { size: string; inodes: number }): void {
  mount("-t", "tmpfs", "-o", `size=${size},nr_inodes=${inodes},mode=750`, "tmpfs", directory);
}

/** Makes a file or directory a mount of its own, which holds what was there. */
export function mountItself(path: string): void {
  mount("--bind", path, path);
}

/** Makes a directory read-only for everybody, root included. */
export function mountReadOnly(directory: string): void {
  mountItself(directory);
  execFileSync("mount", ["-o", "remount,bind,ro", directory]);
}

export function unmount(path: string): void {
  execFileSync("umount", [path]);
  mounted.splice(mounted.indexOf(path), 1);
}

/** A mocha hook: unmounts what a failed test left mounted, the last one first. */
export function unmountAll(): void {
  for (const path of mounted.splice(0).reverse()) execFileSync("umount", ["--lazy", path]);
}

function mount(...words: string[]): void {
  execFileSync("mount", words, { stdio: ["ignore", "ignore", "pipe"] });
  mounted.push(words.at(-1) ?? "");
}

function missingMounts(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "lxa-mount-"));
  try {
    mountMemory(directory, { size: "64k", inodes: 10 });
    unmount(directory);
    return undefined;
  } catch (error) {
    return `nothing can be mounted here (${String(error).split("\n").at(-1) ?? ""})`;
  } finally {
    rmdirSync(directory);
  }
}
