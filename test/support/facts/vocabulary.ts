import type { ProfileName } from "../double/profiles";
import type { Exchange, Step } from "./exchanges";

/** The cell of this server, or the one for all others. */
export function by<T>(server: ProfileName, cells: Partial<Record<ProfileName, T>> & { others: T }): T {
  return cells[server] ?? cells.others;
}

/** Listens on a free port of 127.0.0.1, called a. */
export const LISTENING = setAddress("127.0.0.1:{port:a}");

export function setAddress(address: unknown): Exchange {
  return patch({ "core.https_address": address });
}

export function patch(config: Record<string, unknown>): Exchange {
  return { send: "PATCH /1.0", body: { config }, status: 200, metadata: {} };
}

/** The config afterwards has these values; `{absent}` for unset ones. */
export function config(values: Record<string, string>): Exchange {
  return { send: "GET /1.0", status: 200, metadata: { config: values } };
}

export function address(value: string): Exchange {
  return config({ "core.https_address": value });
}

/** Adds the client of this name over the unix socket; restricted if projects are given. */
export function trust(name: string, projects?: string[]): Exchange {
  const restriction = projects ? { restricted: true, projects } : {};
  const body = { type: "client", name, certificate: `{der:${name}}`, ...restriction };
  return { send: "POST /1.0/certificates", body, status: 201, metadata: null };
}

export function project(name: string): Exchange {
  return { send: "POST /1.0/projects", body: { name }, status: 201 };
}

/** Issues a token, called as its client. */
export function issue(name: string, request: object = {}): Exchange {
  const body = { type: "client", token: true, name, ...request };
  return { send: "POST /1.0/certificates", body, status: 202, token: name };
}

/** Presents a token in the field that this version takes it in. */
export function redeem(server: ProfileName, as: string, token: string, outcome: Outcome): Exchange {
  const field = server === "lxd-5.0" ? "password" : "trust_token";
  return { as, send: "POST /1.0/certificates", body: { [field]: token }, ...outcome };
}

/** Invites a client to become an identity, called as it. */
export function invite(name: string, groups: string[] = []): Exchange {
  const body = { name, token: true, groups };
  return { send: "POST /1.0/auth/identities/tls", body, status: 201, token: name };
}

/** Presents the token of a pending identity. */
export function activate(as: string, token: string, outcome: Outcome): Exchange {
  return { as, send: "POST /1.0/auth/identities/tls", body: { trust_token: token }, ...outcome };
}

/** A group whose members have one right: on the server, or on a project. */
export function group(name: string, entitlement?: string, project?: string): Exchange {
  const target =
    project === undefined
      ? { entity_type: "server", url: "/1.0" }
      : { entity_type: "project", url: `/1.0/projects/${project}` };
  const permissions = entitlement === undefined ? [] : [{ ...target, entitlement }];
  return { send: "POST /1.0/auth/groups", body: { name, permissions }, status: 201 };
}

export function isTrusted(as: string): Exchange {
  return { as, send: "GET /1.0", status: 200, metadata: { auth: "trusted" } };
}

export function isUntrusted(as: string): Exchange {
  return { as, send: "GET /1.0", status: 200, metadata: { auth: "untrusted" } };
}

export function operation(token: string, status: "Running" | "Cancelled"): Exchange {
  return { send: `GET /1.0/operations/{operation:${token}}`, status: 200, metadata: { status } };
}

/** How a request ends. */
export type Outcome = Pick<Exchange, "status" | "error">;

/** A refusal as its status and a class of wording; the exact texts are in the recordings. */
export function refused(status: number, error: RegExp): Outcome {
  return { status, error };
}

export const FORBIDDEN = refused(403, /^(not authorized|Forbidden|Certificate is restricted)$/);
export const ALREADY_TRUSTED = /Client is already trusted/;
export const NO_MATCH = refused(403, /No matching certificate add operation found/);

/** A step as somebody else, or with another outcome. */
export function but(step: Exchange, change: Partial<Exchange>): Exchange {
  const { metadata, ...rest } = { ...step, ...change };
  return change.status !== undefined && change.status >= 400 ? rest : { ...rest, metadata };
}

export type Steps = (server: ProfileName) => Step[];
