/** What a client does to be trusted: find an address of the server that answers with the pinned certificate, redeem. */
import { setTimeout } from "node:timers/promises";
import { AccessError, isAccessError, messageOf, NotSentError, refuse, type ErrorCode } from "../errors";
import type { Context } from "../handler";
import { describeServerAddressProblem, formatHostAndPort, parseServerAddress } from "../lxd/address";
import { type Ahead, askAhead, type LxdClient } from "../lxd/client";
import { type CurrentIdentity, isFineGrained, type Server } from "../lxd/entities";
import { LxdError } from "../lxd/errors";
import type { Pin, Timeouts } from "../lxd/transport";
import { decodeTrustToken } from "../lxd/trust-token";
import type { KeyPair } from "../pki/certificate";
import { fingerprintIn } from "../pki/certificate-facts";
import { inTurn } from "./trust-store-turn";

/** Milliseconds before the next address is tried beside one that has not answered yet. */
const stagger = 250;

/** A server that answered on one of its addresses and showed the pinned certificate. */
export interface Reached {
  readonly client: LxdClient;
  /** `host:port`. */
  readonly address: string;
  /** GET /1.0 as this client sees it; `auth` tells whether it is trusted. */
  readonly server: Server;
  /** The addresses that had failed by then, each as it was given. */
  readonly failed: readonly string[];
}

/** Where and as whom to reach a server. */
export interface Destination {
  readonly addresses: readonly string[];
  readonly pin: Pin;
  /** Its key is secret. Left out means as a stranger. */
  readonly pair?: KeyPair;
  readonly timeouts: Timeouts;
  /** Whether the answer decides a write, so that an earlier one will not do. */
  readonly fresh: boolean;
  /** Is sent in the same round trip. */
  readonly ahead?: Ahead;
}

/**
 * Tries the addresses one after the other, a little staggered, and takes the first that answers as the pinned server.
 * A dead address or a wrong certificate only means that the next one is tried; nothing is sent before the pin holds.
 */
export async function reach(
  context: Context,
  { addresses, pin, pair, timeouts, fresh, ahead }: Destination,
): Promise<Reached> {
  const failures: { address: string; error: AccessError }[] = [];
  const attempt = async (text: string): Promise<Reached> => {
    const problem = describeServerAddressProblem(text);
    const place = parseServerAddress(text);
    if (place === undefined || problem !== undefined)
      return refuse("INPUT_INVALID", `the address ${JSON.stringify(text)} ${problem}`);
    const identity = pair && { clientCertificate: pair.certificate, clientKey: pair.privateKey };
    const client = context.client({ kind: "https", ...place, pin, ...identity }, timeouts);
    const server = await lookAt(() => askAhead(client, () => client.getServer({ fresh }), ahead));
    return { client, address: formatHostAndPort(place), server, failed: failures.map((one) => one.address) };
  };
  const pending: Promise<Reached | undefined>[] = [];
  for (const address of addresses) {
    const tried = attempt(address).catch((error: unknown) => {
      // Never thrown on: an attempt may fail after another one has succeeded, when nobody waits for it any more.
      failures.push({
        address,
        error: isAccessError(error) ? error : new AccessError("BUG", messageOf(error)),
      });
      return undefined;
    });
    pending.push(tried);
    const first = await Promise.race([
      tried,
      firstOf(pending),
      setTimeout(stagger, undefined, { ref: false }),
    ]);
    if (first !== undefined) return first;
  }
  return (await firstOf(pending)) ?? noneAnswered(addresses, failures);
}

/** How often an Incus is asked that may mistake a client for a moment, while it or others come and go. */
const looks = 5;
/** Milliseconds. */
const betweenLooks = 100;

/** What a server says of itself, which strangers may know: where it is refused, Incus is just letting this client in. */
async function lookAt(ask: () => Promise<Server>): Promise<Server> {
  for (let look = 1; ; look++) {
    try {
      return await ask();
    } catch (error) {
      if (!isAccessError(error, "LXD_NOT_TRUSTED") || look === looks) throw error;
    }
    await setTimeout(betweenLooks);
  }
}

/** What a server says of itself now. */
function lookAgain(client: LxdClient): Promise<Server> {
  return lookAt(() => client.getServer({ fresh: true }));
}

/** The first attempt that succeeds, or undefined when all have failed. */
async function firstOf(attempts: readonly Promise<Reached | undefined>[]): Promise<Reached | undefined> {
  const succeeded = attempts.map(
    async (attempt) => (await attempt) ?? Promise.reject(new Error("no answer")),
  );
  return Promise.any(succeeded).catch(() => undefined);
}

function noneAnswered(
  addresses: readonly string[],
  failures: readonly { address: string; error: AccessError }[],
): never {
  const codes = failures.map(({ error }) => error.errorCode);
  const telling: ErrorCode[] = [
    "BUG",
    "LXD_SERVER_IDENTITY",
    "LXD_PROTOCOL",
    "LXD_TIMEOUT",
    "LXD_UNREACHABLE",
  ];
  const code = telling.find((candidate) => codes.includes(candidate)) ?? codes[0] ?? "LXD_UNREACHABLE";
  const [only] = failures;
  if (failures.length === 1 && only !== undefined) throw only.error;
  const list = failures.map(({ address, error }) => `${address}: ${messageOf(error)}`).join("; ");
  return refuse(code, `None of the ${addresses.length} addresses answered as the pinned server. ${list}`);
}

/** What came of sending a token. */
export type Redemption =
  | { readonly outcome: "joined" }
  /** The server said no, and trusts this client all the same: something else let it in meanwhile. */
  | { readonly outcome: "adopted" }
  /** The server said no, and this client is not trusted: nothing was done. */
  | { readonly outcome: "refused"; readonly error: AccessError }
  /**
   * The token was sent, and whether the server took it cannot be told now. Not to be trusted yet tells nothing: what was sent
   * may be on its way still, and be taken when nobody waits for it any more.
   */
  | { readonly outcome: "unclear"; readonly error: AccessError };

/**
 * Redeems a token, once. Where the answer does not settle the matter (none came; or "already exists", which newer
 * servers send both to a trusted client and when another client has the name) the server is asked whether it trusts
 * this client now; the token is never sent again.
 */
export async function redeem(reached: Reached, token: string): Promise<Redemption> {
  const { client } = reached;
  try {
    await asNext(client, () => send(reached, token));
    return { outcome: "joined" };
  } catch (error) {
    if (!isAccessError(error)) throw error;
    if (error instanceof NotSentError || !isAccessError(error, ...unsettled))
      return { outcome: "refused", error: explain(client, error) };
    try {
      const now = await lookAgain(client);
      if (now.auth === "trusted") return { outcome: mayHaveWorked(error) ? "joined" : "adopted" };
      if (error instanceof LxdError) return { outcome: "refused", error: explain(client, error) };
      return unclear(error, "asked since, the server does not trust this client, or not yet");
    } catch (second) {
      return unclear(error, `asking whether it was taken: ${messageOf(second)}`);
    }
  }
}

/** Makes a change of the trust store, in turn with those that other clients make. */
function asNext(client: LxdClient, change: () => Promise<void>): Promise<void> {
  return inTurn(fingerprintIn(client.serverCertificate) ?? client.name, client.name, change);
}

/** Whether a request may have been carried out, though it was not said: no answer came, or the server failed. */
function mayHaveWorked(error: AccessError): boolean {
  return (error instanceof LxdError && error.isFailure) || isAccessError(error, ...lost);
}

function unclear(error: AccessError, since: string): Redemption & Replacement {
  const message = `${messageOf(error)}; ${since}`;
  return { outcome: "unclear", error: new AccessError(error.errorCode, message, { cause: error }) };
}

/** Which API takes a token is said inside it. LXD_EXTENSION_MISSING, and nothing sent, where the server lacks that one. */
async function send({ client, server }: Reached, token: string): Promise<void> {
  if (decodeTrustToken(token)?.kind !== "identity") {
    return client.redeemCertificateToken(token, tokenField(server));
  }
  if (hasIdentities(server)) return client.redeemIdentityToken(token);
  refuse(
    "LXD_EXTENSION_MISSING",
    `the token is for a TLS identity, and ${client.name} has none (API extension access_management_tls: LXD from 5.21.3 and ` +
      "from 6.2 on). Nothing was sent. Use a certificate add token (TrustToken with projects, or restricted: false)",
  );
}

function hasIdentities({ api_extensions: extensions }: Server): boolean {
  return extensions.includes("access_management_tls");
}

/** No answer came that can be read. */
const lost: ErrorCode[] = ["LXD_UNREACHABLE", "LXD_TIMEOUT", "LXD_PROTOCOL"];

/** A token is refused also where another Remote has just redeemed it with the same pair: as used up, or to a trusted client. */
const unsettled: ErrorCode[] = [
  ...lost,
  ...(["LXD_ALREADY_EXISTS", "LXD_REJECTED", "LXD_TOKEN_REJECTED", "LXD_NOT_TRUSTED"] as const),
];

/**
 * Servers with `explicit_trust_token` want the token as `trust_token`, and so does every Incus; older LXD reads it
 * from `password`. An Incus shows itself by extensions LXD never had, or (from 7.0) by showing none to strangers.
 */
function tokenField(server: Server): "trust_token" | "password" {
  return isIncus(server) || server.api_extensions.includes("explicit_trust_token")
    ? "trust_token"
    : "password";
}

/** Whether a server is Incus, as far as it says so to this client. */
export function isIncus({ environment, api_extensions: extensions }: Server): boolean {
  if (environment) return environment.server === "incus";
  return extensions.length === 0 || extensions.includes("certificate_description");
}

/** The identity of a trusted client, where it is one and not an entry of the trust store. */
async function ownIdentity({
  client,
  server,
}: Pick<Reached, "client" | "server">): Promise<CurrentIdentity | undefined> {
  if (!hasIdentities(server)) return undefined;
  const current = await client.getCurrentIdentity({ fresh: true });
  return isFineGrained(current) ? current : undefined;
}

/** What came of putting another certificate in the place of a client's own. */
export type Replacement =
  | { readonly outcome: "replaced" }
  /** The client is not trusted any more, or has no entry of its own. */
  | { readonly outcome: "impossible" }
  /** Whether it was done cannot be told now. */
  | { readonly outcome: "unclear"; readonly error: AccessError };

/**
 * Lets a trusted client put another certificate (PEM) in the place of its own, which servers allow to restricted ones
 * too. Where the answer is lost, the client that has the new certificate is asked whether it is trusted now.
 */
export async function replaceClient(
  former: Reached,
  fingerprint: string,
  certificate: string,
  next: LxdClient,
): Promise<Replacement> {
  if (former.server.auth !== "trusted") return { outcome: "impossible" };
  try {
    await putInPlace(former, fingerprint, certificate);
    return { outcome: "replaced" };
  } catch (error) {
    if (isAccessError(error, "LXD_NOT_FOUND")) return { outcome: "impossible" };
    if (!isAccessError(error) || error instanceof NotSentError || !mayHaveWorked(error)) throw error;
    try {
      if ((await lookAgain(next)).auth === "trusted") return { outcome: "replaced" };
    } catch (second) {
      return unclear(error, `asking whether it was done: ${messageOf(second)}`);
    }
    if (error instanceof LxdError) throw error;
    return unclear(error, "asked since, the server does not trust the new one, or not yet");
  }
}

async function putInPlace(former: Reached, fingerprint: string, certificate: string): Promise<void> {
  const { client } = former;
  const identity = await ownIdentity(former);
  await asNext(client, () =>
    identity === undefined
      ? client.updateCertificate(fingerprint, { certificate })
      : client.updateIdentity(identity.id, { groups: identity.groups, certificate }),
  );
}

/** Whether a server trusts a client now. */
async function isTrusted(client: LxdClient, server: Server): Promise<boolean> {
  for (let look = 1; ; look++) {
    if ((await lookAgain(client)).auth === "trusted") return true;
    if (!isIncus(server) || look === looks) return false;
    await setTimeout(betweenLooks);
  }
}

/** Takes a client out of the trust store over its own connection, where the server lets it; else says what remains. */
export async function leave(
  context: Context,
  { name, clientFingerprint }: { name: string; clientFingerprint: string },
  { client, server }: Reached,
): Promise<void> {
  if (server.auth !== "trusted" && !(isIncus(server) && (await isTrusted(client, server)))) return;
  for (let attempt = 1; ; attempt++) {
    try {
      await removeOwnEntry(client, server, clientFingerprint);
      return;
    } catch (error) {
      // Without an entry there is no trust, even where Incus still goes by an older one for a moment.
      if (isAccessError(error, "LXD_NOT_FOUND") || !(await isTrusted(client, server))) return;
      if (!isAccessError(error, "LXD_NOT_TRUSTED")) throw error;
      if (!isIncus(server) || attempt === looks) break;
    }
    await setTimeout(betweenLooks);
  }
  context.log(
    "warning",
    `Remote ${name}: ${client.name} does not let a restricted client remove itself. The client ${clientFingerprint} ` +
      "stays trusted until its TrustToken is destroyed, or `lxc config trust remove` removes it",
  );
}

async function removeOwnEntry(client: LxdClient, server: Server, fingerprint: string): Promise<void> {
  const identity = await ownIdentity({ client, server });
  await asNext(client, () =>
    identity === undefined ? client.deleteCertificate(fingerprint) : client.deleteIdentity(identity.id),
  );
}

function explain(client: LxdClient, error: AccessError): AccessError {
  const advice: Partial<Record<ErrorCode, string>> = {
    LXD_TOKEN_REJECTED:
      "It was used already, was revoked, or was lost when the server restarted. Issue a new one: of a TrustToken, " +
      "`pulumi up --refresh` does where it was revoked or lost. Where a run was killed after its client had joined and before " +
      "its key was recorded, replace the TrustToken (`pulumi up --replace URN`), which also removes that client",
    LXD_NOT_TRUSTED: "The server did not accept the token. Issue a new one",
    LXD_TOKEN_EXPIRED: "Issue a new one",
    LXD_NOT_FOUND:
      "A project that the token names does not exist any more; the token is spent. Issue a new one",
    LXD_ALREADY_EXISTS:
      "Another client already has the name in the token, or has this name as an identity; the token is spent. " +
      "Remove that client or issue a token for another name",
  };
  const what = advice[error.errorCode];
  return new AccessError(
    error.errorCode,
    `Joining ${client.name}: ${messageOf(error)}${what === undefined ? "" : `. ${what}`}`,
    {
      cause: error,
    },
  );
}
