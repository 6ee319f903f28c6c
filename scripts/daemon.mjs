/**
 * Private LXD and Incus daemons for the quickstart and the tests: one directory and one process each, beside any
 * server that the machine may have, and nothing of them is left in the end.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  hasEnded,
  isRunning,
  removeDirectory,
  signalProcess,
  startInBackground,
  tailOf,
} from "./background.mjs";
import { endsInOrder } from "./ending.mjs";
import { requestLxd } from "./lxd-request.mjs";
import { pathFolders, run } from "./run.mjs";
import { requireServer } from "./servers.mjs";
import { StepError } from "./steps.mjs";

/** How long a daemon is asked often whether it is ready, in milliseconds. */
const oftenFor = 5000;

/** Longest directory that leaves room for the sockets in it: their paths are limited to 108 bytes. */
const longestDirectory = 88;

/** @typedef {"lxd" | "incus"} Flavor */

/**
 * @typedef {object} Daemon
 * @property {string} directory the daemon's own directory: LXD_DIR or INCUS_DIR
 * @property {string} socketPath the daemon's unix socket
 * @property {number} pid changes with a restart
 * @property {() => Promise<void>} stop shuts the daemon down and deletes the directory; may be called again
 * @property {() => Promise<void>} kill ends the daemon as a power cut would; the directory stays
 * @property {() => Promise<void>} restart shuts the daemon down if it runs, and starts it again on the same directory
 * @property {() => void} leaveRunning lets the daemon outlive this process; {@link stopDaemon} ends it later
 */

/** @type {Set<{ pid: number, directory: string }>} daemons of this process that must not outlive it */
const alive = new Set();

/**
 * Starts a daemon and waits until it is ready. Rejects with a StepError that shows the end of its log if it is not.
 * @param {{ flavor: Flavor, directory?: string, hosts?: Readonly<Record<string, string>>, args?: readonly string[] }} options
 *   `directory`: an absolute path, short; made if need be, deleted by `stop`; default: a new one
 *   `hosts`: names that this daemon alone knows, and the IP address of each
 *   `args`: further arguments of its program
 * @returns {Promise<Daemon>}
 */
export async function startDaemon({ flavor, directory: wanted, hosts = {}, args = [] }) {
  const { command } = await requireServer(flavor);
  const directory = makeDirectory(wanted);
  const socketPath = join(directory, "unix.socket");
  const daemon = {
    directory,
    socketPath,
    pid: NaN,
    stop: async () => {
      await stopDaemon({ flavor, directory, pid: daemon.pid });
      alive.delete(daemon);
    },
    kill: () => killProcess(daemon.pid, directory),
    restart: async () => {
      await shutDown({ flavor, directory, pid: daemon.pid });
      await start();
    },
    leaveRunning: () => {
      alive.delete(daemon);
    },
  };
  const start = async () => {
    const log = join(directory, "daemon.log");
    const env = daemonEnvironment(flavor, directory);
    daemon.pid = await startInBackground({
      ...withHosts(hosts, directory, [command, "--group", "root", ...args]),
      env,
      cwd: "/",
      directory,
      log,
    });
    await waitUntilReady(flavor, command, daemon, log);
  };
  endWithThisProcess(daemon);
  try {
    await start();
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/**
 * Shuts down a daemon, which another process may have started, and deletes its directory.
 * @param {{ flavor: Flavor, directory: string, pid: number }} daemon
 */
export async function stopDaemon({ flavor, directory, pid }) {
  await shutDown({ flavor, directory, pid });
  removeDirectory(directory);
}

/**
 * A command that finds these names beside those of the machine: /etc/hosts is another file for it, and for nobody else.
 * @param {Readonly<Record<string, string>>} hosts
 * @param {string} directory
 * @param {readonly string[]} line the command and its arguments
 * @returns {{ command: string, args: readonly string[] }}
 */
function withHosts(hosts, directory, [command = "", ...args]) {
  if (Object.keys(hosts).length === 0) return { command, args };
  const file = join(directory, "hosts");
  const lines = Object.entries(hosts).map(([name, address]) => `${address} ${name}`);
  writeFileSync(file, [readFileSync("/etc/hosts", "utf8"), ...lines, ""].join("\n"));
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
  return { command: "unshare", args: ["--mount", "sh", "-c", script, "sh", file, command, ...args] };
}

/** @param {string | undefined} wanted */
function makeDirectory(wanted) {
  if (wanted !== undefined) mkdirSync(wanted, { recursive: true, mode: 0o711 });
  const base = tmpdir().length > longestDirectory - 12 ? "/tmp" : tmpdir();
  const directory = realpathSync(wanted ?? mkdtempSync(join(base, "lxa-")));
  if (directory.length <= longestDirectory) return directory;
  throw new StepError(
    `${directory} is too long a path for a daemon's sockets: ${longestDirectory} characters at most`,
  );
}

/**
 * @param {Flavor} flavor
 * @param {string} directory
 * @returns {NodeJS.ProcessEnv}
 */
function daemonEnvironment(flavor, directory) {
  // Daemons look for an image server as soon as they start; a proxy that is not there keeps them on this machine.
  const nowhere = "http://127.0.0.1:9";
  return {
    PATH: pathFolders().join(":"),
    HOME: directory,
    LANG: "C.UTF-8",
    [flavor === "lxd" ? "LXD_DIR" : "INCUS_DIR"]: directory,
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    NO_PROXY: "127.0.0.1,localhost",
  };
}

/**
 * @param {Flavor} flavor
 * @param {string} command
 * @param {{ directory: string, socketPath: string, pid: number }} daemon
 * @param {string} log
 */
async function waitUntilReady(flavor, command, { directory, socketPath, pid }, log) {
  const waiting = new AbortController();
  const env = daemonEnvironment(flavor, directory);
  const options = { env, cwd: "/", seconds: 40, signal: waiting.signal };
  const ready = askOften(socketPath, waiting.signal)
    .then(() => run(command, ["waitready", "--timeout", "30"], options))
    .then(() => true);
  try {
    while (!(await Promise.race([ready, pause(50, false)]))) {
      if (!isRunning(pid, directory)) throw new StepError("it ended by itself");
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StepError(`the private ${flavor} daemon (${command}) is not ready: ${reason}\n${tailOf(log)}`);
  } finally {
    waiting.abort();
  }
}

/**
 * Waits until a daemon says that it is ready, for a while: `waitready` asks the same, but only twice a second.
 * @param {string} socketPath
 * @param {AbortSignal} signal ends the waiting
 */
async function askOften(socketPath, signal) {
  const until = performance.now() + oftenFor;
  const isReady = () =>
    requestLxd({ socketPath }, "GET", "/internal/ready").then(
      () => true,
      () => false,
    );
  while (!signal.aborted && performance.now() < until && !(await isReady())) await pause(10);
  signal.throwIfAborted();
}

/** @param {{ flavor: Flavor, directory: string, pid: number }} daemon */
async function shutDown({ flavor, directory, pid }) {
  if (!isRunning(pid, directory)) return;
  const { command } = await requireServer(flavor);
  const env = daemonEnvironment(flavor, directory);
  // What comes of it is seen by the process itself: one that is stuck has to be killed.
  const shutdown = run(command, ["shutdown", "--timeout", "10"], {
    env,
    cwd: "/",
    seconds: 20,
    whileEnding: true,
  });
  await shutdown.catch(() => undefined);
  if (!(await hasEnded(pid, directory, 10))) await killProcess(pid, directory);
}

/**
 * @param {number} pid
 * @param {string} directory
 */
async function killProcess(pid, directory) {
  signalProcess(pid, directory, "SIGKILL");
  if (!(await hasEnded(pid, directory, 10)))
    throw new StepError(`the daemon ${pid} of ${directory} cannot be ended`);
}

let isWatched = false;

/**
 * The last resort, for a process that ends without having called `stop`: a test runner that is interrupted.
 * @param {{ pid: number, directory: string }} daemon
 */
function endWithThisProcess(daemon) {
  alive.add(daemon);
  if (isWatched) return;
  isWatched = true;
  process.on("exit", () => {
    for (const { pid, directory } of alive) {
      signalProcess(pid, directory, "SIGKILL");
      removeDirectory(directory);
    }
  });
  if (endsInOrder()) return;
  // Without a handler these signals end a process at once, without its `exit` event. A library that listens, too, leaves it to
  // others that do.
  for (const [signal, number] of /** @type {const} */ ([
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ])) {
    process.once(signal, () => process.exit(128 + number));
  }
}
