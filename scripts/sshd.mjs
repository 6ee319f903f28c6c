/**
 * Private SSH servers for the tests: real ones, on a port of 127.0.0.1 and in a directory of their own, that know only
 * the keys they are told of. Nothing of them is left in the end.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.mjs";
import { requireServer } from "./servers.mjs";
import { StepError } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

/** @typedef {"ed25519" | "ecdsa" | "rsa"} KeyType */

/**
 * @typedef {object} Sshd
 * @property {string} host always 127.0.0.1
 * @property {number} port
 * @property {string} user who may log in: the one this process runs as
 * @property {string} directory its own directory, free to keep files in; goes with `stop`
 * @property {(publicKey: string) => void} authorize lets the owner of a key log in; a line of authorized_keys
 * @property {(type?: KeyType) => string} hostKey a public host key, as in "ssh-ed25519 AAAA…"
 * @property {() => string} log what it has written so far, with each connection and each login
 * @property {() => void} drop ends its connections; it goes on listening
 * @property {() => void} freeze makes its connections silent, as a network that goes away would; it goes on listening
 * @property {() => Promise<void>} kill ends it with all its connections, as a power cut would; the directory stays
 * @property {() => Promise<void>} start starts it again on the same port, after `kill`
 * @property {() => Promise<void>} stop ends it and deletes the directory; may be called again
 */

/** @type {Set<() => void>} what ends those that must not outlive this process */
const alive = new Set();

/**
 * Starts an SSH server and waits until it listens.
 * @param {{ hostKeys?: readonly KeyType[], settings?: readonly string[] }} [options]
 *   `hostKeys`: one of each type by default; `settings`: further lines of sshd_config, which come first and so win
 * @returns {Promise<Sshd>}
 */
export async function startSshd({ hostKeys = ["ed25519", "ecdsa", "rsa"], settings = [] } = {}) {
  const { command } = await requireServer("sshd");
  const directory = mkdtempSync(join(tmpdir(), "lxa-sshd-"));
  const port = await freePort();
  const authorized = join(directory, "authorized_keys");
  const log = join(directory, "sshd.log");
  writeFileSync(authorized, "", { mode: 0o600 });
  for (const type of hostKeys) makeKey(hostKeyFile(directory, type), type);
  writeFileSync(
    join(directory, "sshd_config"),
    [
      ...settings,
      ...["ListenAddress 127.0.0.1", `Port ${port}`, "PidFile none", "UsePAM no", "StrictModes no"],
      ...[
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
      ],
      ...["MaxStartups 100", "LogLevel DEBUG1", `AuthorizedKeysFile ${authorized}`],
      ...(penalizes(command) ? ["PerSourcePenalties no"] : []),
      ...hostKeys.map((type) => `HostKey ${hostKeyFile(directory, type)}`),
      "",
    ].join("\n"),
  );
  // Its own way to be rid of rights; the package's service makes it too. Without root sshd does not look for it.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });

  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child;
  const kill = async () => {
    const ending = child;
    if (ending === undefined) return;
    child = undefined;
    const exit = new Promise((resolve) => ending.once("exit", resolve));
    const hasEnded = ending.exitCode !== null || ending.signalCode !== null;
    ending.ref();
    killTree(ending.pid);
    if (!hasEnded) await exit;
  };
  const start = async () => {
    const output = openSync(log, "a", 0o600);
    const begins = readFileSync(log).length;
    child = spawn(command, ["-D", "-e", "-f", join(directory, "sshd_config")], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output],
    });
    child.unref();
    closeSync(output);
    const deadline = Date.now() + 20_000;
    while (!readFileSync(log, "utf8").slice(begins).includes("Server listening on")) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new StepError(
          `the private sshd (${command}) does not start:\n${readFileSync(log, "utf8").trim()}`,
        );
      await pause(20);
    }
  };
  const stop = async () => {
    await kill();
    alive.delete(endAll);
    rmSync(directory, { recursive: true, force: true });
  };
  const endAll = () => {
    killTree(child?.pid);
    rmSync(directory, { recursive: true, force: true });
  };
  watchEnd();
  alive.add(endAll);
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    directory,
    authorize: (publicKey) => appendFileSync(authorized, `${publicKey.trim()}\n`),
    hostKey: (type = "ed25519") =>
      readFileSync(`${hostKeyFile(directory, type)}.pub`, "utf8")
        .split(" ")
        .slice(0, 2)
        .join(" "),
    log: () => readFileSync(log, "utf8"),
    drop: () => {
      for (const pid of descendantsOf(child?.pid ?? NaN)) signal(pid, "SIGKILL");
    },
    freeze: () => {
      for (const pid of descendantsOf(child?.pid ?? NaN)) signal(pid, "SIGSTOP");
    },
    kill,
    start,
    stop,
  };
}

/**
 * Whether this sshd turns a client away for a while that failed to log in, as tests do on purpose: OpenSSH 9.8 and newer.
 * @param {string} command
 */
function penalizes(command) {
  // Releases that do not know the option tell their version all the same, with their usage.
  const { stdout, stderr } = spawnSync(command, ["-V"], { encoding: "utf8" });
  return isAtLeast(/OpenSSH_(\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? "0", "9.8");
}

/**
 * Makes a key pair as users do, with ssh-keygen: PATH and PATH.pub.
 * @param {string} path
 * @param {KeyType} [type]
 * @param {{ passphrase?: string, format?: "RFC4716" | "PEM" | "PKCS8" }} [options] OpenSSH's own form by default
 * @returns {string} the public key, as one line of authorized_keys
 */
export function makeKey(path, type = "ed25519", { passphrase = "", format = "RFC4716" } = {}) {
  const form = format === "RFC4716" ? [] : ["-m", format];
  const args = ["-q", "-t", type, "-N", passphrase, "-C", "", "-f", path, ...form];
  const made = spawnSync("ssh-keygen", args, { encoding: "utf8" });
  if (made.status !== 0) throw new StepError(`ssh-keygen failed: ${made.stderr || String(made.error)}`);
  return readFileSync(`${path}.pub`, "utf8").trim();
}

/**
 * @param {string} directory
 * @param {KeyType} type
 */
function hostKeyFile(directory, type) {
  return join(directory, `host_${type}`);
}

/**
 * Ends an SSH server and all its connections, each of which is a process in a session of its own.
 * @param {number | undefined} pid
 */
function killTree(pid) {
  if (pid === undefined) return;
  // While it is stopped, no further connection can begin.
  signal(pid, "SIGSTOP");
  for (const one of descendantsOf(pid)) signal(one, "SIGKILL");
  signal(pid, "SIGKILL");
}

/**
 * @param {number} pid
 * @returns {number[]}
 */
function descendantsOf(pid) {
  const children = readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && parentOf(name) === pid)
    .map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** @param {string} pid */
function parentOf(pid) {
  try {
    // The name, in brackets, may hold anything; behind it are state and parent.
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
  } catch {
    return undefined;
  }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} name
 */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It is not there any more.
  }
}

let isWatched = false;

/** The last resort, for a process that ends without having called `stop`. */
function watchEnd() {
  if (isWatched) return;
  isWatched = true;
  process.on("exit", () => {
    for (const endOne of alive) endOne();
  });
}
