/**
 * Remote: a client's trust in a server and the server's trust in the client, and a remote that `lxc` can use.
 * https://documentation.ubuntu.com/lxd/latest/howto/server_expose/#authenticate-with-the-lxd-server
 *
 * Joining redeems a one-shot token over a connection that is pinned to the server's certificate. The token is spent
 * even if what follows fails, so from there on every failure leaves the resource recorded, with what is needed to go on.
 * Nothing replaces a Remote; everything is changed in place. Nobody joins an image server: see remote-public.ts.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ConfigFlavor } from "../client-config/client-directory";
import { markOf } from "../client-config/entry-mark";
import { timeoutsOf } from "../connection";
import { isAccessError, messageOf, refuse } from "../errors";
import {
  type Context,
  type Deviation,
  deviating,
  keepWhenUnreachable,
  PartialError,
  type ResourceHandler,
  unfinished,
  withWaysOut,
} from "../handler";
import type { Pin } from "../lxd/transport";
import { decodeTrustToken } from "../lxd/trust-token";
import { type KeyPair, readCertificate } from "../pki/certificate";
import { clientClaim } from "./claims";
import { changedInputs } from "./given";
import { isIncus, type Reached, reach } from "./join";
import {
  asFound,
  beginRecord,
  entryAddress,
  forgetAll,
  joinedEntry,
  recordRemote,
  storePair,
} from "./remote-config";
import {
  type ChosenPair,
  findPair,
  isMadeFor,
  keepPair,
  pairOf,
  requirePairElsewhere,
  requireValidThere,
  settledPair,
} from "./remote-pair";
import { observeEntry, otherEntry } from "./remote-entry";
import {
  type Before,
  choosePlace,
  type ConfigPlace,
  lookAround,
  requireFlavor,
  type Surroundings,
} from "./remote-place";
import { importRemote, remoteImportId } from "./remote-import";
import { explicitPin, prepareImageServer, readImageServer, recordImageServer } from "./remote-public";
import { remoteRules } from "./remote-rules";
import { args, type Args, isImageServer, isTokenOf, state, type State } from "./remote-schema";
import { begin, describe } from "./remote-state";
import { beTrusted, destination, hasExpired, hasTakenPlace, sayWhatStays, withdraw } from "./remote-trust";

export const remote: ResourceHandler<Args, State> = {
  args,
  state,
  nameInput: "name",

  rules: remoteRules,

  deviations(old) {
    const isWritten = old.given["configDir"] !== undefined;
    const trust = old.isDistrusted === true ? [distrusted(old)] : unfinished(old);
    return [...trust, ...(isWritten ? otherEntry(old) : [])];
  },

  diff(old, inputs, now) {
    const { clientCertificate, clientKey, pkcs12Password } = old;
    const secrets = { clientCertificate, clientKey, pkcs12Password };
    const same = { token: (_digest: unknown, token: unknown) => isTokenOf(old, token) };
    const found = deviating(remote.deviations(old, inputs, now));
    return { changed: [...changedInputs(old, inputs, { secrets, same }), ...found], replaces: [] };
  },

  async create(context, wanted) {
    return { id: wanted.name, state: await ensure(context, wanted.name, undefined, wanted) };
  },

  async read(context, id, old) {
    if (isImageServer(old.given)) return readImageServer(context, id, placeOf(old), old);
    return keepWhenUnreachable(context, `Remote ${id}`, old, async () => {
      const there = destination(old, { fresh: false });
      const reached = await reach(context, {
        ...there,
        ahead: (client, options) => client.getProjectNames(options),
      });
      if (reached.server.auth !== "trusted")
        return { ...old, isDistrusted: true, incomplete: whyUntrusted(reached, old, context.now()) };
      const projects = await reached.client.getProjectNames();
      const now = describe(reached, old.isDistrusted === true ? trustedAgain(old) : old, projects);
      const project = old.given["project"] as Args["project"];
      const known = { ...now, project, failed: reached.failed };
      return { ...now, ...(await observeEntry(context, placeOf(old), known)) };
    });
  },

  async update(context, id, old, wanted) {
    if (isImageServer(old.given) === isImageServer(wanted)) return ensure(context, id, old, wanted);
    // Of a server that was joined nothing is of use to an image server's remote, nor the other way round.
    return isImageServer(wanted)
      ? turnPublic(context, id, old, wanted)
      : join(context, id, undefined, wanted, beforeOf(old));
  },

  delete: (context, _id, old) =>
    withWaysOut(async () => {
      await withdraw(context, old);
      await forgetAll(context, beforeOf(old));
    }),

  importId: remoteImportId,
  import: importRemote,
};

/** Create and update are one. */
async function ensure(context: Context, id: string, old: State | undefined, wanted: Args): Promise<State> {
  const before = old && beforeOf(old);
  return isImageServer(wanted)
    ? recordImageServer(context, id, wanted, await prepareImageServer(context, wanted, before))
    : join(context, id, old, wanted, before);
}

/**
 * A server that was joined becomes an image server. All that can fail is tried before its client leaves; from there on every
 * failure is recorded.
 */
async function turnPublic(context: Context, id: string, old: State, wanted: Args): Promise<State> {
  const before = beforeOf(old);
  const prepared = await prepareImageServer(context, wanted, before);
  await withdraw(context, old);
  return recordImageServer(context, id, wanted, prepared);
}

/** Be trusted, say what is there, record it in the client directory. */
async function join(
  context: Context,
  id: string,
  old: State | undefined,
  wanted: Args,
  before: Before | undefined,
): Promise<State> {
  const mark = markToken(old, wanted);
  const prepared = await prepare(context, old, wanted, before, mark);
  const { place, surroundings, chosen, reached, addresses } = prepared;
  const expected = joinedEntry(place, { address: reached.address, projects: [] }, wanted.project);
  const record = beginRecord(place, before, surroundings, expected, chosen.made);
  const begun = { ...(await begin(reached, old, wanted, chosen.pair, addresses)), ...record };
  const { isUnclaimed } = surroundings;
  const joining = { old, wanted, place, chosen, reached, isUnclaimed, begun };
  const enrolled = await beTrusted(context, id, joining);
  context.claim(clientClaim("Remote", begun.serverFingerprint ?? "", begun.clientFingerprint ?? ""));
  let known: State = { ...begun, enrolled };
  try {
    const seen = await untilKnown(async () => {
      const { client } = reached;
      const [server, projects] = await Promise.all([
        client.getServer({ fresh: true }),
        client.getProjectNames({ fresh: true }),
      ]);
      if (server.auth !== "trusted")
        refuse(
          "LXD_NOT_TRUSTED",
          `${client.name} takes this client for a stranger again. Run \`pulumi up\` again`,
        );
      return { server, state: describe({ ...reached, server }, known, projects) };
    });
    sayWhatStays(context, old, known, seen.server);
    known = seen.state;
    const { serverCertificate } = known;
    const entry = asFound(surroundings, joinedEntry(place, known, wanted.project), wanted.project);
    const { pair } = chosen;
    const hasJoinedBefore = old === undefined && enrolled && reached.server.auth === "trusted";
    const toRecord = {
      ...{ entry, serverCertificate, pair, setDefault: wanted.setDefault },
      isOwnPair:
        enrolled && (isMadeFor(place.name, pair) || (hasJoinedBefore && pairOf(wanted) !== undefined)),
      isPairOfFound:
        surroundings.found && place.flavor === "incus" && (await hasTakenPlace(context, old, known)),
      mark: enrolled ? mark : undefined,
    };
    const recording = { place, before, surroundings, begun: record };
    const recorded = await recordRemote(context, recording, toRecord, (now) => {
      known = { ...known, ...now };
    });
    return { ...known, ...recorded };
  } catch (error) {
    const incomplete = messageOf(error);
    const message = `Remote ${wanted.name} is trusted by ${reached.client.name}, but: ${incomplete}.`;
    throw new PartialError(id, { ...known, incomplete }, message, error);
  }
}

/** Incus may take a client that it has just let in for a stranger again, for a moment, while others come and go. */
async function untilKnown<T>(look: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (!isAccessError(error, "LXD_NOT_TRUSTED") || performance.now() >= deadline) throw error;
      await delay(100);
    }
  }
}

/** All that can fail before a token is spent: the place, the pair, and the server. */
async function prepare(
  context: Context,
  old: State | undefined,
  wanted: Args,
  before: Before | undefined,
  mark: string | undefined,
): Promise<{
  place: ConfigPlace;
  surroundings: Surroundings;
  chosen: ChosenPair;
  reached: Reached;
  addresses: readonly string[];
}> {
  const { addresses, pin } = whereabouts(old, wanted);
  const there = { addresses, pin, timeouts: timeoutsOf(wanted.timeouts), fresh: true };
  const settled = settledPair(context, wanted, old);
  const visitAs = async (flavor: ConfigFlavor) => {
    const own = old && pairOf(old);
    const found = settled
      ? { pair: settled, isNew: false }
      : await findPair(context, { ...wanted, flavor }, own);
    return { ...found, reached: await reach(context, { ...there, pair: found.pair }) };
  };
  let visit: ReturnType<typeof visitAs> | undefined;
  const place = await choosePlace(context, wanted, before?.place, async () => {
    // Where a directory does not say whose it is, its pair is in the same place for both.
    const { reached } = await (visit = visitAs("lxd"));
    return isIncus(reached.server) ? "incus" : "lxd";
  });
  const surroundings = await lookAround(context, place, before, {
    addresses: addresses.map(entryAddress),
    serverFingerprint: "fingerprint" in pin ? pin.fingerprint : readCertificate(pin.certificate).fingerprint,
    pair: settled,
    mark,
  });
  if (surroundings.isElsewhere) requirePairElsewhere(place, settled, old);
  const requireAccepted = (found: Reached, pair: KeyPair): Reached => {
    requireFlavor(place, wanted.configFlavor, found);
    // Servers spend a token before they look at how long the certificate is valid.
    if (found.server.auth !== "trusted") requireValidThere(context, pair, found.client);
    return found;
  };
  const { pair, isNew, reached: first } = await (visit ?? visitAs(place.flavor));
  requireAccepted(first, pair);
  const chosen = isNew ? await keepPair(context, place, pair) : { pair };
  const reached =
    chosen.pair === pair
      ? first
      : requireAccepted(await reach(context, { ...there, pair: chosen.pair }), chosen.pair);
  // A directory of `lxc` takes one pair for good. Who comes second with another is refused before the token is spent.
  if (place.flavor === "lxd" && !surroundings.isElsewhere)
    await storePair(context, place, chosen.pair, before);
  return { place, surroundings, chosen, reached, addresses };
}

/** The mark of the token in entries of a Remote that enrolled its client, or may have in a run that was cut off. */
function markToken(old: State | undefined, { token }: Args): string | undefined {
  const secret = token === undefined ? undefined : decodeTrustToken(token)?.secret;
  return secret === undefined || old?.enrolled === false ? undefined : markOf(secret);
}

/**
 * Where the server is and how it is known: as is said, else as the token says, else as it was. A token that was there before
 * tells nothing new: it still names the certificate of its time, and the server may have been pinned anew since.
 */
function whereabouts(old: State | undefined, wanted: Args): { addresses: readonly string[]; pin: Pin } {
  const token = wanted.token === undefined ? undefined : decodeTrustToken(wanted.token);
  const known = old?.serverFingerprint === undefined ? undefined : { fingerprint: old.serverFingerprint };
  const named = token && { fingerprint: token.fingerprint };
  const pin =
    explicitPin(wanted) ?? (old && isTokenOf(old, wanted.token) ? (known ?? named) : (named ?? known));
  const addresses = wanted.addresses ?? token?.addresses ?? old?.addresses;
  if (pin !== undefined && addresses !== undefined) return { addresses, pin };
  return refuse(
    "INPUT_INVALID",
    `Remote ${wanted.name}: without a token give addresses and serverFingerprint or serverCertificate`,
  );
}

/** A client that was out and is trusted now: somebody let it in again, so that it is not this resource's to take back. */
function trustedAgain(old: State): State {
  return { ...old, enrolled: false, isDistrusted: undefined, incomplete: undefined };
}

/** That the pinned server takes this client for a stranger, as a deviation. */
function distrusted({ incomplete: reason }: State): Deviation {
  return { property: "trusted", expected: true, found: false, reason };
}

/** Why the pinned server takes this client for a stranger. */
function whyUntrusted({ client }: Reached, old: State, now: Date): string {
  return hasExpired(old, now)
    ? `the client certificate expired at ${String(old.clientExpiresAt)}, so ${client.name} does not trust it any more; give another`
    : `${client.name} does not trust this client any more`;
}

function placeOf(old: State): ConfigPlace {
  const { configDir, configFlavor } = old.given as Pick<Args, "configDir" | "configFlavor">;
  return { name: old.name, configDir, flavor: old.flavor ?? configFlavor ?? "lxd" };
}

function beforeOf(old: State): Before {
  const { setDefault, project } = old.given as Pick<Args, "setDefault" | "project">;
  return { ...old, place: placeOf(old), setDefault, project };
}
