import { ABSENT, ANYTHING } from "./contains";
import type { Exchange } from "./exchanges";
import { but, by, FORBIDDEN, LISTENING, project, refused, type Steps, trust } from "./vocabulary";

function get(name: string): Exchange {
  return { send: `GET /1.0/certificates/{fingerprint:${name}}`, status: 200 };
}

/** What clients of each kind see. */
export const visibilityFacts: Record<string, Steps> = {
  "what GET /1.0 tells whom": (server) => {
    const user = server !== "lxd-5.0";
    const stranger = {
      auth: "untrusted",
      environment: ABSENT,
      config: by<unknown>(server, { "lxd-5.0": ABSENT, "incus-6.0": {}, others: null }),
    };
    const seen = server === "lxd-5.21" || server === "lxd-6";
    return [
      {
        send: "GET /1.0",
        status: 200,
        metadata: { auth: "trusted", auth_user_method: user ? "unix" : ABSENT },
      },
      LISTENING,
      trust("admin"),
      trust("limited", ["default"]),
      {
        as: "anonymous",
        send: "GET /1.0",
        status: 200,
        metadata: { ...stranger, client_certificate: seen ? false : ABSENT },
      },
      {
        as: "stranger",
        send: "GET /1.0",
        status: 200,
        metadata: { ...stranger, client_certificate: seen ? true : ABSENT },
      },
      {
        as: "admin",
        send: "GET /1.0",
        status: 200,
        metadata: {
          auth: "trusted",
          auth_user_name: user ? "{fingerprint:admin}" : ABSENT,
          config: { "core.https_address": "127.0.0.1:{port:a}" },
          environment: { certificate: ANYTHING, certificate_fingerprint: ANYTHING, server_clustered: false },
        },
      },
      {
        as: "limited",
        send: "GET /1.0",
        status: 200,
        metadata: {
          auth: "trusted",
          config: by<unknown>(server, { "incus-6.0": {}, others: null }),
          environment: { addresses: ["127.0.0.1:{port:a}"], certificate: ANYTHING },
        },
      },
    ];
  },

  "strangers get nothing else": () => [
    LISTENING,
    ...["anonymous", "stranger"].flatMap((as) =>
      ["certificates", "projects", "operations", "networks"].map((area) => ({
        as,
        send: `GET /1.0/${area}`,
        ...FORBIDDEN,
      })),
    ),
    { as: "anonymous", send: "GET /", status: 200, metadata: ["/1.0"] },
  ],

  "requests that make no sense": () => [
    { send: "GET /1.0/nope", ...refused(404, /^not found$/i) },
    { send: "DELETE /1.0", ...refused(501, /^not implemented$/i) },
    { send: "POST /1.0/certificates", body: "[]", ...refused(400, /cannot unmarshal array/) },
    { send: "POST /1.0/certificates", body: "x", ...refused(400, /invalid character/) },
    { send: "GET /1.0/certificates/ffff", ...refused(404, /Certificate not found/) },
    { send: "GET /1.0/operations/nope", ...refused(404, /Operation not found/) },
  ],

  "whose certificates a restricted client sees": (server) => {
    const all = server === "lxd-5.0" || server === "incus-6.0";
    const list = { as: "limited", send: "GET /1.0/certificates?recursion=1", status: 200 };
    return [
      LISTENING,
      trust("limited", ["default"]),
      { ...list, metadata: [{ name: "limited" }] },
      trust("other"),
      { ...list, metadata: all ? [{}, {}] : [{ name: "limited" }] },
    ];
  },

  "projects: made, listed, removed, and seen by those restricted to them": (server) => [
    LISTENING,
    project("p1"),
    but(
      project("p1"),
      by(server, {
        "incus-6.0": refused(500, /UNIQUE constraint failed: projects\.name/),
        others: refused(409, /already exists/),
      }),
    ),
    but({ ...project("p1"), body: { name: "a/b" } }, refused(400, /may not contain slashes/)),
    trust("limited", ["p1"]),
    trust("none", []),
    { send: "GET /1.0/projects", status: 200, metadata: ["/1.0/projects/default", "/1.0/projects/p1"] },
    {
      send: "GET /1.0/projects/p1",
      status: 200,
      metadata: { name: "p1", config: ANYTHING, description: "" },
    },
    { send: "GET /1.0/projects/nope", ...refused(404, /Project not found/) },
    { as: "limited", send: "GET /1.0/projects", status: 200, metadata: ["/1.0/projects/p1"] },
    { as: "limited", send: "GET /1.0/projects?recursion=1", status: 200, metadata: [{ name: "p1" }] },
    { as: "none", send: "GET /1.0/projects", status: 200, metadata: [] },
    {
      as: "limited",
      send: "GET /1.0/projects/default",
      ...refused(403, /not authorized|Certificate is restricted|does not have permission for project/),
    },
    { as: "limited", send: "POST /1.0/projects", body: { name: "p2" }, ...FORBIDDEN },
    { as: "limited", send: "DELETE /1.0/projects/p1", ...FORBIDDEN },
    { send: "DELETE /1.0/projects/default", ...refused(403, /cannot be deleted/) },
    { send: "DELETE /1.0/projects/p1", status: server === "lxd-6" ? 202 : 200 },
    { eventually: { send: "GET /1.0/projects/p1", ...refused(404, /Project not found/) } },
    { ...get("limited"), metadata: { restricted: true, projects: [] } },
  ],

  "the server's own interfaces and their addresses": (server) => [
    LISTENING,
    project("p1"),
    trust("limited", ["default"]),
    trust("elsewhere", ["p1"]),
    { as: "limited", send: "GET /1.0/networks/lo/state", status: 200, metadata: { state: "up" } },
    {
      as: "elsewhere",
      send: "GET /1.0/networks",
      ...(server === "incus-6.0" ? refused(500, /does not have permissions for project/) : FORBIDDEN),
    },
    { send: "GET /1.0/networks/lo", status: 200, metadata: { name: "lo", type: "loopback", managed: false } },
    {
      send: "GET /1.0/networks/lo/state",
      status: 200,
      metadata: { state: "up", hwaddr: "", mtu: 65536, type: "loopback", addresses: ANYTHING },
    },
    { send: "GET /1.0/networks/nope/state", ...refused(404, /not found/) },
    { send: "GET /1.0/networks?recursion=1", status: 200, metadata: ANYTHING },
  ],
};
