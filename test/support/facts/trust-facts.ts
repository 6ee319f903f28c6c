import { ABSENT } from "./contains";
import type { Exchange } from "./exchanges";
import { but, by, FORBIDDEN, isTrusted, isUntrusted, LISTENING, type Outcome } from "./vocabulary";
import { project, refused, setAddress, type Steps, trust } from "./vocabulary";

function get(name: string): Exchange {
  return { send: `GET /1.0/certificates/{fingerprint:${name}}`, status: 200 };
}

function remove(as: string, name: string, outcome: Outcome): Exchange {
  return { as, send: `DELETE /1.0/certificates/{fingerprint:${name}}`, ...outcome };
}

function change(name: string, body: object, outcome: Outcome, as = "unix"): Exchange {
  return { as, send: `PATCH /1.0/certificates/{fingerprint:${name}}`, body, ...outcome };
}

const FREE: Outcome = { status: 200 };
const TYPE_STAYS = /certificate type cannot be changed/;
const ONLY_CERTIFICATE = refused(403, /Only the certificate can be changed/);

/** The trust store, and what clients of each kind see. */
export const trustFacts: Record<string, Steps> = {
  "adding a certificate": (server) => [
    LISTENING,
    trust("one"),
    isTrusted("one"),
    {
      ...get("one"),
      metadata: {
        ...{ name: "one", type: "client", restricted: false, projects: [] },
        ...{ certificate: "{pem:one}", fingerprint: "{fingerprint:one}" },
        description: server === "incus-6.0" ? "" : ABSENT,
      },
    },
    { send: "GET /1.0/certificates", status: 200, metadata: ["/1.0/certificates/{fingerprint:one}"] },
    { send: "GET /1.0/certificates/{prefix:one}", status: 200, metadata: { name: "one" } },
    { ...trust("two"), body: { type: "client", certificate: "{der:two}" } },
    { ...get("two"), metadata: { name: "two" } },
  ],

  "certificates that are not taken": (server) => [
    trust("one"),
    but(trust("one"), refused(409, /Certificate already in trust store/)),
    but(
      { ...trust("two"), body: { type: "client", certificate: "{pem:two}" } },
      refused(400, /illegal base64 data/),
    ),
    but({ ...trust("two"), body: { type: "client", certificate: "aGVsbG8=" } }, refused(400, /malformed/)),
    but({ ...trust("two"), body: { certificate: "{der:two}" } }, refused(400, /Invalid certificate type/)),
    but(trust("two", ["nope"]), refused(404, /Project not found/)),
    but(trust("weak"), refused(400, /RSA key is too weak/)),
    {
      ...trust("two"),
      body: { type: "client", name: "one", certificate: "{der:two}" },
      ...by(server, {
        "lxd-5.21": { ...refused(409, /already exists/), metadata: null },
        "lxd-6": { ...refused(409, /already exists/), metadata: null },
        others: { status: 201 },
      }),
    },
  ],

  "changing a certificate's rights": (server) => [
    project("p1"),
    trust("one", ["default"]),
    change("one", { projects: ["p1"] }, FREE),
    { ...get("one"), metadata: { restricted: true, projects: ["p1"], name: "one" }, etag: "before" },
    change("one", { projects: [] }, FREE),
    change("one", { projects: ["nope"] }, refused(404, /Project not found/)),
    change("one", { name: "renamed" }, FREE),
    { ...change("one", { name: "late" }, refused(412, /^ETag /)), ifMatch: "{etag:before}" },
    { ...get("one"), metadata: { name: "renamed", restricted: true, projects: [] } },
    change("one", { type: "metrics" }, refused(server === "incus-6.0" ? 400 : 403, TYPE_STAYS)),
    change("one", { projects: ["p1"] }, FREE),
    change("one", { restricted: false }, server === "lxd-6" ? refused(400, /restricted certificates/) : FREE),
    {
      send: "PUT /1.0/certificates/{fingerprint:one}",
      body: { name: "put", type: "client", restricted: true, projects: ["default"] },
      status: 200,
    },
    { ...get("one"), metadata: { name: "put", restricted: true, projects: ["default"] } },
    {
      send: "PUT /1.0/certificates/{fingerprint:one}",
      body: { name: "put", restricted: true, projects: ["default"] },
      ...by(server, {
        "lxd-6": refused(400, /Invalid certificate type/),
        "incus-6.0": refused(400, TYPE_STAYS),
        others: refused(403, TYPE_STAYS),
      }),
    },
  ],

  "a certificate is rotated under the same name, and the old one is out at once": () => [
    LISTENING,
    trust("one", ["default"]),
    isTrusted("one"),
    change("one", { certificate: "{pem:two}" }, FREE, "one"),
    isUntrusted("one"),
    isTrusted("two"),
    { ...get("two"), metadata: { name: "one", restricted: true, projects: ["default"] } },
    { ...get("one"), ...refused(404, /Certificate not found/) },
    change("two", { certificate: "{pem:one}" }, FREE),
    isTrusted("one"),
  ],

  "a client rotates its own certificate with a PATCH of nothing else, and the rest of its entry stays": (
    server,
  ) => {
    const description = server === "incus-6.0" ? "on call" : ABSENT;
    const described = server === "incus-6.0" ? { description: "on call" } : {};
    return [
      LISTENING,
      trust("one"),
      trust("limited", ["default"]),
      change("one", { name: "boss", ...described }, FREE),
      change("limited", described, FREE),
      change("one", { certificate: "{pem:two}" }, FREE, "one"),
      change("limited", { certificate: "{pem:three}" }, FREE, "limited"),
      { ...get("two"), metadata: { name: "boss", restricted: false, projects: [], description } },
      {
        ...get("three"),
        metadata: { name: "limited", restricted: true, projects: ["default"], description },
      },
    ];
  },

  "a restricted client changes its certificate, and on 5.0 and Incus swaps its projects": (server) => {
    const swaps = server === "lxd-5.0" || server === "incus-6.0";
    return [
      LISTENING,
      project("p1"),
      project("p2"),
      trust("one", ["p1"]),
      change("one", { name: "other" }, ONLY_CERTIFICATE, "one"),
      change("one", { restricted: false }, ONLY_CERTIFICATE, "one"),
      change("one", { projects: ["p1", "p2"] }, ONLY_CERTIFICATE, "one"),
      { ...get("one"), metadata: { name: "one", restricted: true, projects: ["p1"] } },
      change("one", { projects: ["p2"] }, swaps ? FREE : ONLY_CERTIFICATE, "one"),
      { ...get("one"), metadata: { projects: [swaps ? "p2" : "p1"] } },
    ];
  },

  "a certificate that is no PEM kills the connection (5.0)": (server) =>
    server === "lxd-5.0" ? [trust("one"), { crash: change("one", { certificate: "garbage" }, FREE) }] : [],

  "who removes whom": (server) => {
    const itself = server === "lxd-5.21" || server === "lxd-6";
    return [
      LISTENING,
      trust("admin"),
      trust("other"),
      trust("limited", ["default"]),
      trust("none", []),
      remove("stranger", "other", FORBIDDEN),
      remove("limited", "other", refused(403, /not authorized|cannot be deleted|Certificate is restricted/)),
      remove("limited", "limited", itself ? FREE : refused(403, /not authorized|Certificate is restricted/)),
      itself ? isUntrusted("limited") : isTrusted("limited"),
      remove("none", "none", itself ? FREE : refused(403, /not authorized|Certificate is restricted/)),
      remove("admin", "other", FREE),
      remove("admin", "admin", FREE),
      isUntrusted("admin"),
      remove("admin", "admin", FORBIDDEN),
      remove("unix", "admin", refused(404, /Certificate not found/)),
    ];
  },

  "a client that is removed is a stranger on its open connection": () => [
    LISTENING,
    trust("one"),
    { ...isTrusted("one"), over: "kept" },
    { ...remove("one", "one", FREE), over: "kept" },
    { ...isUntrusted("one"), over: "kept" },
    setAddress(""),
    { ...isUntrusted("one"), over: "kept" },
  ],
};
