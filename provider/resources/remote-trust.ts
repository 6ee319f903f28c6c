/** How a server comes to trust a Remote's client, and what becomes of the client that was the Remote's before. */
import { timeoutsOf } from "../connection";
import { AccessError, isAccessError, messageOf, refuse } from "../errors";
import { type Context, PartialError } from "../handler";
import type { Server } from "../lxd/entities";
import type { Pin } from "../lxd/transport";
import { type KeyPair, readCertificate } from "../pki/certificate";
import { decodeTrustToken } from "../lxd/trust-token";
import { fingerprintIn } from "../pki/certificate-facts";
import { privateKeyOf } from "../pki/client-pair";
import { clientClaim } from "./claims";
import { cameBy } from "./spent-token";
import { type Destination, leave, type Reached, reach, redeem, replaceClient } from "./join";
import { type ChosenPair, dropMadePair, pairOf } from "./remote-pair";
import type { ConfigPlace } from "./remote-place";
import { type Args, isTokenOf, type State } from "./remote-schema";

/** Where a Remote's server is, and as whom it is asked. */
export function destination(old: State, { fresh }: { fresh: boolean }): Destination {
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
export function identityOf(old: State): KeyPair {
  const pair = pairOf(old);
  const isWhole = fingerprintIn(pair?.certificate) !== undefined && privateKeyOf(pair?.privateKey ?? "");
  return pair !== undefined && isWhole ? pair : damaged(old, "client pair");
}

function damaged({ name }: State, what: string): never {
  return refuse(
    "INPUT_INVALID",
    `Remote ${name}: the ${what} in its stored state is missing or damaged. Restore the state (\`pulumi stack import\`), or ` +
      "remove it with `pulumi state delete` and join again",
  );
}

/** An explicit certificate stays the pin, because it may be a CA's; else the certificate that was seen is. */
function pinOf(old: State): Pin {
  const certificate = old.given["serverCertificate"];
  if (typeof certificate !== "string") return { fingerprint: old.serverFingerprint ?? "" };
  return fingerprintIn(certificate) === undefined ? damaged(old, "serverCertificate") : { certificate };
}

/** A client that wants to be trusted. */
export interface Joining {
  /** What was joined before. */
  readonly old: State | undefined;
  readonly wanted: Args;
  readonly place: ConfigPlace;
  readonly chosen: ChosenPair;
  readonly reached: Reached;
  /** Whether nothing in the client directory says that somebody else joined. */
  readonly isUnclaimed: boolean;
  /** What is recorded should the token be sent and no answer come. */
  readonly begun: State;
}

/** Makes the server trust this client, by the cheapest way that works. Answers whether this resource enrolled it. */
export async function beTrusted(context: Context, id: string, joining: Joining): Promise<boolean> {
  const { old, wanted, reached, begun } = joining;
  const isNewClient = old !== undefined && !isSameClient(old, begun);
  if (reached.server.auth === "trusted") {
    if (await joinedBefore(context, joining)) return true;
    if (wanted.token !== undefined && !(old && isTokenOf(old, wanted.token))) sayUnneeded(context, joining);
    if (old?.enrolled !== true || !isSameServer(old, begun, reached.server)) return false;
    // One that was out, and is trusted now without this resource, was let in by somebody.
    return isNewClient ? tookOver(context, old, begun) : old.isDistrusted !== true;
  }
  if (old !== undefined && (isNewClient || old.nextPair !== undefined)) {
    // A client that was adopted is somebody's, and gives its place only to one that the program names.
    const mayReplace = old.enrolled || wanted.clientCertificate !== undefined;
    if (mayReplace && (await replacedItself(context, id, old, begun, reached))) return old.enrolled;
  }
  if (isNewClient && old.enrolled && hasExpired(old, context.now())) sayItStays(context, old);
  if (wanted.token === undefined) return refuseWithoutToken(wanted, reached, begun);
  return redeemToken(context, id, wanted.token.trim(), joining);
}

/** Refuses a client that the server takes for a stranger, and that has no token. */
export function refuseWithoutToken(
  { name }: Pick<Args, "name">,
  { client }: Reached,
  { clientFingerprint }: Pick<State, "clientFingerprint">,
): never {
  return refuse(
    "LXD_NOT_TRUSTED",
    `Remote ${name}: ${client.name} does not trust the client ${clientFingerprint}, and there is no token to redeem. Give a ` +
      "token, or add the certificate on the server (`lxc config trust add`)",
  );
}

/** Whether a run that was cut off made the server trust this client: what it has made is nobody else's. */
async function joinedBefore(
  context: Context,
  { old, wanted, isUnclaimed, reached, begun }: Joining,
): Promise<boolean> {
  const { serverFingerprint = "", clientFingerprint = "" } = begun;
  const token = wanted.token === undefined ? undefined : decodeTrustToken(wanted.token);
  if (old !== undefined || token === undefined || !isUnclaimed) return false;
  if (context.isClaimed(clientClaim("Remote", serverFingerprint, clientFingerprint))) return false;
  return cameBy(reached, token, clientFingerprint, context.now());
}

/** A token that nobody redeems may be read by others while it waits, and is issued again when it has expired. */
function sayUnneeded(context: Context, { wanted, reached, begun }: Joining): void {
  context.log(
    "warning",
    `Remote ${wanted.name}: ${reached.client.name} trusts this client already, so its token was not needed by this run. Where ` +
      "another Remote, or a run that was cut off, has spent it, all is well. Else it may still wait: if it comes from a " +
      `TrustToken or an Onboarding, give that clientFingerprint: "${String(begun.clientFingerprint)}", and none is issued`,
  );
}

async function redeemToken(context: Context, id: string, token: string, joining: Joining): Promise<boolean> {
  const { old, wanted, place, chosen, reached, begun } = joining;
  const redemption = await redeem(reached, token);
  if (redemption.outcome === "joined") return true;
  // What an earlier run sent, and did not wait for, may have come about just now.
  if (redemption.outcome === "adopted") {
    const isOwn =
      old?.enrolled === true &&
      old.isDistrusted !== true &&
      isSameClient(old, begun) &&
      isSameServer(old, begun, reached.server);
    if (!isOwn) sayUnneeded(context, joining);
    return isOwn;
  }
  if (redemption.outcome === "refused") {
    await dropMadePair(context, place, chosen);
    throw redemption.error;
  }
  const incomplete = messageOf(redemption.error);
  throw new PartialError(
    id,
    { ...begun, enrolled: true, incomplete },
    `Remote ${wanted.name}: the token was sent, but not whether it was taken: ${incomplete}.`,
    redemption.error,
  );
}

function isSameClient(old: State, next: State): boolean {
  return old.clientFingerprint === next.clientFingerprint;
}

/**
 * Whether this client is the one that was enrolled, though its pair is another one and the server trusts it already. It is
 * where that of before is out: it put this one in its place, in an update whose end was not recorded. Else somebody else let
 * this one in, and that of before leaves.
 */
async function tookOver(context: Context, old: State, next: State): Promise<boolean> {
  const { clientFingerprint } = old;
  if (clientFingerprint === undefined) return false;
  // A server takes one with an expired certificate for a stranger, so it cannot be asked, nor leave by itself.
  if (hasExpired(old, context.now())) {
    sayItStays(context, old);
    return false;
  }
  const { former, fingerprint } = await reachAsBefore(context, old, next);
  if (former.server.auth !== "trusted") return true;
  if (next.given["revokeOnDelete"] === false) sayItStays(context, old);
  else await leave(context, { name: old.name, clientFingerprint: fingerprint }, former);
  return false;
}

/**
 * With a new pair, the old one puts the new one in its place on the server, so that the remote works throughout. On another
 * server than before it does not: if that trusts the old pair, then as somebody else's client.
 */
async function replacedItself(
  context: Context,
  id: string,
  old: State,
  next: State,
  { client }: Reached,
): Promise<boolean> {
  const { clientCertificate: certificate, clientKey: privateKey } = next;
  if (certificate === undefined || privateKey === undefined) return false;
  const { former, fingerprint } = await reachAsBefore(context, old, next);
  if (!isSameServer(old, next, former.server)) return false;
  const doing = `Remote ${old.name}: putting the new client certificate in the place of ${fingerprint}`;
  const replacement = await replaceClient(former, fingerprint, certificate, client).catch(
    (error: unknown) => {
      if (!isAccessError(error)) throw error;
      const message = `${doing}: ${messageOf(error)}. Run \`pulumi up\` again`;
      throw new AccessError(error.errorCode, message, { cause: error });
    },
  );
  if (replacement.outcome !== "unclear") return replacement.outcome === "replaced";
  const incomplete = messageOf(replacement.error);
  const half = { ...old, nextPair: { certificate, privateKey }, incomplete };
  throw new PartialError(id, half, `${doing}: ${incomplete}.`, replacement.error);
}

/** The server where it is now, as the client of before. */
function reachAsBefore(context: Context, old: State, next: State): Promise<Former> {
  return reachAsHolder(context, old, destination(next, { fresh: true }), next.clientFingerprint);
}

/** The client of before, and the SHA-256 (hex) of its certificate. */
interface Former {
  readonly former: Reached;
  readonly fingerprint: string;
}

/** As the client of before; where that is out, as the one that was to take its place, unless it is the one now asked for. */
async function reachAsHolder(
  context: Context,
  old: State,
  there: Destination,
  asked?: string,
): Promise<Former> {
  const former = await reach(context, { ...there, pair: identityOf(old) });
  const { nextPair: pair, clientFingerprint = "" } = old;
  const fingerprint = pair && readCertificate(pair.certificate).fingerprint;
  if (former.server.auth === "trusted" || fingerprint === undefined || fingerprint === asked)
    return { former, fingerprint: clientFingerprint };
  return { former: await reach(context, { ...there, pair }), fingerprint };
}

/** Both another name and another certificate mean another server: what was given on one was not given on the other. */
function isSameServer(old: State, next: State, { environment }: Server): boolean {
  return old.serverFingerprint === next.serverFingerprint || old.serverName === environment?.server_name;
}

/** A Remote that moved to another server has no more to do with the former one, where its client stays. */
export function sayWhatStays(context: Context, old: State | undefined, next: State, server: Server): void {
  if (old?.enrolled === true && !isSameServer(old, next, server)) sayItStays(context, old);
}

function sayItStays(context: Context, { name, clientFingerprint, serverName, address }: State): void {
  const server = serverName === undefined || serverName === "" ? address : `${serverName} (${address})`;
  context.log(
    "warning",
    `Remote ${name}: the client ${String(clientFingerprint)}, which it enrolled, stays trusted by ${server} until its ` +
      "TrustToken is destroyed, or `lxc config trust remove` removes it",
  );
}

/** Whether its client certificate has expired. */
export function hasExpired({ clientExpiresAt }: State, now: Date): boolean {
  return clientExpiresAt !== undefined && new Date(clientExpiresAt) < now;
}

/** Whether a client that was adopted is out, and this one in its place: whoever used that one needs this one's key now. */
export async function hasTakenPlace(context: Context, old: State | undefined, next: State): Promise<boolean> {
  if (old === undefined || old.enrolled || next.enrolled || isSameClient(old, next)) return false;
  return (await reachAsBefore(context, old, next)).former.server.auth !== "trusted";
}

/** Lets the client that this Remote enrolled leave the server. Gone already is done. */
export async function withdraw(context: Context, old: State): Promise<void> {
  const { name, clientFingerprint } = old;
  if (!old.enrolled || clientFingerprint === undefined || old.given["revokeOnDelete"] === false) return;
  if (context.isClaimed(clientClaim("Remote", old.serverFingerprint ?? "", clientFingerprint))) {
    context.log(
      "info",
      `The client ${clientFingerprint} stays trusted by ${old.address}, as another Remote of this program has it`,
    );
    return;
  }
  const { former, fingerprint } = await reachAsHolder(context, old, destination(old, { fresh: true }));
  if (former.server.auth !== "trusted" && hasExpired(old, context.now())) sayItStays(context, old);
  await leave(context, { name, clientFingerprint: fingerprint }, former);
}
