/** Who has access to a server, and where it listens: all of it, whoever made it. */
import type { LxdClient, PendingToken } from "../provider/lxd/client";
import { isActive, isPending, type Certificate, type Identity } from "../provider/lxd/entities";
import { memberNames } from "../provider/resources/cluster-member";
import { requireSight } from "../provider/resources/current-identity";
import { heldAddress } from "../provider/resources/listener";
import { type AdministeredServer, getAdministeredServer } from "../provider/resources/server-identity";

/** Where a server, or a member of its cluster, listens for clients. */
export interface Listener {
  /** The member's name; undefined where the server is not clustered. */
  readonly member: string | undefined;
  readonly server: AdministeredServer;
  /** `core.https_address` as the server holds it; not empty. */
  readonly address: string;
}

/** All that gives access to a server. */
export interface ServerAccess {
  readonly server: AdministeredServer;
  readonly listeners: readonly Listener[];
  /** Entries of the trust store, of every type: "client", "metrics", "server". Those of identities are not among them. */
  readonly certificates: readonly Certificate[];
  /** TLS identities, those whose client is awaited included; none where the server has none. */
  readonly identities: readonly Identity[];
  /** Certificate add tokens that wait. */
  readonly tokens: readonly PendingToken[];
}

/**
 * Looks at a server. The errors of {@link getAdministeredServer}; LXD_NOT_TRUSTED also where the connection is not shown all of it, as
 * what is hidden must not read as not there. A member that cannot be looked at is an error too, unless `onUnseen` takes it: then the
 * rest is answered.
 */
export async function readAccess(
  client: LxdClient,
  onUnseen?: (member: string, error: unknown) => void,
): Promise<ServerAccess> {
  const server = await getAdministeredServer(client, undefined);
  const hasIdentities = server.extensions.has("access_management_tls");
  await requireSight(client, server, { held: { restricted: true, projects: [] }, isNew: true });
  const [listeners, entries, identities] = await Promise.all([
    readListeners(client, server, onUnseen),
    client.getCertificates(),
    hasIdentities ? client.getIdentities() : [],
  ]);
  // After the clients, so that no client is shown beside the token that it has just redeemed.
  const tokens = await client.getPendingTokens({ fresh: true });
  const ofIdentities = identities.filter((one) => isActive(one) || isPending(one));
  const certificates = entries.filter(
    ({ fingerprint }) => !ofIdentities.some(({ id }) => id === fingerprint),
  );
  return { server, listeners, certificates, identities: ofIdentities, tokens };
}

async function readListeners(
  client: LxdClient,
  server: AdministeredServer,
  onUnseen?: (member: string, error: unknown) => void,
): Promise<Listener[]> {
  if (!server.isClustered) return listenersOf(undefined, server);
  const all = (await memberNames(client)).map(async (member) => {
    try {
      return listenersOf(member, await getAdministeredServer(client, undefined, { target: member }));
    } catch (error) {
      if (onUnseen === undefined) throw error;
      onUnseen(member, error);
      return [];
    }
  });
  return (await Promise.all(all)).flat();
}

/** None where it does not listen. */
function listenersOf(member: string | undefined, server: AdministeredServer): Listener[] {
  const address = heldAddress(server);
  return address === "" ? [] : [{ member, server, address }];
}
