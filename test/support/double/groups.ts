import { Body } from "./body";
import type { ApiReply, ApiRequest, Host, Route } from "./protocol";
import { ApiError, created, ok, serverEntitlements, tagged } from "./protocol";
import type { Group, Permission } from "./state";
import { maySeeGroup } from "./tls-clients";

const ALL = /^\/1\.0\/auth\/groups$/;
const ONE = /^\/1\.0\/auth\/groups\/([^/]+)$/;

export const groupRoutes: Route[] = [
  { method: "GET", path: ALL, ofIdentities: true, handle: listGroups },
  { method: "POST", path: ALL, ofIdentities: true, needs: "can_create_groups", handle: postGroup },
  { method: "GET", path: ONE, ofIdentities: true, handle: getGroup },
  { method: "DELETE", path: ONE, ofIdentities: true, needs: "can_delete_groups", handle: deleteGroup },
];

/** The group that every server has. */
export const administrators: Group = {
  name: "admins",
  description: "Server administrators",
  permissions: [{ entity_type: "server", url: "/1.0", entitlement: "admin" }],
};

function visible({ state }: Host, { caller }: ApiRequest): Group[] {
  return [...state.groups.values()].filter(({ name }) => maySeeGroup(caller, name));
}

function shown({ state }: Host, { name, description, permissions }: Group) {
  const members = state.identities.filter(({ groups }) => groups.includes(name));
  const identities = members.length === 0 ? {} : { tls: members.map(({ identifier }) => identifier) };
  const given = permissions.length === 0 ? null : permissions;
  return { name, description, permissions: given, identities, identity_provider_groups: null };
}

function listGroups(host: Host, request: ApiRequest): ApiReply {
  const groups = visible(host, request);
  if (request.query.get("recursion") === "1")
    return ok(groups.map((group) => ({ ...shown(host, group), identity_provider_groups: [] })));
  return ok(groups.map(({ name }) => `/1.0/auth/groups/${encodeURIComponent(name)}`));
}

function getGroup(host: Host, request: ApiRequest, wanted: string): ApiReply {
  const group = visible(host, request).find(({ name }) => name === wanted);
  if (!group) throw new ApiError(404, host.profile.groupNotFound);
  return tagged(shown(host, group));
}

function postGroup(host: Host, { text }: ApiRequest): ApiReply {
  const post = Body.parse(text, "AuthGroupsPost");
  const name = post.string("name");
  if (name === "") throw new ApiError(400, "Group name cannot be empty");
  const permissions = post.objects("permissions").map((permission) => checked(host, permission));
  if (host.state.groups.has(name)) throw new ApiError(409, host.profile.groupExists(name));
  host.state.groups.set(name, { name, description: post.string("description"), permissions });
  return created(`/1.0/auth/groups/${encodeURIComponent(name)}`);
}

/** A permission on something that there is. The double knows rights on the server and on projects. */
function checked({ profile, state }: Host, permission: Record<string, unknown>): Permission {
  const entity_type = String(permission["entity_type"]);
  const url = String(permission["url"]);
  const entitlement = String(permission["entitlement"]);
  if (entity_type === "server" && !serverEntitlements.some((known) => known === entitlement)) {
    const reason = `Entitlement "${entitlement}" not valid for entity type "server"`;
    const object = `group permission with entity reference "${url}" and entitlement "${entitlement}": ${reason}`;
    throw new ApiError(400, profile.failedTo("validate", object));
  }
  const project = /^\/1\.0\/projects\/([^/]+)$/.exec(url)?.[1];
  const exists =
    entity_type === "server"
      ? url === "/1.0"
      : project !== undefined && state.projects.has(decodeURIComponent(project));
  if (!exists) {
    const reason = profile.failedTo("find", `entity ID for URL "${url}"`);
    throw new ApiError(400, `Could not resolve permission URLs: ${reason}`);
  }
  return { entity_type, url, entitlement };
}

/** Its members just lose it. */
function deleteGroup({ state, profile }: Host, _request: ApiRequest, name: string): ApiReply {
  if (!state.groups.delete(name)) throw new ApiError(404, profile.groupNotFound);
  for (const identity of state.identities)
    identity.groups = identity.groups.filter((group) => group !== name);
  return ok({});
}
