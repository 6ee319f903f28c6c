/** Finds the servers on this machine that a private daemon can be started from: LXD, Incus and sshd. */
import { closeSync, openSync, readSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { findProgram, isProgram, pathFolders, run } from "./run.mjs";
import { StepError } from "./steps.mjs";

/**
 * @typedef {object} ServerProgram
 * @property {string} command path of the daemon's program
 * @property {string} [client] path of the command-line client, where it is there
 * @property {string} version as in "5.0.2"; empty for sshd, which does not tell without being started
 */

/**
 * @typedef {object} Absence
 * @property {string} reason why no private daemon can be started here
 * @property {boolean} isMissing there is no program at all, so that installing one would help
 */

/** @typedef {"lxd" | "incus" | "sshd"} ServerName */

/**
 * Where each server is looked for. The variable names a program that is taken before all others.
 * @type {Record<ServerName, { variable: string, daemon: string, folders: readonly string[], client?: string }>}
 */
const places = {
  lxd: { variable: "LXD_BIN", daemon: "lxd", folders: [], client: "lxc" },
  incus: {
    variable: "INCUS_BIN",
    daemon: "incusd",
    folders: ["/usr/libexec/incus", "/usr/lib/incus"],
    client: "incus",
  },
  sshd: { variable: "SSHD_BIN", daemon: "sshd", folders: [] },
};

/** @type {Map<ServerName, ServerProgram>} */
const known = new Map();

/**
 * Looks for a server's programs.
 * @param {ServerName} name
 * @returns {Promise<ServerProgram | Absence>}
 */
export async function findServer(name) {
  const found = known.get(name) ?? (await lookFor(name));
  if ("command" in found) known.set(name, found);
  return found;
}

/**
 * @param {ServerName} name
 * @returns {Promise<ServerProgram | Absence>}
 */
async function lookFor(name) {
  const { variable, daemon, folders, client } = places[name];
  const given = process.env[variable];
  if (given !== undefined && given !== "" && !isProgram(given)) {
    return { reason: `${variable} names ${given}, which is no program`, isMissing: false };
  }
  const command = given || findProgram(daemon, [...pathFolders(), ...folders]);
  if (command === undefined) return { reason: `there is no ${daemon} on PATH`, isMissing: true };
  if (name !== "sshd" && leadsToSnap(command)) {
    const reason = `${command} belongs to the snap, which runs one daemon for the whole machine and no private ones`;
    return { reason, isMissing: false };
  }
  if (name !== "sshd" && process.getuid?.() !== 0)
    return { reason: `starting ${command} needs root`, isMissing: false };
  const clientCommand = client === undefined ? undefined : findProgram(client);
  try {
    const version = await versionOf(name, command);
    return { command, version, ...(clientCommand && { client: clientCommand }) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error), isMissing: false };
  }
}

/**
 * The same, where a server is needed.
 * @param {ServerName} name
 * @returns {Promise<ServerProgram>}
 */
export async function requireServer(name) {
  const found = await findServer(name);
  if ("command" in found) return found;
  throw new StepError(`no private ${name} daemon can be started: ${found.reason}`);
}

/**
 * The snap's command, or the small script that Ubuntu puts in its place, which installs the snap as soon as it is called.
 * @param {string} command
 */
export function leadsToSnap(command) {
  const path = realpathSync(command);
  if (basename(path) === "snap" || path.startsWith("/snap/")) return true;
  const start = Buffer.alloc(4096);
  const file = openSync(path, "r");
  readSync(file, start);
  closeSync(file);
  return start.toString("latin1", 0, 2) === "#!" && /\bsnap\b|lxd-installer/.test(start.toString("latin1"));
}

/**
 * @param {ServerName} name
 * @param {string} command
 */
async function versionOf(name, command) {
  if (name === "sshd") return "";
  const { stdout } = await run(command, ["--version"], { cwd: "/", seconds: 10 });
  return stdout.trim();
}
