/** What runs that are killed take place on: a server that is as it was before each of them, and a new folder for each. */
import { strict as assert } from "node:assert";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { runClient } from "../client-command";
import { listeningSockets } from "../facts/listening-sockets";
import { makePair } from "../openssl-pair";
import { freePort, type ServerView, viewOf } from "../server-view";
import { type ServerKind, startServer, type TestServer } from "../servers";
import { DoomedProvider } from "./doomed-provider";

/** Folder, in that of the program, which Remotes are written to. */
export const clientDirectory = "client";

/** What a run left, in words that are the same in each run. */
export type Traces = ReadonlySet<string>;

export class CrashGround {
  readonly view: ServerView;
  /** Pairs for clients: one, and one to change to. */
  readonly pair = makePair("edge");
  readonly nextPair = makePair("edge");
  private spare = new DoomedProvider();

  private constructor(
    readonly server: TestServer,
    /** Where the server listens before each run. */
    readonly address: string,
    /** Other addresses that it may listen on. */
    readonly others: readonly [string, string],
  ) {
    this.view = viewOf(server);
  }

  static async start(kind: ServerKind): Promise<CrashGround> {
    const server = await startServer(kind);
    const ports = [await freePort(), await freePort(), await freePort()];
    const [address = "", one = "", other = ""] = ports.map((port) => `127.0.0.1:${port}`);
    const ground = new CrashGround(server, address, [one, other]);
    await ground.view.createProject("second");
    return ground;
  }

  async end(): Promise<void> {
    this.spare.end();
    await this.server.stop();
  }

  /** The server as it is before each run, and a process in a folder of its own for the call that is to be cut off. */
  async begin(): Promise<DoomedProvider> {
    await this.view.revokeTokens();
    for (const { fingerprint } of await this.view.clients()) await this.view.removeClient(fingerprint);
    await this.view.setAddress(this.address);
    const provider = this.spare;
    // Loads the package while this one works.
    this.spare = new DoomedProvider();
    return provider;
  }

  /** What there is on the server and in a program's folder. Fails where a file of the client directory is torn. */
  async look(directory: string): Promise<Traces> {
    const traces = new Set<string>();
    const held = await this.view.address();
    const names = new Map([
      ...([[this.address, "the address of before"]] as const),
      ...this.others.map((address) => [address, "an address of the program"] as const),
    ]);
    traces.add(
      `the server listens ${held === "" ? "nowhere" : `on ${names.get(held) ?? "another address"}`}`,
    );
    if (held === "" && listeningSockets(this.server.pid).length > 0) traces.add("a stray listener");
    for (const { name } of await this.view.clients()) traces.add(`the client ${name} is trusted`);
    for (const name of await this.view.pendingTokens()) traces.add(`a token for ${name} waits`);
    for (const file of filesUnder(directory)) traces.add(file);
    for (const trace of await this.lookAtClient(join(directory, clientDirectory))) traces.add(trace);
    return traces;
  }

  private async lookAtClient(directory: string): Promise<string[]> {
    const config = join(directory, "config.yml");
    requireWholePairs(directory);
    if (!existsSync(config)) return [];
    const { flavor } = this.server;
    // The real client reads it, or complains. It makes files of its own, so it is given a copy.
    const copy = `${directory}.copy`;
    cpSync(directory, copy, { recursive: true });
    const listed = await runClient(flavor, copy, "remote", "list", "--format", "json");
    rmSync(copy, { recursive: true });
    const remotes = JSON.parse(listed) as Record<string, { readonly Addr?: string; readonly addr?: string }>;
    const ours = Object.entries(remotes).filter(([, remote]) =>
      (remote.Addr ?? remote.addr ?? "").startsWith("https://127."),
    );
    const text = readFileSync(config, "utf8");
    const standard = /^default-remote: (.*)$/m.exec(text)?.[1] ?? "none";
    return [...ours.map(([name]) => `a remote ${name}`), `${standard} is the default remote`];
  }
}

/** Has the lock that a dead process left look as if it had been lying about for a while, so that nobody waits for it. */
export function ageLock(directory: string): void {
  const lock = join(directory, clientDirectory, "config.yml.lock");
  if (existsSync(lock)) utimesSync(lock, 0, 0);
}

/** What is in one and not in the other. */
export function without(some: Traces, others: Traces): string[] {
  return [...some].filter((trace) => !others.has(trace));
}

/** The files of a folder and what is in them, without those that are not in place yet. */
export function contentsOf(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".tmp"))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [file.slice(directory.length + 1), readFileSync(file, "utf8")]));
}

/** The names of all files and folders in a folder, the same in each run. */
export function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const name = join(entry.parentPath, entry.name).slice(directory.length + 1);
      const plain = name.replace(/[0-9a-f]{12}\.tmp$/, "*.tmp");
      return entry.isDirectory() ? `${plain}/` : plain;
    })
    .sort();
}

/** A certificate without its key is of use to nobody and misleads nobody; the other way round it would. */
function requireWholePairs(directory: string): void {
  for (const folder of [directory, join(directory, "clientcerts")]) {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    for (const name of names.filter((one) => one.endsWith(".key"))) {
      const certificate = join(folder, name.replace(/key$/, "crt"));
      assert.ok(existsSync(certificate), `${name} has no certificate beside it`);
      const key = createPrivateKey(readFileSync(join(folder, name)));
      assert.ok(new X509Certificate(readFileSync(certificate)).checkPrivateKey(key), `${name} is no pair`);
    }
  }
}
