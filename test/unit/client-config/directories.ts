import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import type { RemoteEntry } from "../../../provider/client-config/client-directory";

const made: string[] = [];

/** A new empty directory, removed by {@link removeDirectories}. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "client-config-"));
  made.push(directory);
  return directory;
}

/** A client directory with these files (paths relative to it). */
export function directoryWith(files: Record<string, string | Buffer>): string {
  const directory = newDirectory();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** A mocha hook: removes what the specs made. */
export function removeDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** The text of a file of a client directory; its config file unless another is named. */
export function textOf(directory: string, path = "config.yml"): string {
  return readFileSync(join(directory, path), "utf8");
}

/** The bytes of a client directory's config file. */
export function bytesOf(directory: string): Buffer {
  return readFileSync(join(directory, "config.yml"));
}

/** A config file as clients decode it, in YAML 1.1. */
export interface DecodedConfig {
  "default-remote": string;
  remotes: Record<string, Record<string, unknown>>;
  aliases: Record<string, string>;
  [key: string]: unknown;
}

/** What the config file says. */
export function configOf(directory: string): DecodedConfig {
  return parse(textOf(directory), { version: "1.1" }) as DecodedConfig;
}

/** Permission bits in octal, as `ls` and people know them. */
export function modeOf(...path: string[]): string {
  return (statSync(join(...path)).mode & 0o7777).toString(8).padStart(4, "0");
}

/** An LXD server's remote at this port. */
export function entryAt(port: number): RemoteEntry {
  return { addr: `https://127.0.0.1:${port}`, protocol: "lxd", public: false };
}

/** Runs `remote-writer.ts` in a process of its own; rejects with its error output where it fails. */
export async function writeRemotesElsewhere(directory: string, prefix: string, count: number): Promise<void> {
  const program = [join(__dirname, "remote-writer.ts"), directory, prefix, String(count)];
  const child = spawn(process.execPath, ["--require", "ts-node/register", ...program], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  const code = await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  if (code !== 0) throw new Error(`remote-writer ended with ${String(code)}: ${complaint}`);
}
