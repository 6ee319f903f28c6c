/**
 * Changing a server's listener so that a failure leaves it as it was and nobody is locked out: what HttpsAddress does
 * to `core.https_address`.
 */
import { setTimeout } from "node:timers/promises";
import { AccessError, type ErrorCode, isAccessError, messageOf, NotSentError, refuse } from "../errors";
import type { Context } from "../handler";
import { canonicalListenAddress, coversAddress, isWildcard } from "../lxd/address";
import type { LxdClient } from "../lxd/client";
import { describeMember } from "./cluster-member";
import { probe } from "./probe";
import { type AdministeredServer, getAdministeredServer } from "./server-identity";

const key = "core.https_address";

/** A listener that every server can bind and that leads nobody in, as what is in between. No one else would choose it. */
const nowhere = "127.76.88.68:0";

/** Milliseconds after which a server has given up an address that it cannot bind. */
const longestTry = 3000;

/** How often a change is tried while other keys of the configuration change at the same moment. */
const attempts = 5;

/** What a change of the listener needs to know. */
export interface Change {
  readonly client: LxdClient;
  /** The server as it was before. */
  readonly server: AdministeredServer;
  readonly target?: string;
  readonly allowLockout: boolean;
}

/** A change failed, and it is not known, or not so, that the server is as it was before. */
export class UnsettledError extends AccessError {
  /** The old value is there now, but the change may still come. */
  isPutBack = false;
}

/** The configured address; empty where there is none. */
export function heldAddress(server: AdministeredServer): string {
  return server.config[key] ?? "";
}

/** Whether the address is one that {@link closeStray} sets for a moment, so that a run was cut off there. */
export function isStopgap(address: string): boolean {
  return address === nowhere;
}

/** Whether two values mean one listener. */
export function isSameListener(before: unknown, after: unknown): boolean {
  if (typeof before !== "string" || typeof after !== "string") return before === after;
  return canonicalListenAddress(before) === canonicalListenAddress(after);
}

/**
 * Sets the address; leaves the server as it was where that fails or would lock this client out. LXD_ETAG_MISMATCH where
 * somebody else has set it since it was looked at.
 */
export async function setAddress(context: Context, change: Change, wanted: string): Promise<void> {
  guardCluster(change, wanted);
  try {
    await exchangeAddress(change, change.server, wanted);
  } catch (error) {
    if (!isAccessError(error) || error instanceof NotSentError) throw error;
    // Who may not change it, or came too late, has changed nothing.
    if (isAccessError(error, "LXD_NOT_TRUSTED", "LXD_ETAG_MISMATCH")) throw error;
    if (!(await isHeldAfterAll(change, wanted, error))) throw await failedToSet(change, wanted, error);
    await proveAddress(change, heldAddress(change.server), wanted);
  }
  await guardWayIn(context, change, wanted);
}

/**
 * Sets the address that is configured already, where nothing tells that it was ever bound: LXD up to 5.0.2 keeps one that
 * it could not bind, and others show one that they are still trying. A server answers only to a change.
 */
async function setAnew(change: Change, wanted: string): Promise<void> {
  // Nothing but the configuration tells where a member's listener for the cluster is, and it must not go.
  if (servesCluster(change, wanted)) return;
  try {
    await exchangeAddress(change, await look(change), nowhere);
    await exchangeAddress(change, await look(change), wanted);
  } catch (error) {
    if (!isAccessError(error)) throw error;
    throw await failedToSet(change, wanted, error);
  }
}

/**
 * Proves an address that an unfinished run has left in the configuration, which went before from `held` to it: one of the
 * server's addresses answers from here, or it is set anew, and taken back where that fails.
 */
export async function proveAddress(change: Change, held: string, wanted: string): Promise<void> {
  if (await answersFromHere(change)) return;
  const { client, server, allowLockout } = change;
  if (client.endpoint.kind === "https" && !allowLockout) return requireKept(change, wanted);
  await setAnew({ ...change, server: { ...server, config: { ...server.config, [key]: held } } }, wanted);
}

/**
 * Over the network no listener is closed for a proof: should the connection break meanwhile, nobody could come in any more.
 * Where a server takes back what it could not bind, the address that it still holds a while later is one that it has bound.
 */
async function requireKept(change: Change, wanted: string): Promise<void> {
  const { client, server, target } = change;
  if (!keepsBadAddress(server)) {
    await setTimeout(longestTry);
    if (heldAddress(await look(change)) === wanted) return;
  }
  const what = `${describeMember(client, target)} was to listen on ${JSON.stringify(wanted)}, and none of its addresses answers from here`;
  const next = "Only a change would tell whether it does, which could close the last way in";
  const advice = "Connect over the unix socket or SSH, or say allowLockout";
  throw new UnsettledError("LXD_UNREACHABLE", `${what}. ${next}. ${advice}`);
}

/** Whether one of the addresses that the server says it listens on answers from here. */
export async function answersFromHere(change: Change): Promise<boolean> {
  return (await dialAddresses(change)).some(({ failure }) => failure === undefined);
}

/** Whether the server may have an address in its configuration that it could not bind: LXD up to 5.0.2. */
export function keepsBadAddress({ type, extensions }: AdministeredServer): boolean {
  return type === "lxd" && !extensions.has("explicit_trust_token");
}

/** Unsets the address; refuses where the connection in use, or a cluster, would go with it. */
export async function unsetAddress(change: Change): Promise<void> {
  await guardRemoval(change);
  await exchangeAddress(change, change.server, "");
}

/** Replaces the address that was seen, so that what somebody else has set since is not lost: LXD_ETAG_MISMATCH. */
async function exchangeAddress(change: Change, server: AdministeredServer, value: string): Promise<void> {
  const { client, target } = change;
  const before = heldAddress(server);
  for (let attempt = 1, { seen } = server; ; attempt++) {
    try {
      await client.updateServerConfig({ [key]: value }, { target, seen });
      return;
    } catch (error) {
      // Another key has changed, or this one.
      if (!isAccessError(error, "LXD_ETAG_MISMATCH") || attempt === attempts) throw error;
      const now = await look(change);
      if (heldAddress(now) !== before) {
        const what = `Setting ${key} of ${describeMember(client, target)} to ${JSON.stringify(value)}`;
        const theirs = `somebody else has changed it at the same moment from ${JSON.stringify(before)} to ${JSON.stringify(heldAddress(now))}`;
        refuse("LXD_ETAG_MISMATCH", `${what}: ${theirs}. That was left as it is; run again to change it`);
      }
      ({ seen } = now);
    }
  }
}

/** The server as it is now. */
function look({ client, target, server }: Change): Promise<AdministeredServer> {
  return getAdministeredServer(client, server.identity, { fresh: true, target });
}

/** A reply that was lost does not say whether the change was made; the server's configuration tells whether it came. */
async function isHeldAfterAll(change: Change, wanted: string, error: AccessError): Promise<boolean> {
  if (!isAccessError(error, "LXD_UNREACHABLE", "LXD_TIMEOUT")) return false;
  const now = await look(change).catch(() => undefined);
  return now !== undefined && heldAddress(now) === wanted;
}

/** Takes a failed set back, and gives the error to throw. */
async function failedToSet(change: Change, wanted: string, error: AccessError): Promise<AccessError> {
  const { client, server } = change;
  const held = heldAddress(server);
  const before = held === "" ? "not listening" : `listening on ${JSON.stringify(held)}`;
  const doing = `Making ${client.name} listen on ${JSON.stringify(wanted)}: ${messageOf(error)}. It was ${before}`;
  const failed = await puttingBack(change, wanted, error.errorCode, doing, "", error);
  return error.errorCode === "LXD_TIMEOUT" ? mayStillCome(failed) : failed;
}

/** A server that did not answer in time may still be at work on the change, such as looking up a name. */
function mayStillCome(failed: AccessError): UnsettledError {
  if (failed instanceof UnsettledError) return failed;
  const what = `${failed.summary}, but the server may still be at work on the change`;
  return Object.assign(new UnsettledError(failed.errorCode, what, { cause: failed.cause }), {
    isPutBack: true,
  });
}

/** Puts the old value back, and gives the error to throw, which says whether that worked. */
async function puttingBack(
  change: Change,
  wanted: string,
  code: ErrorCode,
  what: string,
  advice: string,
  cause?: unknown,
): Promise<AccessError> {
  try {
    const outcome = await putBack(change, wanted);
    return new AccessError(code, `${what}; ${outcome}${advice}`, { cause });
  } catch (error) {
    const look = `look at it with \`lxc config get ${key}\` on the server`;
    const outcome = `that could NOT be put back (${messageOf(error)}): ${look}`;
    return new UnsettledError(code, `${what}; ${outcome}${advice}`, { cause });
  }
}

/**
 * Undoes a failed set, and says what came of it. LXD up to 5.0.2 keeps the bad value. Every version, when it was not
 * listening before, may be left with a listener on all interfaces that the configuration does not show: only a change of
 * the value closes it, so a loopback address is set and unset. What somebody else has set meanwhile stays.
 */
async function putBack(change: Change, wanted: string): Promise<string> {
  const held = heldAddress(change.server);
  const now = await look(change);
  const value = heldAddress(now);
  if (![held, wanted, nowhere].includes(value))
    return `somebody else has set it to ${JSON.stringify(value)} meanwhile, and that was left as it is`;
  if (value !== held) await restore(change, now, held);
  else if (held === "") await closeStray(change, now);
  return "that was put back";
}

/** Sets the old value again. */
async function restore(change: Change, now: AdministeredServer, held: string): Promise<void> {
  try {
    await exchangeAddress(change, now, held);
  } catch (error) {
    // An address that has moved to another host, say: LXD up to 5.0.2 holds it then, and listens on all interfaces.
    const after = isAccessError(error, "LXD_REJECTED") ? await look(change) : undefined;
    if (after !== undefined && heldAddress(after) === held) await closeStray(change, after);
    throw error;
  }
}

/** A listener that the configuration does not show goes when another one takes its place. */
async function closeStray(change: Change, now: AdministeredServer): Promise<void> {
  await exchangeAddress(change, now, nowhere);
  await exchangeAddress(change, await look(change), heldAddress(now));
}

/**
 * When the connection in use comes in through the listener that was changed, the server must still answer from here,
 * with the same certificate; else the old value is put back over the connection that is still open.
 */
async function guardWayIn(context: Context, change: Change, wanted: string): Promise<void> {
  const { client, server, allowLockout } = change;
  if (client.endpoint.kind !== "https" || allowLockout) return;
  if ((await probe(client.endpoint, server.identity.fingerprint)) === undefined) return;
  const before = `The server was listening on ${JSON.stringify(heldAddress(server))}`;
  const tried = await dialAddresses(change).catch(async (error: unknown) => {
    if (!isAccessError(error)) throw error;
    const doing = `Looking whether ${client.name} still answers from here, now that it listens on ${JSON.stringify(wanted)}`;
    throw await puttingBack(
      change,
      wanted,
      error.errorCode,
      `${doing}: ${messageOf(error)}. ${before}`,
      "",
      error,
    );
  });
  const answering = tried.find(({ failure }) => failure === undefined);
  if (answering !== undefined) {
    context.log(
      "warning",
      `${client.name}, which the connection of this HttpsAddress names, no longer listens; the server now answers on ` +
        `${answering.address}. Change the connection before the next run`,
    );
    return;
  }
  const failures = tried.map(({ address, failure }) => `${address}: ${messageOf(failure)}`).join("; ");
  throw await puttingBack(
    change,
    wanted,
    "LXD_LOCKOUT",
    `Listening on ${JSON.stringify(wanted)} would lock out this client, which reaches the server through ${client.name}: ` +
      `no new address answers from here (${failures || "none is listed"}). ${before}`,
    ". Use an address reachable from here, connect over the unix socket, or say allowLockout",
  );
}

/** Dials, from here, every address that the server says it listens on now. */
async function dialAddresses(change: Change): Promise<Dialled[]> {
  const { addresses } = await look(change);
  return Promise.all(
    addresses.map(async (address) => ({
      address,
      failure: await probe(address, change.server.identity.fingerprint),
    })),
  );
}

/** What came of dialling an address: undefined where the server answered. */
interface Dialled {
  readonly address: string;
  readonly failure: AccessError | undefined;
}

/** Refuses to unset what {@link guardCluster} guards, or over the network the listener of the server that answers. */
async function guardRemoval(change: Change): Promise<void> {
  guardCluster(change, "");
  const { client, server, target, allowLockout } = change;
  if (allowLockout || client.endpoint.kind !== "https" || (await isAnsweredByAnother(change))) return;
  // Behind a forwarded port or a public address nothing here tells that the connection does not come in through it.
  refuse(
    "LXD_LOCKOUT",
    `Unsetting ${key} on ${describeMember(client, target)} would remove the listener ${JSON.stringify(heldAddress(server))} while this ` +
      "connection comes in over the network, and with it the last way in from here. Use the server's unix socket, set " +
      "allowLockout and update, or keep the listener with the option retainOnDelete",
  );
}

/** Whether the connection goes to another member of the cluster than the one that is changed, and so stays. */
async function isAnsweredByAnother({ client, server, target }: Change): Promise<boolean> {
  if (target === undefined) return false;
  const answering = await getAdministeredServer(client, undefined, { fresh: true });
  return answering.identity.name !== server.identity.name;
}

/**
 * Refuses to take a listener away that serves the other members of the cluster too: a server opens one for the cluster alone
 * only when it is started, so that until then the member could not be reached by the others.
 */
function guardCluster(change: Change, wanted: string): void {
  const { client, server, target } = change;
  const held = heldAddress(server);
  const cluster = server.config["cluster.https_address"] ?? "";
  if (!servesCluster(change, held) || surelyCovers(wanted, cluster)) return;
  const doing = wanted === "" ? `Unsetting ${key}` : `Setting ${key} to ${JSON.stringify(wanted)}`;
  refuse(
    "LXD_LOCKOUT",
    `${doing} on ${describeMember(client, target)} would take the cluster's own listener ${cluster} down: ${JSON.stringify(held)} serves both. ` +
      `Nothing was changed. Use an address that ${cluster} belongs to, such as ${JSON.stringify(onEveryInterface(cluster))}, ` +
      "or keep it as it is (on destroy by the option retainOnDelete)",
  );
}

/** Whether the listener on an address may serve the other members of the cluster, too. */
function servesCluster({ server }: Change, address: string): boolean {
  return server.isClustered && coversAddress(address, server.config["cluster.https_address"] ?? "");
}

/** The listener on every interface with the port of this one. */
function onEveryInterface(address: string): string {
  return canonicalListenAddress(address).replace(/^.*:/, ":");
}

/** Only the server can tell which address a name means. */
function surelyCovers(listen: string, address: string): boolean {
  return isSameListener(listen, address) || (isWildcard(listen) && coversAddress(listen, address));
}
