/**
 * Whether a client that a server trusts came by a certain token, for the next run after one that was cut off between the
 * redemption and its record. Servers keep no record of it, so each piece of evidence has to be there.
 */
import { isAccessError } from "../errors";
import type { LxdClient } from "../lxd/client";
import { type Certificate, isActive, isFineGrained } from "../lxd/entities";
import type { TrustToken } from "../lxd/trust-token";
import { readCertificate } from "../pki/certificate-facts";
import type { Reached } from "./join";

/** Asks as the client itself. What it is not shown counts as evidence of nothing. */
export async function cameBy(
  { client, server }: Reached,
  token: TrustToken,
  clientFingerprint: string,
  now: Date,
): Promise<boolean> {
  const { serverCertificate = "" } = client;
  // One that names another server was not redeemed here; one that has expired may end without being redeemed.
  if (token.fingerprint !== readCertificate(serverCertificate).fingerprint) return false;
  if (token.expiresAt !== undefined && new Date(token.expiresAt) <= now) return false;
  const current = server.api_extensions.includes("access_management_tls")
    ? await client.getCurrentIdentity({ fresh: true })
    : undefined;
  // Names of identities are unique: who has the token's was let in by it.
  if (token.kind === "identity")
    return current !== undefined && isActive(current) && current.name === token.clientName;
  if (isFineGrained(current)) return false;
  try {
    const isSpent = await hasSpent(client, token, clientFingerprint);
    return isSpent && !(server.environment?.server_clustered === true && (await isMemberAway(client)));
  } catch (error) {
    if (isAccessError(error, "LXD_NOT_TRUSTED")) return false;
    throw error;
  }
}

/** Whether the one client of the token's name is this one, and the token waits no more. */
async function hasSpent(
  client: LxdClient,
  { clientName, secret }: TrustToken,
  clientFingerprint: string,
): Promise<boolean> {
  const [own, ...namesakes] = (await client.getCertificates({ fresh: true })).filter(
    ({ name, type }) => name === clientName && type === "client",
  );
  if (own?.fingerprint !== clientFingerprint || namesakes.length > 0 || !seesTokens(own)) return false;
  const pending = await client.getPendingTokens({ fresh: true });
  return !pending.some(({ token }) =>
    token.secret === "" ? token.request.name === clientName : token.secret === secret,
  );
}

/** Tokens wait in the project `default`. */
function seesTokens({ restricted, projects }: Certificate): boolean {
  return !restricted || projects.includes("default");
}

/** Tokens that wait at a member of the cluster which does not answer are not listed. */
async function isMemberAway(client: LxdClient): Promise<boolean> {
  return (await client.getClusterMembers({ fresh: true })).some(({ status }) => status !== "Online");
}
