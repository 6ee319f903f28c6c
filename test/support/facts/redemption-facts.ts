import { ANYTHING } from "./contains";
import { ALREADY_TRUSTED, by, FORBIDDEN, issue, isTrusted, isUntrusted, LISTENING } from "./vocabulary";
import { NO_MATCH, operation, type Outcome, patch, project, redeem, refused } from "./vocabulary";
import { type Steps, trust } from "./vocabulary";

const UNKNOWN_PROJECT = refused(404, /Project not found/);
const NAME_TAKEN = refused(409, /already exists/);
const EXPIRED = /Token has expired/;

/** Certificate add tokens: what becomes of them. */
export const redemptionFacts: Record<string, Steps> = {
  "redeeming lets the client in as the token says, whatever the client says": (server) => [
    LISTENING,
    project("p1"),
    project("p2"),
    issue("t", { restricted: true, projects: ["p1"] }),
    isUntrusted("one"),
    {
      as: "one",
      send: "POST /1.0/certificates",
      body: {
        [server === "lxd-5.0" ? "password" : "trust_token"]: "{token:t}",
        ...{ type: "client", name: "other", restricted: true, projects: ["p2"] },
      },
      status: 201,
      metadata: null,
    },
    isTrusted("one"),
    {
      send: "GET /1.0/certificates?recursion=1",
      status: 200,
      metadata: [
        { name: "t", type: "client", restricted: true, projects: ["p1"], fingerprint: "{fingerprint:one}" },
      ],
    },
    operation("t", "Cancelled"),
    redeem(
      server,
      "one",
      "{token:t}",
      by(server, {
        "lxd-5.0": refused(400, ALREADY_TRUSTED),
        "incus-6.0": refused(400, ALREADY_TRUSTED),
        others: NO_MATCH,
      }),
    ),
    redeem(server, "two", "{token:t}", NO_MATCH),
    isUntrusted("two"),
  ],

  "without a client certificate a token is burnt": (server) => [
    LISTENING,
    issue("t"),
    redeem(server, "anonymous", "{token:t}", refused(400, /No client certificate provided/)),
    operation("t", "Cancelled"),
    redeem(server, "one", "{token:t}", NO_MATCH),
  ],

  "what is no token, or has a wrong secret, burns nothing": (server) => [
    LISTENING,
    issue("t"),
    redeem(server, "one", "{forged:t}", NO_MATCH),
    redeem(server, "one", "garbage", FORBIDDEN),
    redeem(server, "one", "e30=", FORBIDDEN),
    { as: "one", send: "POST /1.0/certificates", body: {}, ...FORBIDDEN },
    {
      as: "one",
      send: "POST /1.0/certificates",
      body: { type: "client", name: "sneaky", certificate: "{der:one}" },
      ...FORBIDDEN,
    },
    operation("t", "Running"),
    redeem(server, "one", "{token:t}", { status: 201 }),
  ],

  "the field of the other versions": (server) => [
    LISTENING,
    issue("t"),
    {
      as: "one",
      send: "POST /1.0/certificates",
      body: { [server === "lxd-5.0" ? "trust_token" : "password"]: "{token:t}" },
      ...by<Outcome>(server, {
        "lxd-5.21": { status: 201 },
        "lxd-6": refused(501, /Password authentication is no longer supported/),
        others: FORBIDDEN,
      }),
    },
    operation("t", server === "lxd-5.21" ? "Cancelled" : "Running"),
  ],

  "a trusted client burns a token on 5.21 and 6.x, and keeps it elsewhere": (server) => {
    const spared = server === "lxd-5.0" || server === "incus-6.0";
    const outcome = refused(spared ? 400 : 409, ALREADY_TRUSTED);
    return [
      LISTENING,
      trust("admin"),
      trust("limited", []),
      ...["admin", "limited", "unix"].flatMap((as) => [
        issue(as === "unix" ? "root" : `for-${as}`),
        redeem(server, as, `{token:${as === "unix" ? "root" : `for-${as}`}}`, outcome),
        operation(as === "unix" ? "root" : `for-${as}`, spared ? "Running" : "Cancelled"),
      ]),
    ];
  },

  "an unknown project is noticed at the redemption, and burns the token": (server) => [
    LISTENING,
    project("p1"),
    issue("early", { restricted: true, projects: ["p1"] }),
    issue("never", { restricted: true, projects: ["nope"] }),
    { send: "DELETE /1.0/projects/p1", status: server === "lxd-6" ? 202 : 200 },
    { eventually: { send: "GET /1.0/projects/p1", ...UNKNOWN_PROJECT } },
    redeem(server, "one", "{token:early}", UNKNOWN_PROJECT),
    redeem(server, "one", "{token:never}", UNKNOWN_PROJECT),
    operation("early", "Cancelled"),
    operation("never", "Cancelled"),
    isUntrusted("one"),
  ],

  "a name that is taken burns the token on 5.21 and 6.x, and is free elsewhere": (server) => {
    const unique = server === "lxd-5.21" || server === "lxd-6";
    return [
      LISTENING,
      issue("t"),
      redeem(server, "one", "{token:t}", { status: 201 }),
      issue("t"),
      redeem(server, "two", "{token:t}", unique ? NAME_TAKEN : { status: 201 }),
      operation("t", "Cancelled"),
      unique ? isUntrusted("two") : isTrusted("two"),
    ];
  },

  "an expired token": (server) => [
    LISTENING,
    trust("admin"),
    patch({ "core.remote_token_expiry": "1S" }),
    { ...issue("t"), metadata: { metadata: { expiresAt: ANYTHING } } },
    { ...issue("u"), metadata: { metadata: { expiresAt: ANYTHING } } },
    { expired: "u" },
    operation("t", "Running"),
    redeem(
      server,
      "one",
      "{token:t}",
      refused(by(server, { "lxd-5.0": 500, "incus-6.0": 500, others: 403 }), EXPIRED),
    ),
    operation("t", "Cancelled"),
    redeem(server, "one", "{token:t}", NO_MATCH),
    redeem(
      server,
      "admin",
      "{token:u}",
      by(server, {
        "lxd-5.0": refused(400, ALREADY_TRUSTED),
        "incus-6.0": refused(400, ALREADY_TRUSTED),
        others: refused(500, EXPIRED),
      }),
    ),
  ],

  // LXD 5.0 looks a token up and ends its operation in two steps: in 3 of 60 races of four, two to four clients got in.
  "of many who redeem one token at once, one gets in, on LXD 5.0 sometimes more": (server) => [
    LISTENING,
    issue("t"),
    {
      race: redeem(server, "unix", "{token:t}", { status: 201 }),
      by: ["one", "two", "three", "four"],
      ...(server === "lxd-5.0" ? { won: 201, lost: 403 } : { statuses: { 201: 1, 403: 3 } }),
    },
  ],

  "tokens outlive their issuer's trust, except on 6.x": (server) => [
    LISTENING,
    trust("admin"),
    { ...issue("t"), as: "admin" },
    { send: "DELETE /1.0/certificates/{fingerprint:admin}", status: 200 },
    server === "lxd-6"
      ? { send: "GET /1.0/operations/{operation:t}", ...refused(404, /Operation not found/) }
      : operation("t", "Running"),
    redeem(server, "one", "{token:t}", server === "lxd-6" ? NO_MATCH : { status: 201 }),
  ],

  "a client that was removed may come back with the same key": (server) => [
    LISTENING,
    issue("t"),
    redeem(server, "one", "{token:t}", { status: 201 }),
    { send: "DELETE /1.0/certificates/{fingerprint:one}", status: 200 },
    isUntrusted("one"),
    issue("t"),
    redeem(server, "one", "{token:t}", { status: 201 }),
    isTrusted("one"),
  ],
};
