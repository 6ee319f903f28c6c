/** A private LXD cluster of two members on loopback, each with an address of its own, for tests and examples. */
import { setTimeout as pause } from "node:timers/promises";
import { startDaemon } from "./daemon.mjs";
import { freePort } from "./free-port.mjs";
import { requestLxd } from "./lxd-request.mjs";
import { run } from "./run.mjs";
import { requireServer } from "./servers.mjs";
import { StepError } from "./steps.mjs";

/** The members by name, and the loopback address of each; linux gives all of 127.0.0.0/8 to the loopback interface. */
const hosts = /** @type {const} */ ({ a: "127.0.0.2", b: "127.0.0.3" });

/** How long a member may take until the others count it in, in milliseconds. */
const patience = 60_000;

/**
 * @typedef {object} Member
 * @property {"a" | "b"} name of the member in the cluster
 * @property {string} host its loopback address: 127.0.0.2 or 127.0.0.3
 * @property {string} clusterAddress its `cluster.https_address`: host:port
 * @property {import("./daemon.mjs").Daemon} daemon
 */

/**
 * @typedef {object} Cluster
 * @property {Member} a the member that was there first, and leads
 * @property {Member} b the member that joined
 * @property {() => Promise<void>} untilJoined waits until both are online and reach each other, after a restart say
 * @property {() => Promise<void>} stop shuts both down and deletes their directories; may be called again
 */

/**
 * Starts a cluster and waits until both members are online. Rejects with a StepError where it does not come about.
 * `isJoint`: the listener of the cluster is the one for clients too, as `lxd init` sets it up; else `core.https_address`
 * is unset on both members. Default false.
 * @param {{ isJoint?: boolean }} [options]
 * @returns {Promise<Cluster>}
 */
export async function startCluster({ isJoint = false } = {}) {
  const started = await Promise.allSettled([startDaemon({ flavor: "lxd" }), startDaemon({ flavor: "lxd" })]);
  const daemons = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  // The member that joined goes first: the one that leads could not shut down without it.
  const stop = async () => {
    for (const daemon of daemons.toReversed()) await daemon.stop();
  };
  try {
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const [first, second] = daemons;
    if (first === undefined || second === undefined) throw new StepError("a cluster needs two daemons");
    const a = await member("a", first);
    const b = await member("b", second);
    await found(a, isJoint ? "core.https_address" : "cluster.https_address");
    // A member that does not listen yet joins with one listener for both.
    if (!isJoint) await listen(b, `${b.host}:${await freePort(b.host)}`);
    await join(a, b);
    if (!isJoint) await listen(b, "");
    const untilJoined = () => untilOnline(a, b);
    await untilJoined();
    return { a, b, untilJoined, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {"a" | "b"} name
 * @param {import("./daemon.mjs").Daemon} daemon
 * @returns {Promise<Member>}
 */
async function member(name, daemon) {
  const host = hosts[name];
  return { name, host, clusterAddress: `${host}:${await freePort(host)}`, daemon };
}

/**
 * @param {Member} a
 * @param {"core.https_address" | "cluster.https_address"} key
 */
async function found({ name, clusterAddress, daemon }, key) {
  await initialize(daemon, {
    config: { [key]: clusterAddress },
    cluster: { server_name: name, enabled: true },
  });
}

/**
 * @param {Member} a
 * @param {Member} b
 */
async function join(a, b) {
  const { metadata } = await requestLxd(a.daemon, "POST", "/1.0/cluster/members", { server_name: b.name });
  const { addresses, fingerprint, secret, expiresAt } = metadata;
  const token = { server_name: b.name, fingerprint, addresses, secret, expires_at: expiresAt };
  await initialize(b.daemon, {
    cluster: {
      server_name: b.name,
      enabled: true,
      server_address: b.clusterAddress,
      cluster_token: Buffer.from(JSON.stringify(token)).toString("base64"),
      member_config: [],
    },
  });
}

/**
 * @param {import("./daemon.mjs").Daemon} daemon
 * @param {object} preseed
 */
async function initialize({ directory }, preseed) {
  const { command } = await requireServer("lxd");
  await run(command, ["init", "--preseed"], {
    what: "setting up a member of the cluster",
    env: { ...process.env, LXD_DIR: directory, HOME: directory },
    cwd: "/",
    // JSON is YAML.
    input: JSON.stringify(preseed),
    seconds: 60,
  });
}

/**
 * @param {Member} member
 * @param {string} address
 */
async function listen({ daemon }, address) {
  await requestLxd(daemon, "PATCH", "/1.0", { config: { "core.https_address": address } });
}

/**
 * Waits until both members say that they are online, and each passes a request on to the other one, which takes a while
 * longer after a start.
 * @param {Member} a
 * @param {Member} b
 */
async function untilOnline(a, b) {
  const until = performance.now() + patience;
  for (;;) {
    const members = await requestLxd(a.daemon, "GET", "/1.0/cluster/members?recursion=1");
    const states = members.map((/** @type {{ status: string }} */ { status }) => status);
    const isOnline = states.length === 2 && states.every((/** @type {string} */ state) => state === "Online");
    if (isOnline && (await passesOn(a, b)) && (await passesOn(b, a))) return;
    if (performance.now() > until)
      throw new StepError(`the members are ${states.join(", ")}, and do not reach each other`);
    await pause(50);
  }
}

/**
 * @param {Member} from
 * @param {Member} to
 */
async function passesOn(from, to) {
  return requestLxd(from.daemon, "GET", `/1.0?target=${to.name}`).then(
    () => true,
    () => false,
  );
}
