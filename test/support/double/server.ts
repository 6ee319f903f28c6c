import { unresolvableHost, announcedAddresses } from "./address";
import { Body, goType, jsonType } from "./body";
import { isExpiry } from "./expiry";
import type { ApiReply, ApiRequest, Caller, Host, Route } from "./protocol";
import { ApiError, checkIfMatch, isTrusted, may, ok, tagged } from "./protocol";

const ADDRESS = "core.https_address";
const UUID = "volatile.uuid";

/** The keys the double knows beside `user.*`: local to a server or shared by a cluster, and what they accept. */
const KEYS: Record<string, { scope: "local" | "cluster"; kind: "address" | "expiry" | "boolean" | "text" }> =
  {
    [ADDRESS]: { scope: "local", kind: "address" },
    "core.remote_token_expiry": { scope: "cluster", kind: "expiry" },
    "core.trust_ca_certificates": { scope: "cluster", kind: "boolean" },
    "core.https_trusted_proxy": { scope: "cluster", kind: "text" },
    "core.proxy_http": { scope: "cluster", kind: "text" },
    "core.proxy_https": { scope: "cluster", kind: "text" },
    "core.proxy_ignore_hosts": { scope: "cluster", kind: "text" },
  };

export const serverRoutes: Route[] = [
  { method: "GET", path: /^\/$/, untrusted: true, handle: () => ok(["/1.0"]) },
  { method: "GET", path: /^\/1\.0$/, untrusted: true, handle: getServer },
  { method: "PATCH", path: /^\/1\.0$/, needs: "can_edit", handle: patchConfig },
  { method: "PUT", path: /^\/1\.0$/, needs: "can_edit", handle: putConfig },
];

/** The config as an administrator sees it. */
function shownConfig(host: Host): Record<string, string> {
  const config = { ...host.state.config, ...(host.profile.uuidInConfig ? { [UUID]: host.state.uuid } : {}) };
  return Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function getServer(host: Host, { caller, query }: ApiRequest): ApiReply {
  const { profile, identity, state } = host;
  const anyone = {
    api_extensions: profile.apiExtensions,
    api_status: "stable",
    api_version: "1.0",
    public: false,
    auth_methods: profile.authMethods,
    ...(profile.tellsCertificateSeen ? { client_certificate: caller.certificate !== undefined } : {}),
  };
  if (!isTrusted(caller)) return ok({ ...anyone, auth: "untrusted", config: profile.configForUntrusted });
  const target = query.get("target") ?? "none";
  if (target !== "none") throw new ApiError(404, "Cluster member not found");
  const config = may(caller, "can_edit") ? shownConfig(host) : profile.configForRestricted;
  const environment = {
    addresses: announcedAddresses(state.announcedAddress),
    certificate: identity.certificate,
    certificate_fingerprint: identity.fingerprint,
    os_name: "Debian GNU/Linux",
    project: "default",
    server: profile.flavor,
    server_clustered: false,
    server_name: state.serverName,
    server_pid: process.pid,
    server_version: profile.version,
    server_lts: profile.longTermSupport,
  };
  return tagged({ ...anyone, auth: "trusted", ...userOf(host, caller), config, environment }, config);
}

function userOf({ profile }: Host, caller: Caller): Record<string, string> {
  if (!profile.tellsUser) return {};
  if (caller.overUnix) return { auth_user_name: "root", auth_user_method: "unix" };
  return { auth_user_name: caller.fingerprint ?? "", auth_user_method: "tls" };
}

async function patchConfig(host: Host, request: ApiRequest): Promise<ApiReply> {
  const wanted = Body.parse(request.text, "ServerPut").object("config");
  checkIfMatch(host, request, shownConfig(host));
  await apply(host, wanted);
  return ok({});
}

async function putConfig(host: Host, request: ApiRequest): Promise<ApiReply> {
  const wanted = Body.parse(request.text, "ServerPut").object("config");
  checkIfMatch(host, request, shownConfig(host));
  if (host.profile.uuidInConfig && wanted[UUID] !== host.state.uuid)
    throw new ApiError(400, "The cluster UUID cannot be changed");
  // What PUT leaves out goes back to its default, except `user.*`.
  const reset = Object.fromEntries(
    Object.keys(host.state.config)
      .filter((key) => !key.startsWith("user."))
      .map((key) => [key, ""]),
  );
  await apply(host, { ...reset, ...wanted });
  return ok({});
}

/** Checks and stores changed keys, then moves the listener if its address is among them. */
async function apply(host: Host, wanted: Record<string, unknown>): Promise<void> {
  const { profile, state, listener } = host;
  const before = { config: state.config, announced: state.announcedAddress };
  const entries = Object.entries(wanted).filter(([key]) => !(profile.uuidInConfig && key === UUID));
  if (profile.uuidInConfig && (wanted[UUID] ?? state.uuid) !== state.uuid)
    throw new ApiError(400, "The cluster UUID cannot be changed");

  const local = entries.filter(([key]) => isLocal(key)).map(([key, value]) => accepted(host, key, value));
  if (profile.storesLocalKeysFirst) state.config = merged(state.config, local);
  const shared = acceptedShared(host, entries);
  state.config = merged(state.config, [...local, ...shared]);

  const address = state.config[ADDRESS] ?? "";
  state.announcedAddress = address;
  if (address === (before.config[ADDRESS] ?? "")) return;
  try {
    await listener.update(address);
  } catch (error) {
    const reverted = { nothing: [], everything: [...local, ...shared], "local keys": local };
    const old = reverted[profile.unbindableReverts].map(([key]): [string, string] => [
      key,
      before.config[key] ?? "",
    ]);
    state.config = merged(state.config, old);
    if (!profile.announcesUnbindable) state.announcedAddress = before.announced;
    throw error;
  }
}

function isLocal(key: string): boolean {
  return KEYS[key]?.scope === "local";
}

/** The cluster-wide ones among the changes. */
function acceptedShared(host: Host, entries: [string, unknown][]): [string, string][] {
  const { profile, state } = host;
  try {
    return entries.filter(([key]) => !isLocal(key)).map(([key, value]) => accepted(host, key, value));
  } catch (error) {
    const isDropped = (key: string) => isLocal(key) && !entries.some(([named]) => named === key);
    if (profile.refusalDropsLocalKeys)
      state.config = Object.fromEntries(Object.entries(state.config).filter(([key]) => !isDropped(key)));
    throw error;
  }
}

function merged(config: Record<string, string>, changes: [string, string][]): Record<string, string> {
  const entries = Object.entries({ ...config, ...Object.fromEntries(changes) });
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** The value as it is stored ("" unsets), or a 400. */
function accepted({ profile }: Host, key: string, value: unknown): [string, string] {
  if (value === null && profile.nullUnsets) return [key, ""];
  if (typeof value !== "string")
    throw new ApiError(400, profile.wrongType(key, goType(value), jsonType(value)));
  const kind = key.startsWith("user.") ? "text" : KEYS[key]?.kind;
  if (kind === undefined) throw new ApiError(400, profile.cannotSet(key, value, profile.unknownKey));
  if (value === "") return [key, ""];
  const unresolvable = kind === "address" ? unresolvableHost(value) : undefined;
  if (unresolvable !== undefined)
    throw new ApiError(400, profile.cannotSet(key, value, profile.unresolvable(unresolvable)));
  if (kind === "expiry" && !isExpiry(value))
    throw new ApiError(400, profile.cannotSet(key, value, "Invalid expiry expression"));
  if (kind !== "boolean") return [key, value];
  if (/^(1|true|yes|on)$/i.test(value)) return [key, "true"];
  if (/^(0|false|no|off)$/i.test(value)) return [key, "false"];
  throw new ApiError(400, profile.cannotSet(key, value, profile.invalidBoolean));
}
