/**
 * TrustToken: an invitation for one client, redeemed by Remote or by `lxc remote add`.
 * https://documentation.ubuntu.com/lxd/latest/authentication/#adding-client-certificates-using-tokens
 *
 * A token lives once. Waiting to be redeemed (pending) and redeemed by a client that is still trusted (consumed) are
 * both as they should be. Revoked, lost by a restart of the server, or its client removed is drift: the resource is gone.
 * So is expired, or made for a certificate that the server has no more: the resource is incomplete. The next update issues
 * another token.
 * Another `clientName` or kind replaces the resource, the old one first; everything else is changed in place.
 * What differs between the two kinds of token is in certificate-token.ts and identity-token.ts.
 */
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { connectionRules } from "../connection";
import { refuse } from "../errors";
import {
  type Context,
  deviating,
  keepWhenUnreachable,
  type ResourceHandler,
  unfinished,
  withWaysOut,
} from "../handler";
import { decodeTrustToken, encodeTrustToken } from "../lxd/trust-token";
import { requireSight } from "./current-identity";
import { requireGone } from "./cluster-member";
import { changedInputs, remember } from "./given";
import {
  claimName,
  type Place,
  requireAddresses,
  requireListening,
  requireNameFree,
  sayLeftover,
  type TokenClient,
  type TokenKind,
} from "./issuing";
import type { AdministeredServer } from "./server-identity";
import { importToken, tokenImportId } from "./trust-token-import";
import {
  args,
  type Args,
  kindOf,
  otherRights,
  rightsOf,
  state,
  type State,
  tokenRules,
} from "./trust-token-schema";
import {
  addressesGiven,
  adopted,
  claimOf,
  describeUselessness,
  firstLook,
  placeOf,
  tokenOf,
  waiting,
} from "./trust-token-state";
import { type ClientMarks, findClient } from "./trusted-client";

export const trustToken: ResourceHandler<Args, State> = {
  args,
  state,

  rules: (inputs) => [...tokenRules(inputs), ...connectionRules(inputs["connection"])],

  deviations: (old, inputs) => [...unfinished(old), ...otherRights(old.held, inputs)],

  diff(old, inputs, now) {
    const found = deviating(trustToken.deviations(old, inputs, now));
    const changed = [...changedInputs(old, inputs), ...found];
    const replaces: string[] = changed.filter((name) => name === "clientName");
    const kind = kindOf(inputs);
    if (kind !== undefined && kind !== kindHeld(old)) {
      changed.push("kind");
      replaces.push("kind");
    }
    return { changed, replaces, deleteBeforeReplace: true };
  },

  async create(context, wanted) {
    const place = await placeOf(context, wanted.connection, undefined, { fresh: true });
    const rights = rightsOf(wanted);
    const token = tokenOf(place, rights);
    return { id: `${token.kind}/${wanted.clientName}`, state: await ensureInvited(place, token, wanted) };
  },

  read: (context, id, old) =>
    keepWhenUnreachable(context, `TrustToken ${id}`, old, async () => {
      const place = await placeOf(context, old.connection, old.server, { ahead: firstLook(old) });
      return (await observe(place, old)) ?? lookAgain(place, old);
    }),

  async update(context, _id, old, wanted) {
    const place = await placeOf(context, wanted.connection, old.server, { fresh: true });
    const held = rightsOf(wanted);
    const token = tokenOf(place, held);
    const expected = await expectedInVain(token, old, wanted);
    const kept = { given: remember(wanted), connection: wanted.connection, held };
    const now = await observe(place, old, { fresh: true });
    // A client that is expected, and trusted already, needs no token.
    const isOfUse = now?.state === "pending" && now.incomplete === undefined && expected.length === 0;
    if (isOfUse && (isDeepStrictEqual(now.held, held) || (await token.changeWaiting(now)))) {
      return { ...now, ...kept, ...readdressed(now, place.server, wanted) };
    }
    const consumed = now?.state === "consumed" ? now : await withdrawPending(place, token, old);
    if (consumed === undefined) return ensureInvited(place, token, wanted);
    if (consumed.clientFingerprint !== undefined) {
      await token.changeClient(consumed.clientFingerprint);
    } else if (!isDeepStrictEqual(old.held, held)) {
      refuse(
        "LXD_ALREADY_EXISTS",
        `clientName: ${place.client.name} trusts several new clients named ${JSON.stringify(wanted.clientName)}, so it cannot ` +
          "be told whose rights to change. Say which by clientFingerprint",
      );
    }
    const others = expected.filter((fingerprint) => fingerprint !== consumed.clientFingerprint);
    return { ...consumed, ...kept, knownClients: [...consumed.knownClients, ...others] };
  },

  delete: (context, _id, old) => withWaysOut(() => withdraw(context, old)),

  importId: tokenImportId,
  import: importToken,
};

function kindHeld({ held }: State): TokenKind["kind"] {
  return "groups" in held ? "identity" : "certificate";
}

/**
 * The client that is expected only now, where it is trusted already: unless the token is consumed by it, it was not let in
 * by this token. Looked up before the token, because one that still waits may be redeemed by that client a moment later.
 */
async function expectedInVain(token: TokenKind, old: State, wanted: Args): Promise<string[]> {
  const expected = wanted.clientFingerprint?.toLowerCase();
  if (expected === undefined || old.knownClients.includes(expected)) return [];
  const clients = await token.getClients({ fresh: true });
  return clients.map(({ fingerprint }) => fingerprint).filter((fingerprint) => fingerprint === expected);
}

/**
 * Revokes a token that is not as wanted, or can no longer be redeemed; the consumed token, where it was redeemed in the
 * meantime. Nothing is revoked that could not be issued anew.
 */
async function withdrawPending(place: Place, token: TokenKind, old: State): Promise<State | undefined> {
  requireListening(place);
  await token.requireRights();
  return revokeAndLook(place, old);
}

/**
 * Revokes before it looks: were the token redeemed in between, its client would be missed. Who was trusted while the token
 * still waited did not come by it.
 */
async function revokeAndLook(place: Place, old: State): Promise<State | undefined> {
  const token = tokenOf(place, old.held);
  const clients = await token.getClients({ fresh: true });
  const isWaiting = (await token.findWaiting(old, { fresh: true })) !== undefined;
  const { name, fingerprints } = marksOf(old);
  const isMeant = (entry: TokenClient): boolean =>
    entry.name === name || fingerprints.includes(entry.fingerprint);
  const others = isWaiting ? clients.filter(isMeant).map(({ fingerprint }) => fingerprint) : [];
  await token.revoke(old);
  const knownClients = [...new Set([...old.knownClients, ...others])];
  return observe(place, { ...old, operation: undefined, identity: undefined, knownClients }, { fresh: true });
}

/** Revokes the token and takes the client that came of it out of the trust store. */
async function withdraw(context: Context, old: State): Promise<void> {
  const place = await placeOf(context, old.connection, old.server, { fresh: true });
  await requireSight(place.client, place.server, old, { fresh: true });
  const { operation } = old;
  if (operation !== undefined && context.isClaimed(claimOf(place, operation))) {
    context.log(
      "info",
      `The token stays on ${place.client.name}, as another TrustToken of this program has it`,
    );
    return;
  }
  const now = await revokeAndLook(place, old);
  if (now?.clientFingerprint === undefined || old.given["revokeClientOnDelete"] === false) return;
  const { clientFingerprint: fingerprint, knownClients } = now;
  if (old.token === undefined || knownClients.includes(fingerprint)) return;
  const { client } = place;
  if (context.isClaimed(claimOf(place, fingerprint))) {
    context.log(
      "info",
      `The client ${fingerprint} stays trusted by ${client.name}, as another TrustToken of this program has it`,
    );
    return;
  }
  if (client.ownFingerprint !== fingerprint) return tokenOf(place, old.held).removeClient(fingerprint);
  context.log(
    "warning",
    `The client ${fingerprint} stays trusted by ${client.name}: it is the one that this connection uses. Remove it over ` +
      `another connection (\`lxc ${kindHeld(old) === "identity" ? "auth identity delete" : "config trust remove"}\`)`,
  );
}

/**
 * A token that is gone is looked for once more, and not in shared replies: while it is being redeemed, servers end its
 * operation a moment before its client is in the trust store.
 */
async function lookAgain(place: Place, old: State): Promise<State | undefined> {
  await setTimeout(redemptionSettles);
  const now = await observe(place, old, { fresh: true });
  if (now === undefined) await requireGone(place.client, place.server, old.operation);
  return now;
}

/** Milliseconds in which a server puts the client of a redeemed token into its trust store; it takes some ten. */
const redemptionSettles = 200;

/** Issues a token, or adopts the expected client where the server trusts it already. */
async function ensureInvited(place: Place, token: TokenKind, wanted: Args): Promise<State> {
  const { client, server } = place;
  token.requireSupport();
  const fresh = { fresh: true };
  // In the same round trip; what is wrong with one of them is told in its turn.
  const [rights, leftovers] = [token.requireRights(), token.findLeftovers(wanted.clientName)];
  for (const asked of [rights, leftovers]) asked.catch(() => undefined);
  const [, clients] = await Promise.all([
    requireSight(client, server, { held: rightsOf(wanted), isNew: true }, fresh),
    token.getClients(fresh),
  ]);
  const expected = clients.find((entry) => entry.fingerprint === wanted.clientFingerprint?.toLowerCase());
  if (expected !== undefined) {
    const { fingerprint } = expected;
    await token.changeClient(fingerprint);
    place.context.claim(claimOf(place, fingerprint));
    return adopted(place, wanted, fingerprint);
  }
  requireListening(place);
  requireAddresses(place, wanted.addresses);
  await rights;
  await requireNameFree(place, token, wanted);
  claimName(place, wanted.clientName);
  const namesakes = clients
    .filter(({ name }) => name === wanted.clientName)
    .map((entry) => entry.fingerprint);
  for (const leftover of await leftovers) {
    await token.revoke(leftover);
    sayLeftover(place, wanted.clientName);
  }
  const issued = await token.issue(wanted.clientName);
  const addresses = addressesGiven(wanted) ?? [...issued.addresses];
  return { ...waiting(place, wanted, { ...issued, addresses }), knownClients: namesakes };
}

/** The token as it is now; undefined where it can no longer be redeemed and no trusted client came of it. */
async function observe(
  place: Place,
  old: State,
  options: { fresh?: boolean } = {},
): Promise<State | undefined> {
  const { context, client, server } = place;
  const token = tokenOf(place, old.held);
  await requireSight(client, server, old, options);
  const found = await token.findWaiting(old, options);
  if (found !== undefined) {
    const incomplete = describeUselessness(found, place);
    return { ...old, state: "pending", server: server.identity, held: found.rights, incomplete };
  }
  const redeemer = findClient(await token.getClients(options), marksOf(old));
  if (redeemer === "none") return undefined;
  const ended = {
    ...{ ...old, state: "consumed" as const, server: server.identity },
    ...{ serverFingerprint: server.identity.fingerprint, operation: undefined, identity: undefined },
    incomplete: undefined,
  };
  if (redeemer === "several") {
    context.log(
      "warning",
      `${client.name} trusts several new clients named ${JSON.stringify(nameOf(old))}; none is taken for the one that ` +
        "redeemed this TrustToken, and none will be removed with it. Say which by clientFingerprint",
    );
    return ended;
  }
  return { ...ended, clientFingerprint: redeemer.fingerprint, held: redeemer.rights };
}

/** With other addresses wanted a pending token is written anew around the same secret. */
function readdressed(
  now: State,
  server: AdministeredServer,
  wanted: Args,
): Pick<State, "token" | "addresses"> {
  const decoded = now.token === undefined ? undefined : decodeTrustToken(now.token);
  if (decoded === undefined) return { token: now.token, addresses: now.addresses };
  const addresses = addressesGiven(wanted) ?? [...server.addresses];
  return { token: encodeTrustToken({ ...decoded, addresses }), addresses };
}

function marksOf(old: State): ClientMarks {
  const { clientFingerprint: expected } = old.given as Pick<Args, "clientFingerprint">;
  return {
    name: nameOf(old),
    fingerprints: [old.clientFingerprint, expected?.toLowerCase()],
    others: old.knownClients,
  };
}

function nameOf(old: State): string {
  return String(old.given["clientName"]);
}
