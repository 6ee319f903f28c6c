import { Body } from "./body";
import { requestorOf, shownOperation } from "./operations";
import type { ApiReply, ApiRequest, Host, Route } from "./protocol";
import { accepted, ApiError, created, isAdmin, maySee, ok, tagged } from "./protocol";
import type { Project } from "./state";

const ALL = /^\/1\.0\/projects$/;
const ONE = /^\/1\.0\/projects\/([^/]+)$/;

export const projectRoutes: Route[] = [
  { method: "GET", path: ALL, handle: listProjects },
  { method: "POST", path: ALL, needs: "admin", handle: postProject },
  { method: "GET", path: ONE, handle: getProject },
  { method: "DELETE", path: ONE, needs: "admin", handle: deleteProject },
];

/** The project that every server has. */
export function defaultProject(features: readonly string[], flavor: string): Project {
  const description = `Default ${flavor === "lxd" ? "LXD" : "Incus"} project`;
  return { name: "default", description, config: featureConfig([...features, "networks"]) };
}

function featureConfig(features: readonly string[]): Record<string, string> {
  return Object.fromEntries([...features].sort().map((feature) => [`features.${feature}`, "true"]));
}

function shown({ name, description, config }: Project) {
  const profile = `/1.0/profiles/default${name === "default" ? "" : `?project=${name}`}`;
  return { config, description, name, used_by: [profile] };
}

/** A restricted client sees its own projects only. */
function listProjects(host: Host, { caller, query }: ApiRequest): ApiReply {
  const projects = [...host.state.projects.values()].filter(({ name }) => maySee(caller, name));
  if (query.get("recursion") === "1") return ok(projects.map(shown));
  return ok(projects.map(({ name }) => `/1.0/projects/${name}`));
}

function getProject(host: Host, { caller }: ApiRequest, name: string): ApiReply {
  const project = host.state.projects.get(name);
  if (!isAdmin(caller) && !(project && maySee(caller, name)))
    throw new ApiError(403, host.profile.foreignProject(name));
  if (!project) throw new ApiError(404, "Project not found");
  return tagged(shown(project));
}

function postProject(host: Host, { text }: ApiRequest): ApiReply {
  const post = Body.parse(text, "ProjectsPost");
  const name = post.string("name");
  if (name === "") throw new ApiError(400, "No name provided");
  if (name.includes(" ")) throw new ApiError(400, "Project names may not contain spaces");
  if (name.includes("/")) throw new ApiError(400, "Project names may not contain slashes");
  const given = Object.entries(post.object("config")).map(([key, value]) => [key, String(value)] as const);
  const unknown = given.find(([key]) => !/^(features|limits|restricted|user|images)\b/.test(key));
  if (unknown) throw new ApiError(400, `Invalid project configuration key "${unknown[0]}"`);
  const { status, reason } = host.profile.projectExists;
  if (host.state.projects.has(name))
    throw new ApiError(status, `Failed creating project "${name}": Failed adding database record: ${reason}`);
  const config = { ...featureConfig(host.profile.projectFeatures), ...Object.fromEntries(given) };
  host.state.projects.set(name, { name, description: post.string("description"), config });
  return created(`/1.0/projects/${name}`);
}

/** Clients restricted to the project lose it; tokens for it stay, and fail when they are redeemed. */
function deleteProject(host: Host, { caller }: ApiRequest, name: string): ApiReply {
  const { state, profile } = host;
  if (name === "default") throw new ApiError(403, "The 'default' project cannot be deleted");
  if (!state.projects.has(name)) throw new ApiError(404, `Fetch project "${name}": Project not found`);
  const remove = () => {
    state.projects.delete(name);
    for (const entry of state.certificates)
      entry.projects = entry.projects.filter((project) => project !== name);
  };
  if (!profile.deletesProjectsAsync) {
    remove();
    return ok({});
  }
  const operation = state.addOperation({
    class: "task",
    description: "Deleting project",
    metadata: { entity_url: `/1.0/projects/${name}` },
    requestor: requestorOf(caller),
  });
  const reply = accepted(shownOperation(host, operation));
  setImmediate(() => {
    remove();
    state.endOperation(operation, "Success");
  });
  return reply;
}
