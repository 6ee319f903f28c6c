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
 * what is hidden must not read as not there.
 */
export async function readAccess(client: LxdClient): Promise<ServerAccess> {
  const server = await getAdministeredServer(client, undefined);
  const hasIdentities = server.extensions.has("access_management_tls");
  await requireSight(client, server, { held: { restricted: true, projects: [] }, isNew: true });
  const [listeners, tokens, entries, identities] = await Promise.all([
    readListeners(client, server),
    client.getPendingTokens(),
    client.getCertificates(),
    hasIdentities ? client.getIdentities() : [],
  ]);
  const ofIdentities = identities.filter((one) => isActive(one) || isPending(one));
  const certificates = entries.filter(
    ({ fingerprint }) => !ofIdentities.some(({ id }) => id === fingerprint),
  );
  return { server, listeners, certificates, identities: ofIdentities, tokens };
}

async function readListeners(client: LxdClient, server: AdministeredServer): Promise<Listener[]> {
  const members = server.isClustered ? await memberNames(client) : [undefined];
  const all = await Promise.all(
    members.map(async (member) => {
      const at =
        member === undefined ? server : await getAdministeredServer(client, undefined, { target: member });
      return { member, server: at, address: heldAddress(at) };
    }),
  );
  return all.filter(({ address }) => address !== "");
}
