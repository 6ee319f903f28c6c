/** Issuing and revoking certificate add tokens: what has to hold before, and what an interrupted run left behind. */
import { isDeepStrictEqual } from "node:util";
import { refuse } from "../errors";
import type { Context } from "../handler";
import type { LxdClient, PendingToken, TokenRequest } from "../lxd/client";
import type { AdministeredServer } from "./server-identity";
import { ignoreNotFound, restrictionOf } from "./trusted-client";

/** Issues a token and looks whether this connection can see it, because otherwise every later read would find it gone. */
export async function issue(client: LxdClient, request: TokenRequest): Promise<PendingToken> {
  const issued = await client.createCertificateToken(request);
  const isVisible = (await client.getPendingTokens({ fresh: true })).some(
    ({ operation }) => operation === issued.operation,
  );
  if (isVisible) return issued;
  await revoke(client, issued.operation);
  return refuse(
    "LXD_NOT_TRUSTED",
    `${client.name} issued a trust token for ${JSON.stringify(request.name)} that this client may not see, so it could not be ` +
      "followed; it was revoked. Give the client the right to view operations (`can_view_operations` on the project default)",
  );
}

/**
 * A pending token with the same request is what an interrupted run left behind, or one that can no longer be redeemed;
 * nobody has it, so nobody misses it.
 */
export async function revokeLeftovers(
  context: Context,
  client: LxdClient,
  request: TokenRequest,
): Promise<void> {
  const { name, restricted, projects } = request;
  const leftovers = (await client.getPendingTokens({ fresh: true })).filter(
    ({ token }) =>
      token.request.name === name &&
      isDeepStrictEqual(restrictionOf(token.request), { restricted, projects }),
  );
  for (const { operation } of leftovers) {
    await revoke(client, operation);
    context.log(
      "warning",
      `A pending trust token for ${JSON.stringify(name)} with the same restriction was on ${client.name}, left by an ` +
        "interrupted run or no longer of use; it was revoked and a new one is issued",
    );
  }
}

/** Cancels a pending token; one that is gone already is no error. */
export async function revoke(client: LxdClient, operation: string | undefined): Promise<void> {
  if (operation !== undefined) await ignoreNotFound(client.deleteOperation(operation));
}

/** Two resources for one name would take each other's token for a leftover, so the second one of a run is refused. */
export function claimName(client: LxdClient, name: string): void {
  if (client.claim(name)) return;
  refuse(
    "LXD_ALREADY_EXISTS",
    `clientName: another TrustToken of this program has issued a token for ${JSON.stringify(name)} on ${client.name} in ` +
      "this run. Give each TrustToken a name of its own",
  );
}

/** Servers that do not listen refuse a token with words that do not tell what to do. */
export function requireListening(client: LxdClient, server: AdministeredServer): void {
  if ((server.config["core.https_address"] ?? server.config["cluster.https_address"] ?? "") !== "") return;
  refuse(
    "LXD_REJECTED",
    `${client.name} does not listen on the network, so no client could redeem a trust token. Expose it with an ` +
      "HttpsAddress and let this TrustToken depend on it (dependsOn)",
  );
}

/** Since LXD 5.21 a name is taken once; a token for a taken one is accepted, then burnt when it is redeemed. */
export function requireNamesakesAllowed(client: LxdClient, server: AdministeredServer, name: string): void {
  if (!server.extensions.has("access_management_tls")) return;
  refuse(
    "LXD_ALREADY_EXISTS",
    `clientName: ${client.name} already trusts a client named ${JSON.stringify(name)}, and names are unique there. ` +
      "Use another name, remove that client (`lxc config trust remove`), or give its fingerprint as clientFingerprint to adopt it",
  );
}
