/** The server that the quickstart works on: a private LXD daemon, the server double of the tests, or the user's own. */
import { mkdirSync } from "node:fs";
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
import { startDaemon, stopDaemon } from "./daemon.mjs";
import { freePort } from "./free-port.mjs";
import { atEnd, isEnding } from "./ending.mjs";
import { isolatedEnvironment } from "./environment.mjs";
import { root } from "./run.mjs";
import { StepError, detail, say } from "./steps.mjs";

/**
 * @typedef {{ kind: "daemon" | "double", directory: string, pid: number }} OwnProcess a server of the quickstart's own
 * @typedef {{ kind: "users" }} UsersServer
 */

/**
 * @typedef {object} Server
 * @property {OwnProcess | UsersServer} process what has to be ended
 * @property {import("./lxd-request.mjs").Reach} reach how to send it a request
 * @property {string} address what is to become its core.https_address
 * @property {Record<string, string>} config stack config that names the connection
 * @property {Record<string, string>} secrets the same, for what is secret
 * @property {"lxd" | "incus"} flavor
 * @property {string} [client] path of `lxc` or `incus`, where there is one
 * @property {() => void} leaveRunning lets it outlive this process
 */

/**
 * Starts a private LXD daemon; where there can be none, the server double, with a banner that says so.
 * @param {import("./setup.mjs").Found} found
 * @param {string} folder the server gets a folder in it
 * @returns {Promise<Server>}
 */
export async function startPrivateServer({ lxd, reasons }, folder) {
  const directory = join(folder, "server");
  if (lxd === undefined) return startDouble(directory, reasons.lxd ?? "there is no LXD");
  say(`starting a private LXD ${lxd.version} in ${directory}`);
  try {
    const starting = startDaemon({ flavor: "lxd", directory });
    // Also while it still starts. One that fails to has been stopped already.
    atEnd("stopping the private LXD daemon", () => starting.then(stopWithWord, () => undefined));
    const { pid, socketPath, leaveRunning } = await starting;
    const client = lxd.client === undefined ? {} : { client: lxd.client };
    return {
      ...(await serverAt(socketPath)),
      process: { kind: "daemon", directory, pid },
      ...client,
      leaveRunning,
    };
  } catch (error) {
    if (isEnding()) throw error;
    // In a container without privileges LXD is installed and cannot start.
    const reason = error instanceof Error ? error.message : String(error);
    return startDouble(directory, reason);
  }
}

/** @param {import("./daemon.mjs").Daemon} daemon */
async function stopWithWord(daemon) {
  say("stopping the private LXD daemon");
  await daemon.stop();
}

/**
 * Ends a server that an earlier process has started, and removes its directory.
 * @param {OwnProcess | UsersServer} server
 */
export async function endServer(server) {
  if (server.kind === "daemon") await stopDaemon({ flavor: "lxd", ...server });
  if (server.kind === "double") await endDouble(server);
}

/**
 * @param {string} directory
 * @param {string} reason
 * @returns {Promise<Server>}
 */
async function startDouble(directory, reason) {
  const line = "=".repeat(78);
  detail(
    `${line}\nNO LXD: ${reason}\n\n` +
      "What follows runs on the SERVER DOUBLE of the tests: real Pulumi, real sockets, TLS and\n" +
      `certificates, but not a real LXD, and so without a real \`lxc\`.\n${line}`,
  );
  say("starting the server double");
  mkdirSync(directory, { recursive: true });
  const log = join(directory, "double.log");
  const script = join("test", "support", "double", "main.ts");
  const args = ["-r", "ts-node/register", script, "--profile", "lxd-5.0", "--directory", directory];
  const env = isolatedEnvironment(undefined);
  const pid = await startInBackground({ command: process.execPath, args, env, cwd: root, directory, log });
  atEnd("stopping the server double", () => endDouble({ directory, pid }));
  const socketPath = await socketOfDouble(pid, directory, log);
  return {
    ...(await serverAt(socketPath)),
    process: { kind: "double", directory, pid },
    leaveRunning: () => undefined,
  };
}

/**
 * @param {number} pid
 * @param {string} directory
 * @param {string} log
 */
async function socketOfDouble(pid, directory, log) {
  for (;;) {
    const socketPath = /^ready (.+)$/m.exec(tailOf(log))?.[1];
    if (socketPath !== undefined) return socketPath;
    if (!isRunning(pid, directory)) throw new StepError(`the server double does not start:\n${tailOf(log)}`);
    await pause(50);
  }
}

/** @param {{ directory: string, pid: number }} double */
async function endDouble({ directory, pid }) {
  signalProcess(pid, directory, "SIGTERM");
  if (!(await hasEnded(pid, directory, 5))) signalProcess(pid, directory, "SIGKILL");
  await hasEnded(pid, directory, 5);
  removeDirectory(directory);
}

/**
 * @param {string} socketPath
 * @returns {Promise<Omit<Server, "process" | "leaveRunning">>}
 */
async function serverAt(socketPath) {
  const address = `127.0.0.1:${await freePort()}`;
  return {
    reach: { socketPath },
    address,
    config: { "lxd-access:socketPath": socketPath },
    secrets: {},
    flavor: "lxd",
  };
}
