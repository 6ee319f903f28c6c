/** What a server answers, and what becomes of it on a broken or a hostile one. */
import * as fc from "fast-check";
import { makePair } from "../openssl-pair";
import { mutated } from "./hostile-text";

const { certificate, fingerprint } = makePair("scripted");
const operation = {
  id: "8b2b2f1c-6f0e-4b54-9c0f-5d7f5d2f6b11",
  class: "token",
  status_code: 103,
  metadata: {
    addresses: ["10.0.0.11:8443"],
    fingerprint,
    secret: "5ec4e7".repeat(10) + "abcd",
    expiresAt: "2030-01-01T00:00:00Z",
    request: { name: "ci", type: "client", restricted: true, projects: ["default"] },
  },
};
const identity = { id: fingerprint, name: "ci", type: "Client certificate", groups: ["admins"] };

/** The metadata of a server's replies, by method and path. */
export const metadata: Readonly<Record<string, unknown>> = {
  "GET /1.0": {
    api_extensions: ["network_get_target", "access_management_tls", "explicit_trust_token"],
    auth: "trusted",
    config: {
      "core.https_address": "10.0.0.11:8443",
      "volatile.uuid": "d1c8b6c4-98a1-4f5d-8f3c-3c2a1d0c4e55",
    },
    environment: {
      addresses: ["10.0.0.11:8443"],
      certificate,
      certificate_fingerprint: fingerprint,
      server: "lxd",
      server_name: "edge",
      server_version: "6.9",
      server_clustered: false,
    },
  },
  "GET /1.0/cluster/members": [
    { server_name: "a", status: "Online" },
    { server_name: "b", status: "Offline" },
  ],
  "GET /1.0/projects": ["/1.0/projects/default", "/1.0/projects/a%20b?target=x"],
  "GET /1.0/certificates": [
    { name: "ci", type: "client", restricted: true, projects: ["default"], certificate, fingerprint },
  ],
  "GET /1.0/operations": { running: [operation], success: null },
  [`GET /1.0/operations/${operation.id}`]: operation,
  "POST /1.0/certificates": operation,
  "GET /1.0/networks": [{ name: "lo" }, { name: "enp5s0" }],
  "GET /1.0/networks/lo/state": {
    addresses: [{ family: "inet", address: "127.0.0.1", netmask: "8", scope: "local" }],
  },
  "GET /1.0/networks/enp5s0/state": {
    addresses: [
      { family: "inet", address: "10.0.0.11", netmask: "16", scope: "global" },
      { family: "inet6", address: "fd00::11", netmask: "64", scope: "global" },
    ],
  },
  "GET /1.0/auth/groups": ["/1.0/auth/groups/admins", "/1.0/auth/groups/a%2Fb"],
  "GET /1.0/auth/identities/tls": [identity, { ...identity, type: "Client certificate (pending)" }],
  "GET /1.0/auth/identities/current": {
    ...identity,
    fine_grained: true,
    effective_permissions: [{ entity_type: "server", url: "/1.0", entitlement: "admin" }],
  },
  "POST /1.0/auth/identities/tls": {
    client_name: "ci",
    fingerprint,
    addresses: ["10.0.0.11:8443"],
    secret: operation.metadata.secret,
    expires_at: "2030-01-01T00:00:00Z",
  },
};

/** What a server answers, whole. */
export function wholeReply(method: string, path: string): { status: number; body: string } {
  const content = metadata[`${method} ${path}`];
  if (content === undefined && method === "GET")
    return { status: 404, body: JSON.stringify({ type: "error", error: "Not Found" }) };
  return { status: 200, body: JSON.stringify({ type: "sync", metadata: content ?? {} }) };
}

const strange = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom<unknown>(
    null,
    "",
    [],
    {},
    0,
    -1,
    1e308,
    0.5,
    "\ud800",
    "\x1b]0;pwned\x07",
    "\x9b2J",
    "../..",
    "%zz",
    "0001-01-01",
    "-",
    "x".repeat(100_000),
  ),
);

/** A value in which something, at any depth, is another one, is missing, or has something beside it. */
export function strangeIn(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== "object" || value === null)
    return fc.oneof(strange, typeof value === "string" ? mutated(fc.constant(value)) : fc.constant(value));
  const keys = Object.keys(value);
  if (keys.length === 0) return strange;
  return fc
    .tuple(
      fc.nat({ max: 11 }),
      fc.constantFrom(...keys),
      fc.constantFrom("__proto__", "constructor", "toString", "more"),
      strange,
    )
    .chain(([what, key, more, other]) => {
      const entries = Object.entries(value);
      if (what === 0) return fc.constant(other);
      if (what === 1)
        return fc.constant(
          rebuilt(
            value,
            entries.filter(([name]) => name !== key),
          ),
        );
      if (what === 2) return fc.constant(rebuilt(value, [...entries, [more, other]]));
      return strangeIn(Reflect.get(value, key)).map((inner) =>
        rebuilt(
          value,
          entries.map(([name, one]) => [name, name === key ? inner : one]),
        ),
      );
    });
}

function rebuilt(value: object, entries: [string, unknown][]): unknown {
  // As JSON.parse makes them: "__proto__" is a member like others.
  return Array.isArray(value) ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}

/** A reply of a server that is broken or hostile: other content, another envelope, or no JSON. */
export function strangeReply(content: unknown): fc.Arbitrary<{ status: number; body: string }> {
  const envelope = { type: "sync", status: "Success", status_code: 200, operation: "", metadata: content };
  const refusal = fc.record({
    type: fc.constant("error"),
    error: mutated(fc.constantFrom("Failed: already exists", "not found")),
  });
  return fc.oneof(
    {
      weight: 6,
      arbitrary: strangeIn(content).map((metadata) => ({
        status: 200,
        body: JSON.stringify({ ...envelope, metadata }),
      })),
    },
    {
      weight: 1,
      arbitrary: strangeIn(envelope).map((reply) => ({ status: 200, body: JSON.stringify(reply) })),
    },
    {
      weight: 1,
      arbitrary: mutated(fc.constant(JSON.stringify(envelope))).map((body) => ({ status: 200, body })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(200, 202, 400, 401, 403, 404, 409, 412, 500), refusal)
        .map(([status, reply]) => ({ status, body: JSON.stringify(reply) })),
    },
  );
}
