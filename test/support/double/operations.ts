import { setTimeout as delay } from "node:timers/promises";
import type { ApiReply, ApiRequest, Caller, Host, Route } from "./protocol";
import { ApiError, may, maySee, notAllowed, ok } from "./protocol";
import type { Operation, PendingToken } from "./state";

const ONE = /^\/1\.0\/operations\/([^/]+)$/;

export const operationRoutes: Route[] = [
  { method: "GET", path: /^\/1\.0\/operations$/, handle: listOperations },
  { method: "GET", path: ONE, handle: getOperation },
  { method: "DELETE", path: ONE, handle: cancelOperation },
  { method: "GET", path: /^\/1\.0\/operations\/([^/]+)\/wait$/, handle: waitForOperation },
];

const STATUS_CODES = { Running: 103, Success: 200, Cancelled: 401 };

export function requestorOf(caller: Caller): Operation["requestor"] {
  if (caller.overUnix) return { username: "root", protocol: "unix", address: "@" };
  return { username: caller.fingerprint ?? "", protocol: "tls", address: caller.remoteAddress };
}

/** An operation as the API shows it. */
export function shownOperation(host: Host, operation: Operation) {
  const { id, description, createdAt, endedAt, status, metadata, requestor } = operation;
  return {
    id,
    class: operation.class,
    description,
    created_at: createdAt.toISOString(),
    updated_at: (operation.class === "task" ? (endedAt ?? createdAt) : createdAt).toISOString(),
    status,
    status_code: STATUS_CODES[status],
    resources: host.profile.noResources,
    metadata,
    may_cancel: operation.class === "token",
    err: "",
    location: "none",
    ...(host.profile.tellsRequestor ? { requestor } : {}),
  };
}

/** Operations that show at all: some versions hide tokens whose issuer has lost its trust. */
function shownOperations(host: Host): Operation[] {
  return host.state.operations().filter(({ token }) => !token || issuerLives(host, token));
}

function issuerLives(host: Host, { issuer }: PendingToken): boolean {
  if (issuer === undefined || !host.profile.tokensDieWithIssuer) return true;
  return [...host.state.certificates, ...host.state.identities].some(({ id }) => id === issuer);
}

/** The tokens that can be redeemed. */
export function pendingTokens(host: Host): { operation: Operation; token: PendingToken }[] {
  return shownOperations(host).flatMap((operation) =>
    operation.token && operation.status === "Running" ? [{ operation, token: operation.token }] : [],
  );
}

/** Everything here is in the project `default`. */
function checkMayRead({ profile }: Host, { caller }: ApiRequest): void {
  if (profile.tokensSeenFromElsewhere !== "none" || maySee(caller, "default")) return;
  throw caller.identity ? new ApiError(404, profile.notFound) : new ApiError(403, profile.restricted);
}

function listOperations(host: Host, request: ApiRequest): ApiReply {
  const { query, caller } = request;
  const everywhere = query.get("all-projects") === "true";
  if (!everywhere) checkMayRead(host, request);
  const here = everywhere || (query.get("project") ?? "default") === "default";
  const seesThem = host.profile.tokensSeenFromElsewhere === "all" || maySee(caller, "default");
  const recursive = query.get("recursion") === "1";
  const byStatus: Record<string, unknown[]> = {};
  for (const operation of here && seesThem ? shownOperations(host) : [])
    (byStatus[operation.status.toLowerCase()] ??= []).push(
      recursive ? shownOperation(host, operation) : `/1.0/operations/${operation.id}`,
    );
  return ok(byStatus);
}

function find(operations: Operation[], id: string): Operation {
  const operation = operations.find((candidate) => candidate.id === id);
  if (!operation) throw new ApiError(404, "Operation not found");
  return operation;
}

function getOperation(host: Host, request: ApiRequest, id: string): ApiReply {
  checkMayRead(host, request);
  return ok(shownOperation(host, find(shownOperations(host), id)));
}

/** A hidden operation is still there to be cancelled. Where not everyone may, who began it may, and who may edit the server. */
function cancelOperation(host: Host, { caller }: ApiRequest, id: string): ApiReply {
  const operation = find(host.state.operations(), id);
  const isOwn = caller.fingerprint !== undefined && operation.requestor.username === caller.fingerprint;
  if (!may(caller, "can_edit") && !isOwn && !host.profile.everyoneCancelsTokens)
    throw notAllowed(host, caller);
  if (operation.status !== "Running") throw new ApiError(400, "Only running operations can be cancelled");
  host.state.endOperation(operation, "Cancelled");
  return ok({});
}

/** `timeout` in seconds; without one it waits as long as the client does. */
async function waitForOperation(host: Host, request: ApiRequest, id: string): Promise<ApiReply> {
  checkMayRead(host, request);
  const operation = find(shownOperations(host), id);
  const seconds = Number(request.query.get("timeout") ?? -1);
  const end = seconds < 0 ? Infinity : Date.now() + seconds * 1000;
  while (operation.status === "Running" && Date.now() < end && !request.clientGone()) await delay(10);
  if (operation.status === "Running" && host.profile.waitTimesOutWithError)
    throw new ApiError(500, "context deadline exceeded", 200);
  return ok(shownOperation(host, operation));
}
