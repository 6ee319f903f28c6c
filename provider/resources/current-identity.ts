/** What the client of a connection may see, so that what it is not shown is never taken for gone. */
import { refuse } from "../errors";
import { isFineGrained } from "../lxd/entities";
import type { LxdClient } from "../lxd/client";
import type { ReadOptions } from "../lxd/rest-api";
import type { AdministeredServer } from "./server-identity";
import type { State } from "./trust-token-schema";

/** Something that is shown in part to who lacks the right to see all of it. */
interface Sight {
  /** As in "shows this client no …". */
  readonly what: string;
  /** The right, and on what. */
  readonly entitlement: string;
  readonly on: "server" | "project default";
  /** Rights on the server, and on the project, that hold it. */
  readonly server: readonly string[];
  readonly project?: readonly string[];
}

const clients: Sight = {
  ...{ what: "other clients", entitlement: "can_view_identities", on: "server" },
  server: ["admin", "permission_manager", "viewer", "can_view_identities"],
};
const groups: Sight = {
  ...{ what: "groups but its own", entitlement: "can_view_groups", on: "server" },
  server: ["admin", "permission_manager", "viewer", "can_view_groups"],
};
/** Certificate add tokens are operations of this project. */
const operations: Sight = {
  ...{ what: "pending tokens", entitlement: "can_view_operations", on: "project default" },
  server: ["admin", "project_manager", "viewer", "can_view_projects"],
  project: ["manager", "operator", "viewer", "can_view_operations"],
};

/**
 * What a token is told by; one of a certificate that waits no more is in no operation.
 * https://documentation.ubuntu.com/lxd/latest/reference/permissions/
 */
function sightsFor({ held, operation, isNew }: Parameters<typeof requireSight>[2]): Sight[] {
  if ("groups" in held) return [clients, groups];
  return isNew === true || operation !== undefined ? [clients, operations] : [clients];
}

/**
 * LXD_NOT_TRUSTED where something that tells of a token may be hidden from this client. Only identities with fine-grained
 * rights are shown less than all without being told; over a socket there are none.
 */
export async function requireSight(
  client: LxdClient,
  server: AdministeredServer,
  token: Pick<State, "held" | "operation"> & { readonly isNew?: boolean },
  options: ReadOptions = {},
): Promise<void> {
  if (client.endpoint.kind !== "https" || !server.extensions.has("access_management_tls")) return;
  const current = await client.getCurrentIdentity(options);
  if (!isFineGrained(current)) return;
  const { effective_permissions: permissions } = current;
  const holds = (type: string, url: string, entitlements: readonly string[]): boolean =>
    permissions.some(
      (one) => one.entity_type === type && one.url === url && entitlements.includes(one.entitlement),
    );
  const hidden = sightsFor(token).find(
    ({ server: onServer, project = [] }) =>
      !holds("server", "/1.0", onServer) && !holds("project", "/1.0/projects/default", project),
  );
  if (hidden === undefined) return;
  const { what, entitlement, on } = hidden;
  refuse(
    "LXD_NOT_TRUSTED",
    `${client.name} shows this client, an identity with fine-grained rights, no ${what}, so it cannot be told which ` +
      `are there. Nothing was changed. Give one of its groups the entitlement \`${entitlement}\` on the ${on} ` +
      `(\`lxc auth group permission add GROUP ${on} ${entitlement}\`), or use another connection`,
  );
}
