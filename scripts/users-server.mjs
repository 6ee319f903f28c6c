/** `npm run quickstart -- --server`: finds the user's own server, and says what is going to be changed on it. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { requestLxd } from "./lxd-request.mjs";
import { findProgram, run } from "./run.mjs";
import { leadsToSnap } from "./servers.mjs";
import { StepError } from "./steps.mjs";

/** Sockets of the server of this machine, as the clients look for them. */
const usualSockets = [
  "/var/snap/lxd/common/lxd/unix.socket",
  "/var/lib/lxd/unix.socket",
  "/run/incus/unix.socket",
  "/var/lib/incus/unix.socket",
];

/** @typedef {Pick<import("./quickstart-server.mjs").Server, "reach" | "config" | "secrets">} WayIn */

/**
 * Finds the server by a socket's path, or by the name of a remote of the user's `lxc` or `incus`.
 * @param {string} name
 * @param {string | undefined} newAddress where it is to listen if it does not yet
 * @param {string} project the project that the quickstart uses
 * @returns {Promise<import("./quickstart-server.mjs").Server & { changes: string[], hasProject: boolean }>}
 */
export async function findUsersServer(name, newAddress, project) {
  const wayIn = name.includes("/") ? throughSocket(name) : await throughRemote(name);
  const server = await requestLxd(wayIn.reach, "GET", "/1.0");
  if (server.auth !== "trusted" || server.config === undefined || server.config === null) {
    throw new StepError(`${name} lets you in, but not as its administrator, which the quickstart has to be.`);
  }
  const {
    server: software,
    server_version: version,
    server_name: host,
    server_clustered: clustered,
  } = server.environment;
  if (clustered) throw new StepError(`${name} is a cluster; the quickstart sets up single servers only.`);
  const listening = server.config["core.https_address"] ?? "";
  const address = listening || newAddress || "127.0.0.1:8443";
  const projects = await requestLxd(wayIn.reach, "GET", "/1.0/projects");
  const hasProject = projects.includes(`/1.0/projects/${project}`);
  const flavor = software === "incus" ? "incus" : "lxd";
  const program = findProgram(flavor === "incus" ? "incus" : "lxc");
  // The snap's client sees neither /tmp nor another configuration than its own.
  const client = program === undefined || leadsToSnap(program) ? undefined : program;
  const changes = [
    `On ${software} ${version} "${host}" (${name}):`,
    hasProject ? `- project "${project}" is there already and stays` : `- project "${project}" is created`,
    listening ? `- it listens on ${listening}, which stays` : `- core.https_address is set to ${address}`,
    `- a trust token for a new client is issued, restricted to that project, and redeemed at once`,
    "All of it is taken back at the end.",
  ];
  return {
    ...wayIn,
    process: { kind: "users" },
    address,
    flavor,
    changes,
    hasProject,
    leaveRunning: () => undefined,
    ...(client && { client }),
  };
}

/**
 * @param {string} socketPath
 * @returns {WayIn}
 */
function throughSocket(socketPath) {
  if (!existsSync(socketPath)) throw new StepError(`There is no socket ${socketPath}.`);
  return {
    reach: { socketPath },
    config: { "lxd-access:socketPath": realpathSync(socketPath) },
    secrets: {},
  };
}

/**
 * @param {string} name
 * @returns {Promise<WayIn>}
 */
async function throughRemote(name) {
  for (const [client, variable, folder] of /** @type {const} */ ([
    ["lxc", "LXD_CONF", "lxc"],
    ["incus", "INCUS_CONF", "incus"],
  ])) {
    const command = findProgram(client);
    if (command === undefined) continue;
    const { stdout } = await run(command, ["remote", "list", "--format", "json"], { cwd: "/", seconds: 30 });
    const remote = JSON.parse(stdout)[name];
    if (remote === undefined) continue;
    const address = String(remote.Addr ?? remote.addr);
    if (address.startsWith("unix:")) return throughSocket(socketOf(address));
    const reach = { remote: name, client: command };
    return { reach, ...throughHttps(name, address, clientFolder(command, variable, folder)) };
  }
  throw new StepError(`Neither lxc nor incus knows a remote "${name}". The path of a socket would do, too.`);
}

/**
 * The same connection, in the provider's terms.
 * @param {string} name
 * @param {string} address
 * @param {string} folder the client's configuration
 */
function throughHttps(name, address, folder) {
  const pin = join(folder, "servercerts", `${name}.crt`);
  if (!existsSync(pin)) throw new StepError(`The remote "${name}" has no pinned certificate in ${pin}.`);
  const own = join(folder, "clientcerts", name);
  const pair = existsSync(`${own}.crt`) ? own : join(folder, "client");
  const config = {
    "lxd-access:address": address,
    "lxd-access:serverCertificate": readFileSync(pin, "utf8"),
    "lxd-access:clientCertificate": readFileSync(`${pair}.crt`, "utf8"),
  };
  return { config, secrets: { "lxd-access:clientKey": readFileSync(`${pair}.key`, "utf8") } };
}

/** @param {string} address as in "unix:///var/lib/lxd/unix.socket"; "unix://" is the usual one */
function socketOf(address) {
  const path = address.replace(/^unix:(\/\/)?/, "");
  if (path !== "") return path;
  const directory = process.env["LXD_DIR"] || process.env["INCUS_DIR"];
  const given =
    process.env["LXD_SOCKET"] || process.env["INCUS_SOCKET"] || (directory && join(directory, "unix.socket"));
  const found = given || usualSockets.find((socket) => existsSync(socket));
  if (found === undefined)
    throw new StepError(`There is no server here: none of ${usualSockets.join(", ")} exists.`);
  return found;
}

/**
 * @param {string} command
 * @param {string} variable
 * @param {string} folder
 */
function clientFolder(command, variable, folder) {
  const snap = join(homedir(), "snap", "lxd", "common", "config");
  const isSnap = dirname(command).startsWith("/snap/") && existsSync(snap);
  return process.env[variable] || (isSnap ? snap : join(homedir(), ".config", folder));
}
