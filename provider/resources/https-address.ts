/**
 * HttpsAddress: `core.https_address`, the address a server listens on for clients.
 * https://documentation.ubuntu.com/lxd/latest/server/#server-core:core.https_address
 *
 * Setting it can cut off the connection that sets it, and a server that cannot bind the new address may be left with a
 * bad value or a stray listener. So every change is proved, and taken back where it failed.
 * Another `target` replaces the resource; everything else is changed in place.
 */
import { z } from "zod";
import { connection, connectionRules } from "../connection";
import { AccessError, isAccessError, messageOf, refuse } from "../errors";
import {
  type Context,
  keepWhenUnreachable,
  PartialError,
  type RawInputs,
  type ResourceHandler,
  withWaysOut,
} from "../handler";
import { canonicalListenAddress, describeListenAddressProblem, mayServe } from "../lxd/address";
import type { LxdClient } from "../lxd/client";
import { textThat } from "../properties";
import { changedInputs, given, remember } from "./given";
import { probe } from "./probe";
import { type AdministeredServer, getAdministeredServer, serverIdentity } from "./server-identity";
import { resolveListenAddress } from "./server-addresses";

const key = "core.https_address";

const args = z.strictObject({
  address: textThat(describeListenAddressProblem).optional().meta({
    description:
      'Address to listen on: ":8443" (every interface), "10.0.0.11", "[fd00::1]:8443" or a DNS name. Default port 8443.',
  }),
  target: z
    .string()
    .min(1, "must not be empty")
    .optional()
    .meta({ description: "Cluster member to set it on; required when the server is clustered." }),
  floating: z.boolean().optional().meta({
    description:
      "Allow an address that the server does not have now, because it moves between hosts. Default false.",
  }),
  verify: z.boolean().optional().meta({
    description: "Also dial each address from here and compare certificates. Default false.",
  }),
  allowLockout: z
    .boolean()
    .optional()
    .meta({ description: "Allow removing the last way in that the connection uses. Default false." }),
  connection: connection.optional(),
});
type Args = z.infer<typeof args>;

const state = z.object({
  address: z
    .string()
    .meta({ description: "What the server holds, as it was written. Empty where it does not listen." }),
  resolvedAddress: z.string().meta({ description: "What the server should hold." }),
  effectiveAddress: z.string().meta({ description: "The held address with the default port filled in." }),
  addresses: z.array(z.string()).meta({ description: "Addresses that clients may use, each host:port." }),
  serverFingerprint: z.string().meta({ description: "SHA-256 of the server's certificate, hex." }),
  serverCertificate: z.string().meta({ description: "The server's certificate, PEM." }),
  serverName: z.string().meta({ description: "The server's name." }),
  serverVersion: z.string().meta({ description: "The server's version." }),
  serverType: z.enum(["lxd", "incus"]).meta({ description: "Which of the two the server is." }),
  previousAddress: z
    .string()
    .meta({ description: "What the server held before, put back when this is destroyed." }),
  connection: connection.optional(),
  given,
  server: serverIdentity,
  incomplete: z.string().optional(),
});
type State = z.infer<typeof state>;

export const httpsAddress: ResourceHandler<Args, State> = {
  args,
  state,

  rules(inputs) {
    const missing = inputs["address"] === undefined ? [{ property: "address", reason: "is required" }] : [];
    return [...missing, ...connectionRules(inputs["connection"])];
  },

  diff(old, inputs) {
    const changed = changedInputs(old, inputs, { same: { address: isSameListener } });
    if (!isSameListener(old.address, old.resolvedAddress)) changed.push("address");
    if (old.incomplete !== undefined) changed.push("incomplete");
    return { changed, replaces: changed.filter((name) => name === "target") };
  },

  async create(context, wanted) {
    const id = wanted.target === undefined ? key : `${key}@${wanted.target}`;
    return { id, state: await ensure(context, id, undefined, wanted) };
  },

  read: (context, id, old) =>
    keepWhenUnreachable(context, `HttpsAddress ${id}`, old, async () => {
      const client = context.connect(old.connection);
      const { target } = remembered(old);
      return toState(await getAdministeredServer(client, old.server, { target }), old);
    }),

  update: (context, id, old, wanted) => ensure(context, id, old, wanted),

  delete: (context, _id, old) => withWaysOut(() => takeBack(context, old)),
};

/** Puts back what was there before, if the server still holds what this resource set. */
async function takeBack(context: Context, old: State): Promise<void> {
  const { target, allowLockout } = remembered(old);
  const client = context.connect(old.connection);
  const server = await getAdministeredServer(client, old.server, { fresh: true, target });
  const held = heldAddress(server);
  if (!isSameListener(held, old.resolvedAddress) || isSameListener(held, old.previousAddress)) return;
  const change = { client, target, held, server, allowLockout: allowLockout ?? false };
  if (old.previousAddress !== "" && (await wasPutBack(context, change, old.previousAddress))) return;
  guardRemoval(change);
  await client.updateServerConfig({ [key]: "" }, { target });
}

/** What a change of the listener needs to know. `held` is the value before it. */
interface Change {
  readonly client: LxdClient;
  readonly server: AdministeredServer;
  readonly held: string;
  readonly target?: string;
  readonly allowLockout: boolean;
}

/** Create and update are one: observe, set what differs, prove it, return what is there. */
async function ensure(context: Context, id: string, old: State | undefined, wanted: Args): Promise<State> {
  const { target, allowLockout = false } = wanted;
  const client = context.connect(wanted.connection);
  const server = await getAdministeredServer(client, old?.server, { fresh: true, target });
  requireTarget(server, target, client);
  const held = heldAddress(server);
  const resolvedAddress = await resolveListenAddress(client, wanted);
  const previousAddress = old?.previousAddress ?? held;
  const change = { client, server, held, target, allowLockout };
  if (!isSameListener(held, resolvedAddress)) await setAddress(context, change, resolvedAddress);

  const known = { given: remember(wanted), connection: wanted.connection, resolvedAddress, previousAddress };
  try {
    const now = toState(await getAdministeredServer(client, server.identity, { fresh: true, target }), known);
    if (wanted.verify === true) await verifyFromHere(change, now);
    return now;
  } catch (error) {
    if (old === undefined && isSameListener(held, resolvedAddress)) throw error;
    const incomplete = messageOf(error);
    throw new PartialError(
      id,
      { ...toState(server, known), address: resolvedAddress, incomplete },
      `${incomplete}.`,
      error,
    );
  }
}

/** The one mapping from the server to the state. */
function toState(
  server: AdministeredServer,
  known: Pick<State, "given" | "connection" | "resolvedAddress" | "previousAddress">,
): State {
  const address = heldAddress(server);
  return {
    address,
    effectiveAddress: canonicalListenAddress(address),
    addresses: [...server.addresses],
    serverFingerprint: server.identity.fingerprint,
    serverCertificate: server.certificate,
    serverName: server.identity.name,
    serverVersion: server.version,
    serverType: server.type,
    server: server.identity,
    given: known.given,
    connection: known.connection,
    resolvedAddress: known.resolvedAddress,
    previousAddress: known.previousAddress,
  };
}

/** Sets the address; leaves the server as it was where that fails or would lock this client out. */
async function setAddress(context: Context, change: Change, wanted: string): Promise<void> {
  const { client, target, held } = change;
  try {
    await client.updateServerConfig({ [key]: wanted }, { target });
  } catch (error) {
    if (await isDoneAfterAll(change, wanted, error)) return guardWayIn(context, change, wanted);
    const outcome = await putBack(change);
    const code = isAccessError(error) ? error.errorCode : "LXD_REJECTED";
    const before = held === "" ? "not listening" : `listening on ${JSON.stringify(held)}`;
    throw new AccessError(
      code,
      `Making ${client.name} listen on ${JSON.stringify(wanted)}: ${messageOf(error)}. It was ${before}; ${outcome}`,
      { cause: error },
    );
  }
  await guardWayIn(context, change, wanted);
}

/** A reply that was lost does not say whether the change was made; the server does. */
async function isDoneAfterAll(change: Change, wanted: string, error: unknown): Promise<boolean> {
  if (!isAccessError(error, "LXD_UNREACHABLE", "LXD_TIMEOUT")) return false;
  const { client, target } = change;
  const now = await getAdministeredServer(client, change.server.identity, { fresh: true, target }).catch(
    () => undefined,
  );
  return now !== undefined && heldAddress(now) === wanted;
}

/**
 * Undoes a failed set. LXD up to 5.0.2 keeps the bad value. Every version, when it was not listening before, may be
 * left with a listener on all interfaces that the configuration does not show: only a change of the value closes it,
 * so a loopback address is set and unset.
 */
async function putBack({ client, target, held, server }: Change): Promise<string> {
  try {
    const now = heldAddress(await getAdministeredServer(client, server.identity, { fresh: true, target }));
    if (held === "" && now === "") await client.updateServerConfig({ [key]: "127.0.0.1:0" }, { target });
    if (held === "" || now !== held) await client.updateServerConfig({ [key]: held }, { target });
    return "that was put back";
  } catch (error) {
    return `that could NOT be put back (${messageOf(error)}): look at it with \`lxc config get ${key}\` on the server`;
  }
}

/**
 * When the connection in use comes in through the listener that was changed, the server must still answer from here,
 * with the same certificate; else the old value is put back over the connection that is still open.
 */
async function guardWayIn(context: Context, change: Change, wanted: string): Promise<void> {
  const { client, target, server, held, allowLockout } = change;
  if (client.endpoint.kind !== "https" || allowLockout) return;
  const inUse = await probe(client.endpoint, server.identity.fingerprint);
  if (inUse === undefined) return;
  const now = await getAdministeredServer(client, server.identity, { fresh: true, target });
  const failures = await Promise.all(
    now.addresses.map((address) =>
      probe(address, server.identity.fingerprint).then((failure) => ({ address, failure })),
    ),
  );
  const answering = failures.find(({ failure }) => failure === undefined);
  if (answering !== undefined) {
    context.log(
      "warning",
      `${client.name}, which the connection of this HttpsAddress names, no longer listens; the server now answers on ` +
        `${answering.address}. Change the connection before the next run`,
    );
    return;
  }
  const outcome = await putBack({ ...change, held });
  const tried = failures.map(({ address, failure }) => `${address}: ${messageOf(failure)}`);
  throw new AccessError(
    "LXD_LOCKOUT",
    `Listening on ${JSON.stringify(wanted)} would lock out this client, which reaches the server through ${client.name}: ` +
      `no new address answers from here (${tried.join("; ") || "none is listed"}). The server was listening on ` +
      `${JSON.stringify(held)}; ${outcome}. Use an address reachable from here, connect over the unix socket, or say allowLockout`,
  );
}

/** Refuses to unset the listener through which the connection in use came in, or which a cluster needs. */
function guardRemoval({ client, server, held, allowLockout }: Change): void {
  const cluster = server.config["cluster.https_address"] ?? "";
  if (server.isClustered && isSameListener(cluster, held)) {
    refuse(
      "LXD_LOCKOUT",
      `Unsetting ${key} on ${client.name} would take the cluster's own listener ${cluster} down with it. ` +
        "Keep it with the option retainOnDelete",
    );
  }
  const { endpoint } = client;
  if (allowLockout || endpoint.kind !== "https" || !mayServe(held, endpoint)) return;
  refuse(
    "LXD_LOCKOUT",
    `Unsetting ${key} on ${client.name} would remove the listener ${JSON.stringify(held)} that this connection uses, and ` +
      "with it the last way in from here. Use the server's unix socket, set allowLockout and update, or keep the listener " +
      "with the option retainOnDelete",
  );
}

/** On destroy the address before ours comes back; where it cannot be bound any more there is nothing to go back to. */
async function wasPutBack(context: Context, change: Change, previous: string): Promise<boolean> {
  try {
    await setAddress(context, change, previous);
    return true;
  } catch (error) {
    if (!isAccessError(error, "LXD_REJECTED")) throw error;
    context.log(
      "warning",
      `The former address ${JSON.stringify(previous)} cannot be used any more: ${messageOf(error)}`,
    );
    return false;
  }
}

async function verifyFromHere({ client }: Change, now: State): Promise<void> {
  const failures = await Promise.all(now.addresses.map((address) => probe(address, now.serverFingerprint)));
  const problems = failures.flatMap((failure) => (failure === undefined ? [] : [messageOf(failure)]));
  if (problems.length === 0) return;
  refuse(
    "LXD_UNREACHABLE",
    `${client.name} listens, but does not answer from here on every address: ${problems.join("; ")}`,
  );
}

function requireTarget(server: AdministeredServer, target: string | undefined, client: LxdClient): void {
  if (server.isClustered && target === undefined) {
    refuse(
      "INPUT_INVALID",
      `${client.name} is clustered, where every member has a listener of its own: give target`,
    );
  }
  if (!server.isClustered && target !== undefined) {
    refuse("INPUT_INVALID", `${client.name} is not clustered: leave out target (${JSON.stringify(target)})`);
  }
}

function heldAddress(server: AdministeredServer): string {
  return server.config[key] ?? "";
}

function remembered(old: State): Pick<Args, "target" | "allowLockout"> {
  const { target, allowLockout } = old.given as RawInputs as Pick<Args, "target" | "allowLockout">;
  return { target, allowLockout };
}

function isSameListener(before: unknown, after: unknown): boolean {
  if (typeof before !== "string" || typeof after !== "string") return before === after;
  return canonicalListenAddress(before) === canonicalListenAddress(after);
}
