/**
 * Certificate add tokens: the client becomes an entry of the trust store. The server keeps them in operations, which
 * end with its process.
 */
import { isDeepStrictEqual } from "node:util";
import { isAccessError, refuse } from "../errors";
import type { PendingToken, TokenRequest } from "../lxd/client";
import { expiryOf } from "../lxd/trust-token";
import { type NewToken, type Place, requireOtherClient, type TokenKind } from "./issuing";
import { restrictionOf, type Restriction } from "./trust-token-schema";
import { ignoreNotFound, requireProjects } from "./trusted-client";

export function certificateToken(place: Place, restriction: Restriction): TokenKind {
  const { client } = place;
  return {
    kind: "certificate",
    requireSupport: () => undefined,
    requireRights: () => requireProjects(client, restriction.projects),

    async findLeftovers(name) {
      const pending = await client.getPendingTokens({ fresh: true });
      return pending
        .filter((one) => isFor({ name, ...restriction }, one))
        .map(({ operation }) => ({ operation }));
    },

    issue: (name) => issue(place, { name, ...restriction }),

    async findWaiting(old, options) {
      if (old.operation === undefined) return undefined;
      const pending = await client.getPendingTokens(options);
      const found = pending.find(({ operation }) => operation === old.operation)?.token;
      if (found === undefined) return undefined;
      const { fingerprint, expiresAt, request } = found;
      return { rights: restrictionOf(request), fingerprint, expiresAt: expiryOf(expiresAt) };
    },

    changeWaiting: () => Promise.resolve(false),
    revoke: async ({ operation }) => {
      if (operation !== undefined) await ignoreNotFound(client.deleteOperation(operation));
    },

    async getClients(options) {
      const entries = (await client.getCertificates(options)).filter(({ type }) => type === "client");
      return entries.map((entry) => {
        const { name, fingerprint } = entry;
        return { name, fingerprint, rights: restrictionOf(entry) };
      });
    },

    changeClient: (fingerprint) => restrictClient(place, fingerprint, restriction),
    removeClient: (fingerprint) => ignoreNotFound(client.deleteCertificate(fingerprint)),
  };
}

/** Looks whether this connection can see the token, because otherwise every later read would find it gone. */
async function issue({ client }: Place, request: TokenRequest): Promise<NewToken> {
  const { operation, token } = await client.createCertificateToken(request);
  const pending = await client.getPendingTokens({ fresh: true });
  if (pending.some((one) => one.operation === operation)) {
    const { fingerprint, addresses, secret, expiresAt } = token;
    return { fingerprint, addresses, secret, expiresAt: expiryOf(expiresAt), mark: { operation } };
  }
  const what = `${client.name} issued a trust token for ${JSON.stringify(request.name)}`;
  try {
    await client.deleteOperation(operation);
  } catch (error) {
    if (!isAccessError(error, "LXD_NOT_FOUND")) throw error;
    refuse(
      "LXD_NOT_FOUND",
      `${what} that was gone a moment later, as after a restart. Run \`pulumi up\` again`,
    );
  }
  return refuse(
    "LXD_NOT_TRUSTED",
    `${what} that this client may not see, so it could not be followed; ` +
      "it was revoked. Give the client the right to view operations (`can_view_operations` on the project default)",
  );
}

/** A pending token with the same request is what an interrupted run left behind, or one that can no longer be redeemed. */
function isFor({ name, restricted, projects }: TokenRequest, { token: { request } }: PendingToken): boolean {
  return request.name === name && isDeepStrictEqual(restrictionOf(request), { restricted, projects });
}

async function restrictClient(
  { client }: Place,
  fingerprint: string,
  restriction: Restriction,
): Promise<void> {
  const entries = await client.getCertificates({ fresh: true });
  const entry = entries.find((one) => one.fingerprint === fingerprint);
  if (entry === undefined || isDeepStrictEqual(restrictionOf(entry), restriction)) return;
  requireOtherClient(client, fingerprint);
  await requireProjects(client, restriction.projects);
  await client.updateCertificate(fingerprint, restriction);
}
