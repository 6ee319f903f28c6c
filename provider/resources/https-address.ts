/**
 * HttpsAddress: `core.https_address`, the address a server listens on for clients.
 * https://documentation.ubuntu.com/lxd/latest/server/#server-core:core.https_address
 *
 * Setting it can cut off the connection that sets it, and a server that cannot bind the new address may be left with a
 * bad value or a stray listener. So every change is proved, and taken back where it failed.
 * Another `target` replaces the resource; everything else is changed in place.
 */
import { connectionRules } from "../connection";
import { isAccessError, messageOf, refuse } from "../errors";
import {
  type Context,
  deviating,
  keepWhenUnreachable,
  PartialError,
  type ResourceHandler,
  unfinished,
  withWaysOut,
} from "../handler";
import type { LxdClient } from "../lxd/client";
import { describeMember, findMember, requireMember, requireTargetNamed } from "./cluster-member";
import { changedInputs, remember } from "./given";
import { args, type Args, state, type State } from "./https-address-schema";
import { readId, refuseUnlessSayable, splitRemote } from "./import-id";
import { listenChoiceRules, sameChoice } from "./listen-choice";
import {
  answersFromHere,
  type Change,
  heldAddress,
  isSameListener,
  isStopgap,
  keepsBadAddress,
  proveAddress,
  setAddress,
  unsetAddress,
  UnsettledError,
} from "./listener";
import { probe } from "./probe";
import { type Choice, isChosenByServer, isOwnAddress, resolveListenAddress } from "./server-addresses";
import { listenerFactsOf } from "./listener-facts";
import { type AdministeredServer, getAdministeredServer, serverKey } from "./server-identity";

const key = "core.https_address";

export const httpsAddress: ResourceHandler<Args, State> = {
  args,
  state,

  rules(inputs) {
    return [...listenChoiceRules(inputs), ...connectionRules(inputs["connection"])];
  },

  deviations(old) {
    const { address: found, resolvedAddress: expected } = old;
    const moved = isSameListener(found, expected) ? [] : [{ property: "address", expected, found }];
    return [...moved, ...unfinished(old)];
  },

  diff(old, inputs, now) {
    const found = deviating(httpsAddress.deviations(old, inputs, now));
    const changed = [...changedInputs(old, inputs, { same: sameChoice }), ...found];
    return { changed, replaces: changed.filter((name) => name === "target") };
  },

  async create(context, wanted) {
    const id = idOf(wanted);
    return { id, state: await ensure(context, id, undefined, wanted) };
  },

  read: (context, id, old) =>
    keepWhenUnreachable(context, `HttpsAddress ${id}`, old, async () => {
      const client = await context.connect(old.connection);
      const server = await findMember(client, old.server, { target: remembered(old).target });
      if (server === undefined) return undefined;
      const chosen = await chosenNow(context, client, old);
      const wasBound = isSameListener(heldAddress(server), old.address) ? old.wasBound : undefined;
      return { ...toState(server, { ...old, ...chosen }), incomplete: old.incomplete, wasBound };
    }),

  update: (context, id, old, wanted) => ensure(context, id, old, wanted),

  delete: (context, _id, old) => withWaysOut(() => takeBack(context, old)),

  importId: `[REMOTE:]${key}[@MEMBER]`,

  async import(context, id) {
    const { connection, target } = readImportId(context, id);
    const client = await context.connect(connection);
    const server = await requireMember(client, undefined, { target });
    await requireTargetNamed(client, server, target);
    const address = heldAddress(server);
    if (address === "" || isStopgap(address)) return undefined;
    const floating = (await isOwnAddress(client, address, target)) ? undefined : true;
    const wanted: Args = { address, target, floating, connection };
    refuseUnlessSayable(httpsAddress, `HttpsAddress ${id}`, wanted);
    await proveFound(context, { client, server, target, allowLockout: false }, undefined);
    context.claim(claimOf(server, "found"));
    // As it was found it stays when this is destroyed.
    return { id, args: wanted, state: toState(server, knownOf(wanted, address, address)) };
  },
};

function idOf({ target }: Args): string {
  return target === undefined ? key : `${key}@${target}`;
}

function readImportId(context: Context, id: string): Pick<Args, "connection" | "target"> {
  return readId("HttpsAddress", httpsAddress.importId, id, (text) => {
    const { connection, rest } = splitRemote(context, text);
    const found = /^core\.https_address(?:@(.+))?$/u.exec(rest);
    return found === null ? undefined : { connection, target: found[1] };
  });
}

/** Puts back what was there before, if the server still holds what this resource set. */
async function takeBack(context: Context, old: State): Promise<void> {
  const { target, allowLockout } = remembered(old);
  const client = await context.connect(old.connection);
  const server = await findMember(client, old.server, { fresh: true, target });
  // What has left the cluster has nothing to be put back on.
  if (server === undefined) return;
  const held = heldAddress(server);
  const isOurs = isSameListener(held, assignedBy(old)) || isStopgap(held);
  if (!isOurs || isSameListener(held, old.previousAddress)) return;
  if (context.isClaimed(claimOf(server)) || context.isClaimed(claimOf(server, "found"))) {
    context.log(
      "info",
      `${describeMember(client, target)} goes on listening on ${JSON.stringify(held)}, as another HttpsAddress of this program wants it to`,
    );
    return;
  }
  const change = { client, target, server, allowLockout: allowLockout ?? false };
  if (old.previousAddress !== "" && (await wasPutBack(context, change, old.previousAddress))) return;
  await unsetAddress(change);
}

/**
 * The address that the subnet or interface means now: a refresh shows that the server's own has changed. Where none is
 * left to choose, or too many, or another member answers that cannot tell, what is stored stays.
 */
async function chosenNow(
  context: Context,
  client: LxdClient,
  old: State,
): Promise<Pick<State, "resolvedAddress" | "assigned">> {
  const assigned = assignedBy(old);
  const choice = remembered(old);
  if (!isChosenByServer(choice)) return { resolvedAddress: old.resolvedAddress, assigned };
  try {
    return { resolvedAddress: await resolveListenAddress(client, choice, old.resolvedAddress), assigned };
  } catch (error) {
    if (!isAccessError(error, "INPUT_INVALID", "LXD_EXTENSION_MISSING")) throw error;
    context.log("warning", `${messageOf(error)}. The address chosen before, ${assigned}, is kept in state`);
    return { resolvedAddress: old.resolvedAddress, assigned };
  }
}

/** Create and update are one: observe, set what differs, prove it, return what is there. */
async function ensure(context: Context, id: string, old: State | undefined, wanted: Args): Promise<State> {
  const { target, allowLockout = false } = wanted;
  const client = await context.connect(wanted.connection);
  const server = await requireMember(client, old?.server, { fresh: true, target });
  await requireTargetNamed(client, server, target);
  const held = heldAddress(server);
  const resolvedAddress = await resolveListenAddress(client, wanted, old?.resolvedAddress);
  claimServer(context, describeMember(client, target), server);
  // Nobody has anything of a port that is another one at each start.
  const previousAddress = old?.previousAddress ?? (isStopgap(held) ? "" : held);
  const change = { client, server, target, allowLockout };
  const known = knownOf(wanted, resolvedAddress, previousAddress);
  try {
    if (!isSameListener(held, resolvedAddress)) await setAddress(context, change, resolvedAddress);
    else await proveFound(context, change, old);
  } catch (error) {
    if (!(error instanceof UnsettledError)) throw error;
    // The new value may be there, so what was there before must not be forgotten; nor that this set it, where it is there again.
    const assigned = error.isPutBack && old !== undefined ? assignedBy(old) : resolvedAddress;
    throw new PartialError(
      id,
      { ...toState(server, { ...known, assigned }), incomplete: messageOf(error) },
      `${messageOf(error)}.`,
      error,
    );
  }
  try {
    const now = toState(await getAdministeredServer(client, server.identity, { fresh: true, target }), known);
    requireSet(change, resolvedAddress, now.address);
    if (wanted.verify === true) await verifyFromHere(change, now);
    return now;
  } catch (error) {
    if (old === undefined && isSameListener(held, resolvedAddress)) throw error;
    const incomplete = messageOf(error);
    throw new PartialError(
      id,
      { ...toState(server, known), address: resolvedAddress, incomplete, wasBound: true },
      `${incomplete}.`,
      error,
    );
  }
}

/**
 * What a run that failed, or was killed, has left in the configuration need not be what the server listens on. With what was
 * there before, that is settled; where nobody knows that, nothing may be touched.
 */
async function proveFound(context: Context, change: Change, old: State | undefined): Promise<void> {
  const { client, server, target } = change;
  const held = heldAddress(server);
  const isKnown = isSameListener(old?.address, held);
  // Else one that only does not answer from here would be taken down for a proof by each run.
  const isSettled = old?.incomplete === undefined || old.wasBound === true;
  if (isSettled && (isKnown || !keepsBadAddress(server))) return;
  if (old !== undefined) return proveAddress(change, isKnown ? old.previousAddress : old.address, held);
  if (await answersFromHere(change)) return;
  context.log(
    "warning",
    `${describeMember(client, target)} had ${JSON.stringify(held)} in its configuration already, but does not answer there from ` +
      "here. LXD before 5.21 keeps an address that it could not listen on: where no firewall is the reason, set another " +
      "address and then this one",
  );
}

/** A change that was made is not lost again unless somebody else has made another one, or failed to. */
function requireSet({ client, target }: Change, wanted: string, held: string): void {
  if (isSameListener(held, wanted)) return;
  refuse(
    "LXD_ETAG_MISMATCH",
    `${describeMember(client, target)} listened on ${JSON.stringify(wanted)}, but somebody else has changed that at the same ` +
      `moment to ${JSON.stringify(held)}`,
  );
}

/**
 * A server has one address for clients, so the second resource of a run that sets it is refused. Pulumi deletes a resource
 * that was replaced, renamed or moved after it has made the new one: that delete must leave what the new one has set.
 */
function claimServer(context: Context, name: string, server: AdministeredServer): void {
  if (context.claim(claimOf(server))) return;
  refuse(
    "INPUT_INVALID",
    `connection: another HttpsAddress of this program has set the address of ${name} in this run, and each would overwrite ` +
      "the other's. Nothing was changed. Keep one of them for each server, or member of a cluster",
  );
}

/** In a cluster each member has a name, and a listener, of its own. What was only found in a run, others may set. */
function claimOf(server: AdministeredServer, how: "set" | "found" = "set"): string {
  return JSON.stringify(["HttpsAddress", how, serverKey(server), server.identity.name]);
}

/** What is known beside what the server says. */
type Known = Pick<State, "given" | "connection" | "resolvedAddress" | "assigned" | "previousAddress">;

function knownOf(wanted: Args, resolvedAddress: string, previousAddress: string): Known {
  const { connection } = wanted;
  return { given: remember(wanted), connection, resolvedAddress, assigned: resolvedAddress, previousAddress };
}

/** The one mapping from the server to the state. */
function toState(server: AdministeredServer, known: Known): State {
  return {
    ...listenerFactsOf(server),
    server: server.identity,
    given: known.given,
    connection: known.connection,
    resolvedAddress: known.resolvedAddress,
    assigned: known.assigned,
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

/** What was given last; it was checked then. */
function remembered(old: State): Choice & Pick<Args, "allowLockout"> {
  return old.given;
}

/** The value that this resource set. */
function assignedBy(old: State): string {
  return old.assigned ?? old.resolvedAddress;
}
