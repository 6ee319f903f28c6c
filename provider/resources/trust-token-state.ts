/** What a TrustToken knows of its token and its client, however it came to them: issued, adopted or imported. */
import type { Context } from "../handler";
import { dialledAddress } from "../lxd/address";
import { type Ahead, askAhead } from "../lxd/client";
import { encodeTrustToken } from "../lxd/trust-token";
import { certificateToken } from "./certificate-token";
import { clientClaim } from "./claims";
import { remember } from "./given";
import { identityToken } from "./identity-token";
import type { NewToken, Place, TokenKind, WaitingToken } from "./issuing";
import { type AdministeredServer, getAdministeredServer, type ServerIdentity } from "./server-identity";
import { type Args, type Rights, rightsOf, type State } from "./trust-token-schema";

/** @param options `ahead` is sent in the same round trip. */
export async function placeOf(
  context: Context,
  connection: Args["connection"],
  expected: ServerIdentity | undefined,
  options: { fresh?: boolean; ahead?: Ahead } = {},
): Promise<Place> {
  const { fresh, ahead } = options;
  const client = await context.connect(connection);
  const ask = (): Promise<AdministeredServer> => getAdministeredServer(client, expected, { fresh });
  return { context, client, server: await askAhead(client, ask, ahead) };
}

/** What is looked at first to find a token, or the client that came of it. */
export function firstLook({ held, operation }: State): Ahead {
  if ("groups" in held) return (client, options) => client.getIdentities(options);
  return operation === undefined
    ? (client, options) => client.getCertificates(options)
    : (client, options) => client.getPendingTokens(options);
}

/** What one resource of a run has, another one's delete leaves: a client, or a token that waits, by its operation. */
export function claimOf({ server }: Place, mark: string): string {
  return clientClaim("TrustToken", server.identity.fingerprint, mark);
}

export function tokenOf(place: Place, rights: Rights): TokenKind {
  return "groups" in rights ? identityToken(place, rights) : certificateToken(place, rights);
}

/** A token that waits. Its state holds the secret. */
export function waiting(
  place: Place,
  wanted: Args,
  { mark, ...token }: NewToken,
): Omit<State, "knownClients"> {
  const { addresses, expiresAt, fingerprint: serverFingerprint } = token;
  const { clientName } = wanted;
  const { kind } = tokenOf(place, rightsOf(wanted));
  return {
    ...baseOf(place, wanted),
    ...{ ...mark, state: "pending", serverFingerprint, addresses: [...addresses], expiresAt },
    token: encodeTrustToken({ ...token, clientName, kind }),
  };
}

/** A client that is trusted already. One that was there before the token is never taken back. */
export function adopted(place: Place, wanted: Args, clientFingerprint: string): State {
  return {
    ...baseOf(place, wanted),
    ...{ state: "consumed", clientFingerprint, knownClients: [clientFingerprint] },
  };
}

function baseOf({ server }: Place, wanted: Args) {
  return {
    given: remember(wanted),
    connection: wanted.connection,
    server: server.identity,
    serverFingerprint: server.identity.fingerprint,
    addresses: addressesGiven(wanted) ?? [...server.addresses],
    held: rightsOf(wanted),
  };
}

/**
 * Why a token that waits can lead nobody in; undefined where it can. It stays in state, because it is still on the server,
 * where it holds its name, until an update or a destroy revokes it.
 */
export function describeUselessness(
  waiting: WaitingToken,
  { context, client, server }: Place,
): string | undefined {
  const { expiresAt, fingerprint } = waiting;
  if (expiresAt !== undefined && new Date(expiresAt) <= context.now())
    return `the token expired at ${expiresAt}`;
  return fingerprint === server.identity.fingerprint
    ? undefined
    : `the token names a certificate that ${client.name} has no more, so its client would refuse to connect`;
}

/** As they stand in tokens: `lxc` dials what is there, on port 443 where none is named. */
export function addressesGiven({ addresses }: Args): string[] | undefined {
  return addresses?.map(dialledAddress);
}
