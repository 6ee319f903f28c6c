/**
 * A TrustToken by an id: a client that a server trusts already, or a token that waits there. A client that was found is never
 * taken back, whatever is said later: a destroy leaves it trusted, and `lxc config trust remove` removes it. A token that was
 * found is as one that was issued: a destroy revokes it, and removes the client that it has let in since. The connection's own
 * client is found like any other, since its rights are never changed, nor itself removed, over that connection.
 */
import { refuse } from "../errors";
import type { Context, Imported } from "../handler";
import type { PendingToken } from "../lxd/client";
import { isActive, isPending } from "../lxd/entities";
import type { ReadOptions } from "../lxd/rest-api";
import { expiryOf } from "../lxd/trust-token";
import { requireSight } from "./current-identity";
import { readId, refuseUnlessSayable, splitRemote } from "./import-id";
import type { Place } from "./issuing";
import {
  args as schema,
  type Args,
  type Kind,
  membershipOf,
  restrictionOf,
  type Rights,
  type State,
  tokenRules,
} from "./trust-token-schema";
import { adopted, claimOf, describeUselessness, placeOf, tokenOf, waiting } from "./trust-token-state";

/** Where several have a name, the id goes on with what tells them apart. */
export const tokenImportId = "[REMOTE:]certificate/NAME[/FINGERPRINT] or [REMOTE:]identity/NAME";

/** What an id says. */
interface Named extends Pick<Args, "connection"> {
  readonly kind: Kind;
  readonly name: string;
  /** SHA-256 of the client's certificate, hex, or the operation of the token that waits. */
  readonly mark?: string;
}

/** What a name may mean. */
interface Candidate {
  readonly mark: string;
  /** As in "… is …". */
  readonly what: string;
  take(): Pick<Imported<Args, State>, "args" | "state">;
}

export async function importToken(context: Context, id: string): Promise<Imported<Args, State> | undefined> {
  const named = readTokenId(context, id);
  const { kind, name, mark } = named;
  const place = await placeOf(context, named.connection, undefined);
  const { client, server } = place;
  const held: Rights = kind === "identity" ? { groups: [] } : { restricted: true, projects: [] };
  tokenOf(place, held).requireSupport();
  await requireSight(client, server, { held, isNew: true });
  const look = kind === "identity" ? identities : certificates;
  // Many imports share replies; that nothing is there is told by one of its own.
  const shared = await look(place, named, {});
  const all = shared.length > 0 ? shared : await look(place, named, { fresh: true });
  const [meant, ...others] = mark === undefined ? all : all.filter((one) => one.mark === mark);
  if (meant === undefined) return undefined;
  if (others.length > 0) {
    const list = all.map((one) => `${id}/${one.mark} is ${one.what}`).join("; ");
    refuse(
      "INPUT_INVALID",
      `${client.name} has several of the name ${JSON.stringify(name)}. Say which: ${list}`,
    );
  }
  const { args, state } = meant.take();
  refuseUnlessSayable({ args: schema, rules: tokenRules }, `TrustToken ${id}`, args);
  context.claim(claimOf(place, meant.mark));
  return { id, args, state };
}

function readTokenId(context: Context, id: string): Named {
  return readId("TrustToken", tokenImportId, id, (text) => {
    const { connection, rest } = splitRemote(context, text);
    const [, identity] = /^identity\/(.+)$/u.exec(rest) ?? [];
    if (identity !== undefined) return { connection, kind: "identity", name: identity };
    const [, name, mark] = /^certificate\/([^/]+)(?:\/([0-9a-f]{64}|[0-9a-f-]{36}))?$/iu.exec(rest) ?? [];
    return name === undefined
      ? undefined
      : { connection, kind: "certificate", name, mark: mark?.toLowerCase() };
  });
}

/**
 * Certificate add tokens that wait under a name, and entries of the trust store. The tokens are asked for first: one that is
 * redeemed meanwhile is seen as both and never as neither.
 */
async function certificates(place: Place, named: Named, options: ReadOptions): Promise<Candidate[]> {
  const { client } = place;
  const { name } = named;
  const tokens = (await client.getPendingTokens(options)).filter(
    ({ token: { request } }) => request.name === name && request.type === "client",
  );
  const entries = (await client.getCertificates(options)).filter((entry) => entry.name === name);
  const clients = entries.filter(({ type }) => type === "client");
  const [other] = entries;
  if (tokens.length + clients.length === 0 && other !== undefined)
    refuse(
      "INPUT_INVALID",
      `${JSON.stringify(name)} on ${client.name} is a certificate of type ${other.type}, which is no client's`,
    );
  const namesakes = clients.map(({ fingerprint }) => fingerprint);
  return [
    ...tokens.map((token) => pending(place, named, token, namesakes)),
    ...clients.map((entry) => trusted(place, named, entry.fingerprint, restrictionOf(entry))),
  ];
}

/** `namesakes` are the clients of its name that are trusted already. */
function pending(
  place: Place,
  named: Named,
  { operation, token }: PendingToken,
  namesakes: string[],
): Candidate {
  const { secret, addresses, fingerprint, request } = token;
  const rights = restrictionOf(request);
  const wanted = wantedFor(named, rights);
  const expiresAt = expiryOf(token.expiresAt);
  return {
    mark: operation,
    what: "a token that waits",
    take() {
      if (secret === "")
        refuse(
          "LXD_NOT_TRUSTED",
          `${place.client.name} does not show this client the secret of the token that waits for ` +
            `${JSON.stringify(named.name)}. Use a connection that may see it, such as the server's unix socket`,
        );
      const issued = { secret, addresses, fingerprint, expiresAt, mark: { operation } };
      const incomplete = describeUselessness({ rights, fingerprint, expiresAt }, place);
      const state = { ...waiting(place, wanted, issued), knownClients: namesakes, incomplete };
      return { args: wanted, state };
    },
  };
}

/** The identity of a name, which is the only one. */
async function identities(place: Place, named: Named, options: ReadOptions): Promise<Candidate[]> {
  const { client } = place;
  const { name } = named;
  const found = (await client.getIdentities(options)).filter((entry) => entry.name === name);
  if (found.some(isPending))
    refuse(
      "INPUT_INVALID",
      `The identity ${JSON.stringify(name)} on ${client.name} waits for its client, and its token was told only once, so it cannot ` +
        "be imported. Import it once its client has joined, or remove it (`lxc auth identity delete tls/NAME`) and let a " +
        "TrustToken issue another",
    );
  return found.filter(isActive).map((entry) => trusted(place, named, entry.id, membershipOf(entry)));
}

function trusted(place: Place, named: Named, fingerprint: string, rights: Rights): Candidate {
  const wanted = { ...wantedFor(named, rights), clientFingerprint: fingerprint, revokeClientOnDelete: false };
  return {
    mark: fingerprint,
    what: "a trusted client",
    take: () => ({ args: wanted, state: adopted(place, wanted, fingerprint) }),
  };
}

/** The inputs that say a name and rights. */
function wantedFor({ name, connection }: Named, rights: Rights): Args {
  if ("groups" in rights) return { clientName: name, groups: rights.groups, connection };
  const { restricted, projects } = rights;
  return { clientName: name, ...(restricted ? { projects } : { restricted }), connection };
}
