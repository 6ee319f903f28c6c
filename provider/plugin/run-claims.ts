/**
 * Claims of all the plugin's processes of a run. The engine starts one for each provider resource, and what the resource of
 * one has made, the delete of another one's must leave: a listener say, of which both the name and the provider were changed.
 *
 * A claim is an empty file in a folder of the run, named by the hash of what is claimed, so that the first who makes it has it.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../errors";
import { type Claims, OwnClaims } from "../lxd/pool";

/** Milliseconds after which the folder of a run is one that a killed process left. */
const staleAfter = 24 * 3600 * 1000;

export class RunClaims implements Claims {
  /** Where no folder can be had, only this process knows. */
  private readonly own = new OwnClaims();
  private readonly made = new Set<string>();
  private readonly parent: string;
  private readonly folder: string;

  /** `engine` is the address of the run's engine, host:port. */
  constructor(engine: string, temporary = tmpdir()) {
    // A port may be another run's, an hour later; the process that started this one is then another one, too.
    const starter = process.platform === "win32" ? 0 : process.ppid;
    this.parent = join(temporary, `lxd-access-${process.getuid?.() ?? "runs"}`);
    this.folder = join(this.parent, hashOf(JSON.stringify([engine, starter])));
  }

  take(what: string): boolean {
    const file = this.fileOf(what);
    try {
      this.makeFolder();
      closeSync(openSync(file, "wx", 0o600));
      this.made.add(file);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
    }
    return this.own.take(what);
  }

  isTaken(what: string): boolean {
    return this.own.isTaken(what) || (existsSync(this.fileOf(what)) && isOwn(this.parent));
  }

  clear(): void {
    this.own.clear();
    for (const file of this.made)
      attempt(() => {
        rmSync(file);
      });
    this.made.clear();
    // The last one removes the folders.
    for (const folder of [this.folder, this.parent])
      attempt(() => {
        rmdirSync(folder);
      });
  }

  private fileOf(what: string): string {
    return join(this.folder, hashOf(what));
  }

  private makeFolder(): void {
    if (this.made.size > 0) return;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    if (!isOwn(this.parent)) throw new Error(`${this.parent} is somebody else's`);
    for (const name of readdirSync(this.parent)) {
      const run = join(this.parent, name);
      attempt(() => {
        if (Date.now() - statSync(run).mtimeMs > staleAfter) rmSync(run, { recursive: true });
      });
    }
  }
}

/** In a folder that everybody may write to, somebody else may have been first. */
function isOwn(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) return false;
  return process.getuid === undefined || found.uid === process.getuid();
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** What cannot be removed, another process uses or has removed. */
function attempt(removal: () => void): void {
  try {
    removal();
  } catch {
    return;
  }
}
