import type { ProfileName } from "../double/profiles";
import type { Exchange, Step } from "./exchanges";
import {
  activate,
  but,
  FORBIDDEN,
  group,
  invite,
  issue,
  isTrusted,
  isUntrusted,
  LISTENING,
} from "./vocabulary";
import { operation, type Outcome, patch, project, redeem, refused, type Steps, trust } from "./vocabulary";

const PENDING = "Client certificate (pending)";
const ACTIVE = "Client certificate";
const GONE = refused(404, /^Not Found$/);
const NO_MATCH = refused(500, /No pending identities found with given secret/);
const FREE: Outcome = { status: 200 };
const CREATED: Outcome = { status: 201 };

/** LXD 5.0 and Incus have no identities at all. */
const hasIdentities = (server: ProfileName): boolean => server === "lxd-5.21" || server === "lxd-6";

/** A story of servers that have identities. */
const story =
  (steps: (server: ProfileName) => Step[]): Steps =>
  (server) =>
    hasIdentities(server) ? [LISTENING, ...steps(server)] : [];

function shows(name: string, metadata: object, as = "unix"): Exchange {
  return { as, send: `GET /1.0/auth/identities/tls/${name}`, status: 200, metadata };
}

function isGone(name: string, as = "unix"): Exchange {
  return { as, send: `GET /1.0/auth/identities/tls/${name}`, ...GONE };
}

function change(
  method: "PUT" | "PATCH",
  name: string,
  body: object,
  outcome: Outcome,
  as = "unix",
): Exchange {
  return { as, send: `${method} /1.0/auth/identities/tls/${name}`, body, ...outcome };
}

function remove(name: string, outcome: Outcome, as = "unix"): Exchange {
  return { as, send: `DELETE /1.0/auth/identities/tls/${name}`, ...outcome };
}

/** A client that was invited with these groups and came. */
function member(name: string, groups: string[]): Step[] {
  return [invite(name, groups), activate(name, `{token:${name}}`, CREATED)];
}

/** TLS identities: inviting, activating, changing and removing them, and who may. */
export const identityFacts: Record<string, Steps> = {
  "identities and groups are unknown to 5.0 and Incus, to anybody": (server) =>
    hasIdentities(server)
      ? []
      : [
          LISTENING,
          trust("admin"),
          ...["unix", "admin", "stranger"].flatMap((as) =>
            ["groups", "identities", "identities/tls", "identities/current", "identities/tls/x"].map(
              (path) => ({
                as,
                send: `GET /1.0/auth/${path}`,
                ...refused(404, /^not found$/),
              }),
            ),
          ),
        ],

  "an identity is pending under its name, and its secret is told once": story(() => [
    group("g1"),
    group("g2"),
    {
      ...invite("one", ["g2", "g1"]),
      metadata: { client_name: "one", addresses: ["127.0.0.1:{port:a}"], type: ACTIVE },
      location: "/1.0/auth/identities/tls/{identity:one}",
    },
    shows("one", {
      id: "{identity:one}",
      type: PENDING,
      name: "one",
      groups: ["g1", "g2"],
      tls_certificate: "",
    }),
    shows("{identity:one}", { name: "one" }),
    { send: "GET /1.0/certificates", status: 200, metadata: [] },
    { send: "GET /1.0/operations", status: 200, metadata: { running: "{absent}" } },
    { send: "GET /1.0/auth/groups/g1", status: 200, metadata: { identities: { tls: ["{identity:one}"] } } },
  ]),

  "an activated identity has another id and the same name": story((server) => [
    group("g1"),
    ...[invite("one", ["g1"]), isUntrusted("one")],
    {
      ...activate("one", "{token:one}", CREATED),
      location: `/1.0/auth/identities/tls/${server === "lxd-6" ? "{fingerprint:one}" : "{identity:one}"}`,
    },
    ...[isTrusted("one"), isGone("{identity:one}"), isGone("{prefix:one}")],
    shows("one", { id: "{fingerprint:one}", type: ACTIVE, groups: ["g1"], tls_certificate: "{pem:one}" }),
    shows("{fingerprint:one}", { name: "one" }),
    { send: "GET /1.0/certificates/{fingerprint:one}", ...refused(404, /Certificate not found/) },
    activate("one", "{token:one}", FORBIDDEN),
    activate("two", "{token:one}", NO_MATCH),
  ]),

  "what activates nothing, and costs nothing": story((server) => [
    ...[trust("admin"), trust("limited", ["default"]), invite("one"), issue("two")],
    activate("one", "{forged:one}", NO_MATCH),
    activate("one", "garbage", FORBIDDEN),
    activate("anonymous", "{token:one}", refused(400, /No client certificate provided/)),
    {
      ...activate("one", "{token:one}", refused(403, /Only trust token must be provided/)),
      body: { trust_token: "{token:one}", name: "x" },
    },
    { as: "one", send: "POST /1.0/auth/identities/tls", body: {}, ...refused(403, /Trust token required/) },
    redeem(server, "one", "{token:one}", refused(400, /TLS Identity token detected/)),
    redeem(server, "admin", "{token:one}", refused(500, /TLS Identity token detected/)),
    activate("two", "{token:two}", NO_MATCH),
    activate("admin", "{token:one}", refused(400, /Identity name must be provided/)),
    activate("limited", "{token:one}", FORBIDDEN),
    {
      ...activate("admin", "{token:one}", refused(409, /Client already trusted/)),
      body: { trust_token: "{token:one}", name: "one" },
    },
    ...[shows("one", { type: PENDING }), operation("two", "Running"), isUntrusted("one")],
    ...[activate("one", "{token:one}", CREATED), isTrusted("one")],
  ]),

  "names are one namespace with certificates, pending ones included": story((server) => [
    ...[invite("one"), trust("two"), issue("one")],
    but({ ...invite("one"), token: undefined }, refused(409, /already exists/)),
    but({ ...invite("two"), token: undefined }, refused(409, /already exists/)),
    but({ ...trust("one") }, refused(409, /already exists/)),
    redeem(server, "one", "{token:one}", refused(409, /already exists/)),
    ...[operation("one", "Cancelled"), isUntrusted("one")],
  ]),

  "the groups of an identity: PUT sets them, PATCH cannot clear them": story(() => [
    ...[group("g1"), group("g2"), invite("one", ["g1"])],
    change("PATCH", "one", { groups: ["g2"] }, FREE),
    shows("one", { groups: ["g2"] }),
    change("PATCH", "one", { groups: [] }, FREE),
    { ...shows("one", { groups: ["g2"] }), etag: "g2" },
    change("PUT", "one", { groups: ["nope"] }, refused(404, /groups were not found: "nope"/)),
    change(
      "PUT",
      "one",
      { groups: [], tls_certificate: "{pem:one}" },
      refused(400, /Cannot update certificate/),
    ),
    change("PUT", "{identity:one}", { groups: ["g1"], name: "other" }, FREE),
    { ...change("PUT", "one", { groups: ["g2"] }, refused(412, /^ETag /)), ifMatch: "{etag:g2}" },
    activate("one", "{token:one}", CREATED),
    shows("one", { groups: ["g1"], type: ACTIVE }),
    change("PUT", "{fingerprint:one}", { groups: ["g2"] }, FREE),
    change("PUT", "one", { groups: [] }, FREE),
    shows("one", { groups: [], tls_certificate: "{pem:one}" }),
    ...[change("PUT", "one", { groups: ["g1"] }, FREE), { send: "DELETE /1.0/auth/groups/g1", ...FREE }],
    shows("one", { groups: [] }),
  ]),

  "pending identities outlive a restart, expired ones do not": story(() => [
    invite("one"),
    patch({ "core.remote_token_expiry": "1S" }),
    ...[invite("two"), invite("three"), { expired: "three" } as const, shows("two", { type: PENDING })],
    but({ ...invite("two"), token: undefined }, refused(409, /already exists/)),
    activate("two", "{token:two}", refused(500, /Token has expired/)),
    ...[isGone("two"), activate("two", "{token:two}", NO_MATCH), shows("three", { type: PENDING })],
    { restart: true },
    ...[isGone("three"), shows("one", { type: PENDING }), activate("one", "{token:one}", CREATED)],
  ]),

  "an identity removes itself and its key, whatever it may do": story(() => [
    ...[group("g1"), ...member("one", ["g1"]), ...member("two", [])],
    remove("{fingerprint:one}", refused(404, /Not Found/), "two"),
    {
      as: "one",
      send: "DELETE /1.0/certificates/{fingerprint:one}",
      ...refused(404, /Certificate not found/),
    },
    change("PUT", "one", { groups: [] }, refused(400, /Must provide a certificate/), "one"),
    change("PUT", "one", { groups: ["g1"], tls_certificate: "{pem:three}" }, FREE, "one"),
    ...[isUntrusted("one"), isTrusted("three")],
    shows("one", { id: "{fingerprint:three}", groups: ["g1"] }, "three"),
    ...[remove("one", FREE, "three"), isUntrusted("three"), remove("one", FORBIDDEN, "three"), isGone("one")],
    ...[remove("{fingerprint:two}", FREE, "two"), isUntrusted("two"), remove("two", GONE)],
    ...[invite("one"), activate("one", "{token:one}", CREATED), isTrusted("one")],
  ]),

  "certificates are shown as identities, and cannot be changed as such": story(() => [
    ...[trust("admin"), trust("limited", ["default"])],
    shows("admin", { type: "Client certificate (unrestricted)", id: "{fingerprint:admin}" }),
    shows("{fingerprint:limited}", { type: "Client certificate (restricted)", name: "limited" }),
    change("PUT", "admin", { groups: [] }, refused(501, /cannot be modified via this API/)),
    remove("{fingerprint:limited}", refused(501, /cannot be modified via this API/)),
    remove("{fingerprint:limited}", refused(403, /Certificate is restricted/), "limited"),
  ]),

  "a client is told who it is": story(() => {
    const who = (as: string, metadata: object): Exchange => ({
      ...{ as, send: "GET /1.0/auth/identities/current", status: 200, metadata },
    });
    return [
      ...[group("viewers", "can_view_identities"), trust("admin"), ...member("one", ["viewers"])],
      { send: "GET /1.0/auth/identities/current", ...refused(400, /must be requested via the HTTPS API/) },
      { as: "stranger", send: "GET /1.0/auth/identities/current", ...FORBIDDEN },
      who("admin", { name: "admin", fine_grained: false, effective_permissions: [] }),
      who("one", {
        ...{ id: "{fingerprint:one}", name: "one", type: ACTIVE, fine_grained: true, groups: ["viewers"] },
        effective_permissions: [{ entity_type: "server", url: "/1.0", entitlement: "can_view_identities" }],
      }),
    ];
  }),

  "who may invite, see, and administer": story(() => [
    ...["can_create_identities", "can_view_identities", "can_edit"].flatMap((right) => [
      group(right, right),
      ...member(right, [right]),
    ]),
    { ...invite("new"), as: "can_create_identities" },
    isGone("new", "can_create_identities"),
    shows("new", { type: PENDING }, "can_view_identities"),
    isGone("new", "can_edit"),
    { ...issue("new"), as: "can_create_identities" },
    ...["can_view_identities", "can_edit"].flatMap((as) => [
      but({ ...invite("other"), as, token: undefined }, FORBIDDEN),
      but({ ...issue("other"), as, token: undefined }, FORBIDDEN),
    ]),
    { ...patch({ "user.a": "b" }), as: "can_edit" },
    { ...but(patch({ "user.a": "b" }), FORBIDDEN), as: "can_view_identities" },
    { as: "can_edit", send: "GET /1.0", status: 200, metadata: { config: { "user.a": "b" } } },
    { as: "can_create_identities", send: "GET /1.0", status: 200, metadata: { config: null } },
    ...[...member("boss", ["admins"]), { ...patch({ "user.a": "c" }), as: "boss" }],
    ...[
      { ...invite("by-boss"), as: "boss" },
      { ...issue("by-boss"), as: "boss" },
    ],
  ]),

  "tokens of operations are seen by those who see the project default": story((server) => [
    ...[project("p1"), group("here", "viewer", "default"), group("there", "viewer", "p1"), issue("t")],
    ...[...member("one", ["here"]), ...member("two", ["there"])],
    { as: "one", send: "GET /1.0/operations/{operation:t}", status: 200, metadata: { id: "{operation:t}" } },
    { as: "two", send: "GET /1.0/operations/{operation:t}", ...refused(404, /./) },
    { as: "two", send: "GET /1.0/operations?recursion=1", ...refused(404, /./) },
    { as: "two", send: "GET /1.0/projects", status: 200, metadata: ["/1.0/projects/p1"] },
    { as: "one", send: "DELETE /1.0/operations/{operation:t}", ...(server === "lxd-6" ? FORBIDDEN : FREE) },
  ]),

  "of many who activate one identity at once, one gets in": story(() => [
    invite("one"),
    {
      race: activate("unix", "{token:one}", CREATED),
      by: ["one", "two", "three", "four"],
      statuses: { 201: 1, 500: 3 },
    },
  ]),
};
