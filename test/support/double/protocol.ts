import { createHash, type X509Certificate } from "node:crypto";
import type { NetworkListener } from "./listener";
import type { Profile } from "./profiles";
import type { Identity, Permission, State, TrustedCertificate } from "./state";

/** What the handlers of all areas work on. */
export interface Host {
  readonly profile: Profile;
  readonly state: State;
  readonly listener: NetworkListener;
  /** The server's own certificate: PEM and SHA-256 fingerprint in hex. */
  readonly identity: { certificate: string; fingerprint: string };
}

/** Who sent a request. */
export interface Caller {
  /** Over the unix socket: root, and trusted. */
  overUnix: boolean;
  /** The client certificate of the TLS connection. */
  certificate?: X509Certificate;
  fingerprint?: string;
  /** The entry of the trust store; undefined over the unix socket and for untrusted clients. */
  trust?: TrustedCertificate;
  /** The same for a client with fine-grained rights, and what its groups allow it. */
  identity?: Identity;
  permissions: readonly Permission[];
  /** For the requestor of operations. */
  remoteAddress: string;
}

export interface ApiRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  ifMatch?: string;
  /** The body as sent. */
  text: string;
  caller: Caller;
  /** Whether nobody waits for the reply any more. */
  clientGone: () => boolean;
}

export interface ApiReply {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** Rights on the server that the double knows; by the documentation the first one holds all others, the second one those to view. */
export const serverEntitlements = [
  ...(["admin", "viewer", "can_edit", "can_create_identities", "can_view_identities"] as const),
  ...(["can_edit_identities", "can_delete_identities", "can_create_groups", "can_view_groups"] as const),
  ...(["can_delete_groups", "can_view_projects"] as const),
] as const;
export type Entitlement = (typeof serverEntitlements)[number];

/** One endpoint. Without `untrusted` a client that is not trusted gets 403 before the handler runs. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: RegExp;
  untrusted?: true;
  /** Refused before the handler runs to restricted clients, and to identities without this entitlement on the server. */
  needs?: Entitlement;
  /** Not there in versions without TLS identities. */
  ofIdentities?: true;
  handle: (host: Host, request: ApiRequest, name: string) => ApiReply | Promise<ApiReply>;
}

/** Refuses a request with this HTTP status and the server's text. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The status line where it differs from `error_code` in the body. */
    readonly httpStatus = status,
  ) {
    super(message);
  }
}

/** Kills the connection without a reply, as a panic in a real server does. */
export class Crash extends Error {}

const sync = { type: "sync", status: "Success", status_code: 200, operation: "", error_code: 0, error: "" };

export function ok(metadata: unknown, headers: Record<string, string> = {}): ApiReply {
  return { status: 200, headers, body: { ...sync, metadata } };
}

/** 200 with the ETag of what is shown. */
export function tagged(metadata: unknown, taggedPart: unknown = metadata): ApiReply {
  return ok(metadata, { Etag: `"${etagOf(taggedPart)}"` });
}

/** 201: the status line says Created, the body 200. */
export function created(location: string, metadata: unknown = null): ApiReply {
  return { status: 201, headers: { Location: location }, body: { ...sync, metadata } };
}

export function accepted(operation: { id: string }): ApiReply {
  const path = `/1.0/operations/${operation.id}`;
  const body = { ...sync, type: "async", status: "Operation created", status_code: 100, operation: path };
  return { status: 202, headers: { Location: path }, body: { ...body, metadata: operation } };
}

export function refused(error: ApiError): ApiReply {
  const body = { type: "error", status: "", status_code: 0, operation: "" };
  const { status, message } = error;
  return {
    status: error.httpStatus,
    headers: { "X-Content-Type-Options": "nosniff" },
    body: { ...body, error_code: status, error: message, metadata: null },
  };
}

/** SHA-256 of the JSON text, hex. */
function etagOf(value: unknown): string {
  return createHash("sha256")
    .update(`${JSON.stringify(value)}\n`)
    .digest("hex");
}

/** 412 where the request names another ETag than the held value's. */
export function checkIfMatch(host: Host, request: ApiRequest, value: unknown): void {
  const given = request.ifMatch?.replace(/^"|"$/g, "");
  const held = etagOf(value);
  if (given && given !== held) throw new ApiError(412, host.profile.etagMismatch(held, given));
}

export function isTrusted(caller: Caller): boolean {
  return caller.overUnix || caller.trust !== undefined || caller.identity !== undefined;
}

/** Whether the caller may do everything. */
export function isAdmin(caller: Caller): boolean {
  const isUnrestricted = caller.trust !== undefined && !caller.trust.restricted;
  return caller.overUnix || isUnrestricted || holds(caller, "server", "/1.0", "admin");
}

/** Whether the caller has this right on the server. */
export function may(caller: Caller, entitlement: Entitlement): boolean {
  const isSight = entitlement.startsWith("can_view_");
  return (
    isAdmin(caller) ||
    holds(caller, "server", "/1.0", entitlement) ||
    (isSight && holds(caller, "server", "/1.0", "viewer"))
  );
}

function holds({ permissions }: Caller, type: string, url: string, entitlement?: string): boolean {
  return permissions.some(
    (one) =>
      one.entity_type === type &&
      one.url === url &&
      (entitlement === undefined || one.entitlement === entitlement),
  );
}

/** What a client hears that may not do what it asks for. */
export function notAllowed({ profile }: Host, { identity }: Caller): ApiError {
  return new ApiError(403, identity === undefined ? profile.restricted : profile.forbidden);
}

/** Whether the caller may see things in this project. */
export function maySee(caller: Caller, project: string): boolean {
  if (isAdmin(caller) || caller.trust?.projects.includes(project) === true) return true;
  if (may(caller, "can_view_projects")) return true;
  return holds(caller, "project", `/1.0/projects/${encodeURIComponent(project)}`);
}
