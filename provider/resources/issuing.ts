/** What has to hold before a trust token is issued, of either kind. */
import { refuse } from "../errors";
import type { Context } from "../handler";
import type { LxdClient } from "../lxd/client";
import { type Identity, isPending } from "../lxd/entities";
import { type AdministeredServer, serverKey } from "./server-identity";
import type { Args, Kind, Rights, State } from "./trust-token-schema";

/** Where a token lives. */
export interface Place {
  readonly context: Context;
  readonly client: LxdClient;
  readonly server: AdministeredServer;
}

/** A trusted client, as far as a token has to do with it. */
export interface TokenClient {
  readonly name: string;
  /** SHA-256 of its certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly rights: Rights;
}

/** A token that waits to be redeemed. */
export interface WaitingToken {
  readonly rights: Rights;
  /** SHA-256 (hex) of the server's certificate at issue, which the client will expect. */
  readonly fingerprint: string;
  /** RFC 3339; undefined where it does not expire. */
  readonly expiresAt?: string;
}

/** By what a token that waits is found again. */
export type Mark = Pick<State, "operation" | "identity">;

/** A token that was just issued; the secret in it is secret. */
export interface NewToken {
  readonly fingerprint: string;
  readonly addresses: readonly string[];
  readonly secret: string;
  readonly expiresAt?: string;
  readonly mark: Mark;
}

/** How one kind of token is issued, seen, changed and revoked. The rights are those it was made with. */
export interface TokenKind {
  readonly kind: Kind;
  /** LXD_EXTENSION_MISSING where the server has no such tokens. */
  requireSupport(): void;
  /** LXD_NOT_FOUND where what the rights name does not exist. */
  requireRights(): Promise<void>;
  /**
   * The tokens that an interrupted run left behind: they wait under this name, with these rights. LXD_ALREADY_EXISTS where one
   * with other rights holds the name.
   */
  findLeftovers(clientName: string): Promise<Mark[]>;
  /** Issues a token and looks whether this connection can see it. */
  issue(clientName: string): Promise<NewToken>;
  /** The token as it waits; undefined where it does not. */
  findWaiting(old: State, options: { fresh?: boolean }): Promise<WaitingToken | undefined>;
  /** Gives a waiting token the rights; false where only another token can have them. */
  changeWaiting(old: State): Promise<boolean>;
  /** Makes a waiting token void; one that is gone already is no error. */
  revoke(token: Mark): Promise<void>;
  /** The trusted clients that came by tokens of this kind, and those like them. */
  getClients(options: { fresh?: boolean }): Promise<TokenClient[]>;
  /** Gives a trusted client the rights. LXD_LOCKOUT where it is the one that this connection uses. */
  changeClient(fingerprint: string): Promise<void>;
  /** Takes a client out of the trust store; one that is gone already is no error. */
  removeClient(fingerprint: string): Promise<void>;
}

/** Two resources for one name would take each other's token for a leftover, so the second one of a run is refused. */
export function claimName({ context, client, server }: Place, name: string): void {
  if (context.claim(JSON.stringify(["TrustToken", "name", serverKey(server), name]))) return;
  refuse(
    "LXD_ALREADY_EXISTS",
    `clientName: another TrustToken of this program has issued a token for ${JSON.stringify(name)} on ${client.name} in ` +
      "this run. Give each TrustToken a name of its own",
  );
}

/** Servers that do not listen refuse a token with words that do not tell what to do. */
export function requireListening({ client, server }: Place): void {
  if ((server.config["core.https_address"] ?? "") !== "") return;
  refuse(
    "LXD_REJECTED",
    `${client.name} does not listen on the network, so no client could redeem a trust token. Expose it with an ` +
      "HttpsAddress and let this TrustToken depend on it (dependsOn)",
  );
}

/** A listener on every interface of a machine that has only loopback ones is announced nowhere, and so not in a token. */
export function requireAddresses({ client, server }: Place, given: readonly string[] | undefined): void {
  if (given !== undefined || server.addresses.length > 0) return;
  refuse(
    "LXD_REJECTED",
    `addresses: ${client.name} listens, but names no address at which a client could reach it, so none would be in the token. ` +
      "Give addresses, or let its HttpsAddress name one",
  );
}

/**
 * Where there are identities a name is taken once, by a client of either kind or by a pending identity; a certificate
 * add token for a taken one is issued all the same, and burnt when it is redeemed.
 */
export async function requireNameFree(
  { client, server }: Place,
  token: TokenKind,
  { clientName, clientFingerprint }: Args,
): Promise<void> {
  if (!server.extensions.has("access_management_tls")) return;
  const known = await client.getIdentities({ fresh: true });
  const expected = known.find(({ id }) => id === clientFingerprint?.toLowerCase());
  if (expected !== undefined) {
    const other = token.kind === "identity" ? "projects or restricted: false" : "groups";
    refuse(
      "LXD_ALREADY_EXISTS",
      `clientFingerprint: ${client.name} trusts this client already, as ${JSON.stringify(expected.name)} (${expected.type}), and ` +
        `cannot give it these rights. Remove it there first, or say its rights by ${other}`,
    );
  }
  // Whether a pending identity is in the way of another one is looked at where that one is made.
  const isInTheWay = (entry: Identity): boolean => token.kind === "certificate" || !isPending(entry);
  const namesake = known.find((entry) => entry.name === clientName && isInTheWay(entry));
  if (namesake === undefined) return;
  refuse(
    "LXD_ALREADY_EXISTS",
    `clientName: ${client.name} already has a client named ${JSON.stringify(clientName)} (${namesake.type}), and names are unique ` +
      "there. Use another name, remove it (`lxc config trust remove`, `lxc auth identity delete`), or, of one that is trusted, " +
      "give the fingerprint as clientFingerprint to adopt it",
  );
}

/** Tells the user that a token nobody has was revoked. */
export function sayLeftover({ context, client }: Place, clientName: string): void {
  context.log(
    "warning",
    `A pending trust token for ${JSON.stringify(clientName)} with the same rights was on ${client.name}, left by an ` +
      "interrupted run or no longer of use; it was revoked and a new one is issued",
  );
}

/** No client locks itself out: its rights are not changed over its own connection. */
export function requireOtherClient(client: LxdClient, fingerprint: string): void {
  if (client.ownFingerprint !== fingerprint) return;
  refuse(
    "LXD_LOCKOUT",
    `The client ${fingerprint} is the one that this connection to ${client.name} uses: with other rights, it might not be ` +
      "able to take that back. Use the server's unix socket, or another client for the connection",
  );
}
