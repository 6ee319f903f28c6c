/**
 * Tokens of TLS identities: the client's rights come from groups. The server keeps a pending identity, which outlives
 * its process, under the token's name; activated it has another id (its certificate's fingerprint) and the same name.
 * https://documentation.ubuntu.com/lxd/latest/explanation/authorization/#fine-grained-authorization
 */
import { isDeepStrictEqual } from "node:util";
import { isAccessError, messageOf, quoted, refuse } from "../errors";
import { type Identity, isActive, isPending } from "../lxd/entities";
import { expiryOf } from "../lxd/trust-token";
import { type Mark, type NewToken, type Place, requireOtherClient, type TokenKind } from "./issuing";
import { membershipOf, type Membership } from "./trust-token-schema";
import { ignoreNotFound } from "./trusted-client";

export function identityToken(place: Place, membership: Membership): TokenKind {
  const { client } = place;
  const { groups } = membership;
  return {
    kind: "identity",
    requireSupport: () => {
      requireIdentities(place);
    },
    requireRights: () => requireGroups(place, groups),

    findLeftovers: (name) => findLeftovers(place, name, membership),

    issue: (name) => issue(place, name, groups),

    async findWaiting(old, options) {
      const found = (await client.getIdentities(options)).find(({ id }) => id === old.identity);
      if (found === undefined || !isPending(found)) return undefined;
      // The server does not say again which certificate the token pins, nor when it expires.
      return { rights: membershipOf(found), fingerprint: old.serverFingerprint, expiresAt: old.expiresAt };
    },

    changeWaiting: (old) => changeWaiting(place, old.identity, groups),
    revoke: async ({ identity }) => {
      if (identity !== undefined) await ignoreNotFound(client.deleteIdentity(identity));
    },

    async getClients(options) {
      return (await client.getIdentities(options)).filter(isActive).map((entry) => {
        const { name, id } = entry;
        return { name, fingerprint: id, rights: membershipOf(entry) };
      });
    },

    async changeClient(fingerprint) {
      const entry = (await client.getIdentities({ fresh: true })).find(({ id }) => id === fingerprint);
      if (entry === undefined || isDeepStrictEqual(membershipOf(entry), membership)) return;
      requireOtherClient(client, fingerprint);
      await requireGroups(place, groups);
      // Without a certificate in the request the identity keeps its own.
      await client.updateIdentity(fingerprint, { groups });
    },

    removeClient: (fingerprint) => ignoreNotFound(client.deleteIdentity(fingerprint)),
  };
}

function requireIdentities({ client, server }: Place): void {
  if (server.extensions.has("access_management_tls")) return;
  refuse(
    "LXD_EXTENSION_MISSING",
    `groups: ${client.name} is ${server.type === "incus" ? "Incus" : "LXD"} ${server.version}, which has no TLS identities ` +
      "(API extension access_management_tls: LXD from 5.21.3 and from 6.2 on). Use projects, or restricted: false, instead",
  );
}

/** Looked up before, so that a mistake is told with what there is. */
async function requireGroups({ client }: Place, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) return;
  const existing = await client.getGroupNames({ fresh: true });
  const missing = groups.filter((name) => !existing.includes(name));
  if (missing.length === 0) return;
  refuse(
    "LXD_NOT_FOUND",
    `groups: ${client.name} has no group ${quoted(missing)}. It has ${quoted(existing) || "none"}. ` +
      "Create it first (`lxc auth group create`), or depend on the resource that does",
  );
}

/** A pending identity of the name and with the groups is what an interrupted run left behind: its secret is told only once. */
async function findLeftovers({ client }: Place, name: string, membership: Membership): Promise<Mark[]> {
  const pending = (await client.getIdentities({ fresh: true })).find(
    (entry) => entry.name === name && isPending(entry),
  );
  if (pending === undefined) return [];
  if (!isDeepStrictEqual(membershipOf(pending), membership)) {
    const groups = quoted(pending.groups) || "no group";
    refuse(
      "LXD_ALREADY_EXISTS",
      `clientName: ${client.name} already has a pending identity named ${JSON.stringify(name)} with other groups (${groups}), ` +
        "and names are unique there. Use another name, or remove it (`lxc auth identity delete tls/NAME`)",
    );
  }
  return [{ identity: pending.id }];
}

/** Reads back what was made, because otherwise every later read would find it gone. */
async function issue({ client }: Place, name: string, groups: readonly string[]): Promise<NewToken> {
  const { fingerprint, addresses, secret, expires_at } = await client.createPendingIdentity(name, groups);
  const made = (await client.getIdentities({ fresh: true })).find(
    (entry) => entry.name === name && isPending(entry),
  );
  if (made !== undefined) {
    return { fingerprint, addresses, secret, expiresAt: expiryOf(expires_at), mark: { identity: made.id } };
  }
  const fate = await ignoreNotFound(client.deleteIdentity(name)).then(
    () => "it was removed again",
    (error: unknown) =>
      `it could not be removed again (${messageOf(error)}): do so with \`lxc auth identity delete tls/NAME\``,
  );
  return refuse(
    "LXD_NOT_TRUSTED",
    `${client.name} made a pending identity ${JSON.stringify(name)} that this client may not see, so it could not be followed; ` +
      `${fate}. Give the client the entitlement \`can_view_identities\` on the server`,
  );
}

/** False where the identity is pending no more. */
async function changeWaiting(
  place: Place,
  id: string | undefined,
  groups: readonly string[],
): Promise<boolean> {
  if (id === undefined) return false;
  await requireGroups(place, groups);
  try {
    await place.client.updateIdentity(id, { groups });
    return true;
  } catch (error) {
    if (!isAccessError(error, "LXD_NOT_FOUND") || (await isStillPending(place, id))) throw error;
    return false;
  }
}

async function isStillPending({ client }: Place, wanted: string): Promise<boolean> {
  return (await client.getIdentities({ fresh: true })).some(
    (entry: Identity) => entry.id === wanted && isPending(entry),
  );
}
