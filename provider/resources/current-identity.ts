/** What the client of a connection may see, so that what it is not shown is never taken for gone. */
import { refuse } from "../errors";
import { isFineGrained } from "../lxd/entities";
import type { LxdClient } from "../lxd/client";
import type { AdministeredServer } from "./server-identity";

/** Rights on the server that are asked for here. */
type Sight = "can_view_identities" | "can_view_groups";

/** Rights that hold those. */
const wider = ["admin", "permission_manager", "viewer"];

/**
 * Whether this client is shown all of them. Only identities with fine-grained rights are shown less than all without
 * being told; over a socket there are none. Servers say it of one client with one shared read.
 */
export async function isShownAll(
  client: LxdClient,
  { extensions }: Pick<AdministeredServer, "extensions">,
  sight: Sight,
): Promise<boolean> {
  if (client.endpoint.kind !== "https" || !extensions.has("access_management_tls")) return true;
  const current = await client.getCurrentIdentity();
  return (
    !isFineGrained(current) ||
    current.effective_permissions.some(
      ({ entity_type: type, entitlement }) => type === "server" && [...wider, sight].includes(entitlement),
    )
  );
}

/** LXD_NOT_TRUSTED where clients may be hidden from this one. */
export async function requireSightOfClients(client: LxdClient, server: AdministeredServer): Promise<void> {
  if (await isShownAll(client, server, "can_view_identities")) return;
  refuse(
    "LXD_NOT_TRUSTED",
    `${client.name} shows this client, an identity with fine-grained rights, no other clients, so it cannot be told which ` +
      "are there. Nothing was changed. Give one of its groups the entitlement `can_view_identities` on the server " +
      "(`lxc auth group permission add GROUP server can_view_identities`), or use another connection",
  );
}
