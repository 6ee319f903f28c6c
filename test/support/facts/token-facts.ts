import { ABSENT, ANYTHING } from "./contains";
import type { Exchange } from "./exchanges";
import { but, by, FORBIDDEN, issue, LISTENING, NO_MATCH, operation, type Outcome } from "./vocabulary";
import { project, redeem, refused, type Steps, trust } from "./vocabulary";

const UUID_OF_TIME = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_OF_CHANCE = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Certificate add tokens: asking for them, looking at them, taking them back. */
export const tokenFacts: Record<string, Steps> = {
  "no token without a listener": () => [
    but(issue("t"), { ...refused(400, /issue token when server is(n't| not) listening/), token: undefined }),
  ],

  "a token is an operation that tells everything a client needs, secret and all": (server) => [
    LISTENING,
    project("p1"),
    {
      ...issue("t", { restricted: true, projects: ["p1"] }),
      metadata: {
        id: server === "lxd-6" ? UUID_OF_TIME : UUID_OF_CHANCE,
        class: "token",
        status: "Running",
        status_code: 103,
        may_cancel: true,
        metadata: {
          addresses: ["127.0.0.1:{port:a}"],
          fingerprint: ANYTHING,
          secret: ANYTHING,
          expiresAt: by(server, { "lxd-5.0": ABSENT, "incus-6.0": ABSENT, others: ANYTHING }),
          request: { name: "t", type: "client", restricted: true, projects: ["p1"], token: true },
        },
      },
    },
    {
      send: "GET /1.0/operations/{operation:t}",
      status: 200,
      metadata: { id: "{operation:t}", status: "Running", metadata: { secret: "{secret:t}" } },
    },
    {
      send: "GET /1.0/operations?recursion=1",
      status: 200,
      metadata: { running: [{ id: "{operation:t}", metadata: { secret: "{secret:t}" } }] },
    },
  ],

  "tokens that are asked for wrongly": () => [
    LISTENING,
    ...["", "server", "metrics", undefined].map((type) => ({
      ...but(issue("t", { type }), refused(400, /Tokens can only be issued for client certificates/)),
      token: undefined,
    })),
    {
      ...but(issue("t", { certificate: "{der:one}" }), refused(400, /use certificate if token is requested/)),
      token: undefined,
    },
  ],

  "names of tokens: any on 5.0": (server) =>
    [LISTENING].concat(
      ["", "-x", "a/b"].map((name) => ({
        ...issue("t", { name }),
        token: undefined,
        ...by<Partial<Exchange>>(server, {
          "lxd-5.21": refused(400, /must not/),
          "lxd-6": refused(400, /must not/),
          others: { status: 202 },
        }),
      })),
    ),

  "projects without restriction make an administrator, except on 6.x": (server) =>
    server === "lxd-6"
      ? [
          LISTENING,
          project("p1"),
          {
            ...but(
              issue("t", { projects: ["p1"] }),
              refused(400, /Projects can only be specified for restricted certificates/),
            ),
            token: undefined,
          },
        ]
      : [
          LISTENING,
          project("p1"),
          issue("t", { projects: ["p1"] }),
          redeem(server, "one", "{token:t}", { status: 201 }),
          {
            send: "GET /1.0/certificates/{fingerprint:one}",
            status: 200,
            metadata: { restricted: false, projects: ["p1"] },
          },
          { as: "one", send: "GET /1.0/projects?recursion=1", status: 200, metadata: [{}, {}] },
        ],

  "a cancelled token stays to be seen for some seconds": (server) => [
    LISTENING,
    issue("t"),
    { send: "DELETE /1.0/operations/{operation:t}", status: 200 },
    operation("t", "Cancelled"),
    {
      send: "GET /1.0/operations?recursion=1",
      status: 200,
      metadata: { cancelled: ANYTHING, running: ABSENT },
    },
    {
      send: "DELETE /1.0/operations/{operation:t}",
      ...refused(400, /Only running operations can be cancelled/),
    },
    redeem(server, "one", "{token:t}", NO_MATCH),
    { eventually: { send: "GET /1.0/operations/{operation:t}", ...refused(404, /Operation not found/) } },
    { send: "DELETE /1.0/operations/{operation:t}", ...refused(404, /Operation not found/) },
  ],

  "who reads a pending token, secret and all": (server) => {
    const reads = { status: 200, metadata: { metadata: { secret: "{secret:t}" } } };
    const lists = { status: 200, metadata: { running: [{ metadata: { secret: "{secret:t}" } }] } };
    const one = { send: "GET /1.0/operations/{operation:t}" };
    const all = { send: "GET /1.0/operations?recursion=1" };
    const nothing = { status: 200, metadata: { running: ABSENT } };
    return [
      LISTENING,
      project("p1"),
      trust("admin"),
      trust("limited", ["default"]),
      trust("elsewhere", ["p1"]),
      issue("t"),
      { as: "admin", ...one, ...reads },
      { as: "limited", ...one, ...reads },
      { as: "limited", ...all, ...lists },
      {
        as: "elsewhere",
        ...one,
        ...by<Outcome>(server, { "lxd-5.0": reads, "incus-6.0": reads, others: FORBIDDEN }),
      },
      {
        as: "elsewhere",
        ...all,
        ...by<Outcome>(server, { "lxd-5.0": lists, "incus-6.0": nothing, others: FORBIDDEN }),
      },
      { as: "stranger", ...one, ...FORBIDDEN },
    ];
  },

  "who cancels a pending token": (server) => [
    LISTENING,
    trust("limited", []),
    issue("t"),
    { as: "stranger", send: "DELETE /1.0/operations/{operation:t}", ...FORBIDDEN },
    operation("t", "Running"),
    {
      as: "limited",
      send: "DELETE /1.0/operations/{operation:t}",
      ...(server === "lxd-6" ? FORBIDDEN : { status: 200 }),
    },
    operation("t", server === "lxd-6" ? "Running" : "Cancelled"),
  ],

  "only administrators issue tokens": () => [
    LISTENING,
    trust("admin"),
    trust("limited", ["default"]),
    { ...issue("t"), as: "admin" },
    { ...but(issue("t"), FORBIDDEN), as: "limited", token: undefined },
    { ...but(issue("t"), FORBIDDEN), as: "stranger", token: undefined },
  ],

  "waiting for a token in vain": (server) => [
    LISTENING,
    issue("t"),
    {
      send: "GET /1.0/operations/{operation:t}/wait?timeout=0",
      status: 200,
      ...by<Partial<Exchange>>(server, {
        "lxd-5.0": { metadata: { status: "Running" } },
        others: { error: /context deadline exceeded/ },
      }),
    },
  ],
};
