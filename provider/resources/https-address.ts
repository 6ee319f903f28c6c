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
import { isAccessError, messageOf, refuse } from "../errors";
import {
  type Context,
  keepWhenUnreachable,
  PartialError,
  type RawInputs,
  type ResourceHandler,
  withWaysOut,
} from "../handler";
import { canonicalListenAddress, describeListenAddressProblem } from "../lxd/address";
import type { LxdClient } from "../lxd/client";
import { textThat } from "../properties";
import { changedInputs, given, remember } from "./given";
import {
  type Change,
  heldAddress,
  isSameListener,
  setAddress,
  unsetAddress,
  UnsettledError,
} from "./listener";
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
      const server = await getAdministeredServer(client, old.server, { target });
      return { ...toState(server, old), incomplete: old.incomplete };
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
  const change = { client, target, server, allowLockout: allowLockout ?? false };
  if (old.previousAddress !== "" && (await wasPutBack(context, change, old.previousAddress))) return;
  await unsetAddress(change);
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
  const change = { client, server, target, allowLockout };
  const known = { given: remember(wanted), connection: wanted.connection, resolvedAddress, previousAddress };
  try {
    if (!isSameListener(held, resolvedAddress)) await setAddress(context, change, resolvedAddress);
  } catch (error) {
    if (!(error instanceof UnsettledError)) throw error;
    // The new value may be there, so what was there before must not be forgotten.
    throw new PartialError(
      id,
      { ...toState(server, known), incomplete: messageOf(error) },
      `${messageOf(error)}.`,
      error,
    );
  }
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

function remembered(old: State): Pick<Args, "target" | "allowLockout"> {
  const { target, allowLockout } = old.given as RawInputs as Pick<Args, "target" | "allowLockout">;
  return { target, allowLockout };
}
