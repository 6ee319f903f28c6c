/**
 * Remote: a client's trust in a server and the server's trust in the client, and a remote that `lxc` can use.
 * https://documentation.ubuntu.com/lxd/latest/howto/server_expose/#authenticate-with-the-lxd-server
 *
 * Joining redeems a one-shot token over a connection that is pinned to the server's certificate. The token is spent
 * even if what follows fails, so from there on every failure leaves the resource recorded, with what is needed to go on.
 * Nothing replaces a Remote; everything is changed in place. Nobody joins an image server: see remote-public.ts.
 */
import { timeoutsOf } from "../connection";
import { messageOf, refuse } from "../errors";
import {
  type Context,
  keepWhenUnreachable,
  PartialError,
  type ResourceHandler,
  withWaysOut,
} from "../handler";
import { dialledAddress } from "../lxd/address";
import type { Server } from "../lxd/entities";
import type { Pin } from "../lxd/transport";
import { decodeTrustToken } from "../lxd/trust-token";
import { type KeyPair, readCertificate } from "../pki/certificate";
import { changedInputs, remember } from "./given";
import { leave, type Reached, reach, redeem, replaceClient } from "./join";
import { pkcs12Of } from "./pkcs12";
import {
  type Before,
  choosePlace,
  type ConfigPlace,
  entryAddress,
  forgetRemote,
  joinedEntry,
  observeEntry,
  prepareClientDirectory,
  recordRemote,
  replaceablePair,
  requireFlavor,
} from "./remote-config";
import { choosePair, type ChosenPair, pairOf } from "./remote-pair";
import { certificateFacts, explicitPin, readImageServer, recordImageServer } from "./remote-public";
import { remoteRules } from "./remote-rules";
import { args, type Args, isImageServer, secretInputs, state, type State } from "./remote-schema";

export const remote: ResourceHandler<Args, State> = {
  args,
  state,

  rules: remoteRules,

  diff(old, inputs) {
    const { token, clientCertificate, clientKey, pkcs12Password } = old;
    const secrets = { token, clientCertificate, clientKey, pkcs12Password };
    const changed = changedInputs(old, inputs, { secrets });
    if (old.given["configDir"] !== undefined && old.configState !== "present") changed.push("configState");
    if (old.incomplete !== undefined) changed.push("incomplete");
    return { changed, replaces: [] };
  },

  async create(context, wanted) {
    return { id: wanted.name, state: await ensure(context, wanted.name, undefined, wanted) };
  },

  async read(context, id, old) {
    if (isImageServer(old.given)) return readImageServer(context, id, placeOf(old), old);
    return keepWhenUnreachable(context, `Remote ${id}`, old, async () => {
      const reached = await reach(context, destination(old, { fresh: false }));
      if (reached.server.auth !== "trusted") {
        return { ...old, incomplete: `${reached.client.name} does not trust this client any more` };
      }
      const now = await describe(reached, old);
      const project = old.given["project"] as Args["project"];
      return { ...now, configState: await observeEntry(context, placeOf(old), { ...now, project }) };
    });
  },

  async update(context, id, old, wanted) {
    if (isImageServer(old.given) === isImageServer(wanted)) return ensure(context, id, old, wanted);
    // Of a server that was joined nothing is of use to an image server's remote, nor the other way round.
    await takeBack(context, old);
    return ensure(context, id, undefined, wanted);
  },

  delete: (context, _id, old) => withWaysOut(() => takeBack(context, old)),
};

/** Create and update are one. */
function ensure(context: Context, id: string, old: State | undefined, wanted: Args): Promise<State> {
  const before = old && beforeOf(old);
  return isImageServer(wanted)
    ? recordImageServer(context, wanted, before)
    : join(context, id, old, wanted, before);
}

/** Undoes what was done: a client that this Remote enrolled leaves, and its entry goes. Done already is done. */
async function takeBack(context: Context, old: State): Promise<void> {
  const { name, clientFingerprint } = old;
  if (old.enrolled && clientFingerprint !== undefined && old.given["revokeOnDelete"] !== false) {
    const reached = await reach(context, destination(old, { fresh: true }));
    await leave(context, { name, clientFingerprint }, reached);
  }
  await forgetRemote(context, beforeOf(old));
}

/** Be trusted, say what is there, record it in the client directory. */
async function join(
  context: Context,
  id: string,
  old: State | undefined,
  wanted: Args,
  before: Before | undefined,
): Promise<State> {
  const place = await choosePlace(context, wanted, before?.place);
  const chosen = await choosePair(context, wanted, place, old);
  const { addresses, pin } = whereabouts(old, wanted);
  const { pair } = chosen;
  const serverFingerprint =
    "fingerprint" in pin ? pin.fingerprint : readCertificate(pin.certificate).fingerprint;
  await prepareClientDirectory(context, place, {
    ...{ pair, serverFingerprint },
    addresses: addresses.map(entryAddress),
    previousAddr: before?.entry?.addr,
    replaces: before && replaceablePair(before),
  });
  const timeouts = timeoutsOf(wanted.timeouts);
  const reached = await reach(context, { addresses, pin, pair, timeouts, fresh: true });
  requireFlavor(place, wanted.configFlavor, reached);
  const begun = await begin(reached, old, wanted, chosen, place, addresses);
  const enrolled = await beTrusted(context, id, old, wanted, reached, begun);
  const joined = { ...begun, enrolled };
  try {
    const server = await reached.client.getServer({ fresh: true });
    const described = await describe({ ...reached, server }, joined);
    const { serverCertificate } = described;
    const entry = joinedEntry(place, described, wanted.project);
    const toRecord = { entry, serverCertificate, ...chosen, setDefault: wanted.setDefault };
    const recorded = await recordRemote(context, place, toRecord, before);
    return { ...described, ...recorded, incomplete: undefined };
  } catch (error) {
    const incomplete = messageOf(error);
    const message = `Remote ${wanted.name} is trusted by ${reached.client.name}, but: ${incomplete}.`;
    throw new PartialError(id, { ...joined, ...(old && stillAt(old, joined)), incomplete }, message, error);
  }
}

/** Where the remote was written before, which a failure to write it elsewhere must not make forgotten. */
function stillAt({ name, flavor, given: before }: State, { given: now }: State): Partial<State> {
  const { configDir, configFlavor } = before;
  return { name, flavor, given: { ...now, configDir, configFlavor } };
}

/**
 * Where the server is and how it is known: as is said, else as the token says, else as it was. A token that was there before
 * tells nothing new: it still names the certificate of its time, and the server may have been pinned anew since.
 */
function whereabouts(old: State | undefined, wanted: Args): { addresses: readonly string[]; pin: Pin } {
  const token = wanted.token === undefined ? undefined : decodeTrustToken(wanted.token);
  const known = old?.serverFingerprint === undefined ? undefined : { fingerprint: old.serverFingerprint };
  const named = token && { fingerprint: token.fingerprint };
  const pin = explicitPin(wanted) ?? (wanted.token === old?.token ? (known ?? named) : (named ?? known));
  const addresses = wanted.addresses ?? token?.addresses ?? old?.addresses;
  if (pin !== undefined && addresses !== undefined) return { addresses, pin };
  return refuse(
    "INPUT_INVALID",
    `Remote ${wanted.name}: without a token give addresses and serverFingerprint or serverCertificate`,
  );
}

/** Makes the server trust this client, by the cheapest way that works. Answers whether this resource enrolled it. */
async function beTrusted(
  context: Context,
  id: string,
  old: State | undefined,
  wanted: Args,
  reached: Reached,
  begun: State,
): Promise<boolean> {
  if (reached.server.auth === "trusted") {
    const isSameClient = old?.clientFingerprint === begun.clientFingerprint;
    return old !== undefined && isSameClient && isSameServer(old, begun, reached.server) && old.enrolled;
  }
  const { client } = reached;
  if (
    old !== undefined &&
    old.clientFingerprint !== begun.clientFingerprint &&
    (await replacedItself(context, old, begun))
  ) {
    return old.enrolled;
  }
  if (wanted.token === undefined) {
    return refuse(
      "LXD_NOT_TRUSTED",
      `Remote ${wanted.name}: ${client.name} does not trust the client ${begun.clientFingerprint}, and there is no token to ` +
        "redeem. Give a token, or add the certificate on the server (`lxc config trust add`)",
    );
  }
  const redemption = await redeem(reached, wanted.token.trim());
  if (redemption.outcome === "joined") return true;
  if (redemption.outcome === "adopted") return false;
  if (redemption.outcome === "refused") throw redemption.error;
  const incomplete = messageOf(redemption.error);
  throw new PartialError(
    id,
    { ...begun, ...(old && stillAt(old, begun)), enrolled: true, incomplete },
    `Remote ${wanted.name}: the token was sent, but not whether it was taken: ${incomplete}.`,
    redemption.error,
  );
}

/**
 * With a new pair, the old one puts the new one in its place on the server, so that the remote works throughout. On another
 * server than before it does not: if that trusts the old pair, then as somebody else's client.
 */
async function replacedItself(context: Context, old: State, next: State): Promise<boolean> {
  const { clientCertificate, clientKey, clientFingerprint } = old;
  if (clientFingerprint === undefined || next.clientCertificate === undefined) return false;
  const reached = await reach(
    context,
    destination({ ...next, clientCertificate, clientKey }, { fresh: true }),
  );
  if (!isSameServer(old, next, reached.server)) return false;
  return replaceClient(reached, clientFingerprint, next.clientCertificate);
}

/** Both another name and another certificate mean another server: what was given on one was not given on the other. */
function isSameServer(old: State, next: State, { environment }: Server): boolean {
  return old.serverFingerprint === next.serverFingerprint || old.serverName === environment?.server_name;
}

/** What is known before the server has said more: enough to go on from, should the next step fail. */
async function begin(
  reached: Reached,
  old: State | undefined,
  wanted: Args,
  { pair, isMade }: ChosenPair,
  { flavor }: ConfigPlace,
  addresses: readonly string[],
): Promise<State> {
  const client = readCertificate(pair.certificate);
  return {
    name: wanted.name,
    address: reached.address,
    addresses: addresses.map(dialledAddress),
    ...certificateFacts(reached.client.serverCertificate ?? ""),
    serverName: old?.serverName ?? "",
    serverVersion: old?.serverVersion ?? "",
    serverType: old?.serverType ?? "lxd",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    clientFingerprint: client.fingerprint,
    clientExpiresAt: client.expiresAt.toISOString(),
    ...(await pkcs12Of({ ...wanted, pair, friendlyName: wanted.name }, old && heldArchive(old))),
    projects: old?.projects ?? [],
    enrolled: old?.enrolled ?? false,
    configState: "absent",
    token: wanted.token,
    given: remember(wanted, secretInputs),
    entry: old?.entry,
    flavor,
    ownPair: isMade && flavor === "incus" ? client.fingerprint : old?.ownPair,
    previousDefault: old?.previousDefault,
  };
}

function heldArchive(old: State): Parameters<typeof pkcs12Of>[1] {
  const { name: friendlyName, pkcs12, pkcs12Password } = old;
  const { pkcs12Encryption } = old.given as Args;
  return { pair: identityOf(old), friendlyName, pkcs12, pkcs12Password, pkcs12Encryption };
}

/** The one mapping from the server, as this client sees it, to the state. */
async function describe(reached: Reached, known: State): Promise<State> {
  const { client, server, address } = reached;
  return {
    ...known,
    address,
    ...certificateFacts(client.serverCertificate ?? ""),
    serverName: server.environment?.server_name ?? "",
    serverVersion: server.environment?.server_version ?? "",
    serverType: server.environment?.server === "incus" ? "incus" : "lxd",
    projects: await client.getProjectNames(),
  };
}

function destination(old: State, { fresh }: { fresh: boolean }): Parameters<typeof reach>[1] {
  const addresses = [old.address, ...old.addresses.filter((address) => address !== old.address)];
  return {
    addresses,
    pin: pinOf(old),
    pair: identityOf(old),
    timeouts: timeoutsOf(old.given["timeouts"] as Args["timeouts"]),
    fresh,
  };
}

/** The pair with which the server was joined. Its key is secret. */
function identityOf(old: State): KeyPair {
  return pairOf(old) ?? refuse("BUG", `Remote ${old.name} has no client pair in its state`);
}

/** An explicit certificate stays the pin, because it may be a CA's; else the certificate that was seen is. */
function pinOf(old: State): Pin {
  const certificate = old.given["serverCertificate"];
  return typeof certificate === "string" ? { certificate } : { fingerprint: old.serverFingerprint ?? "" };
}

function placeOf(old: State): ConfigPlace {
  const { configDir, configFlavor } = old.given as Pick<Args, "configDir" | "configFlavor">;
  return { name: old.name, configDir, flavor: configFlavor ?? old.flavor ?? "lxd" };
}

function beforeOf(old: State): Before {
  const { setDefault, project } = old.given as Pick<Args, "setDefault" | "project">;
  return { ...old, place: placeOf(old), setDefault, project };
}
