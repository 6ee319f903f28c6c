import { ANYTHING } from "./contains";
import type { Exchange } from "./exchanges";
import { address, but, by, config, FORBIDDEN, issue, isTrusted, LISTENING } from "./vocabulary";
import { type Outcome, patch, refused, setAddress, type Steps, trust } from "./vocabulary";

const NOT_HERE = "192.0.2.251:8443";
const IN_USE = /Cannot listen on network HTTPS socket "127\.0\.0\.1:\d+": .*bind: address already in use/;
function announces(addresses: unknown): Exchange {
  return { send: "GET /1.0", status: 200, metadata: { environment: { addresses } } };
}

/** core.https_address and the rest of the config. */
export const addressFacts: Record<string, Steps> = {
  "a new server listens nowhere": () => [{ listens: [] }, address("{absent}"), announces([])],

  "an address is set, moved and unset at once": () => [
    LISTENING,
    { listens: ["127.0.0.1:{port:a}"] },
    address("127.0.0.1:{port:a}"),
    announces(["127.0.0.1:{port:a}"]),
    LISTENING,
    setAddress("127.0.0.1:{port:b}"),
    { listens: ["127.0.0.1:{port:b}"] },
    { connect: "127.0.0.1:{port:a}", works: false },
    { connect: "127.0.0.1:{port:b}", works: true },
    setAddress(""),
    { listens: [] },
    address("{absent}"),
  ],

  "the value is kept as it was written": () => [
    setAddress("localhost:{port:a}"),
    { listens: ["127.0.0.1:{port:a}"] },
    address("localhost:{port:a}"),
    announces(["localhost:{port:a}"]),
    setAddress("[127.0.0.1]:{port:a}"),
    address("[127.0.0.1]:{port:a}"),
    { listens: ["127.0.0.1:{port:a}"] },
    setAddress("127.0.0.1:0"),
    address("127.0.0.1:0"),
    announces(["127.0.0.1:0"]),
  ],

  "a wildcard listens everywhere but announces no loopback address": (server) => [
    setAddress(":{port:a}"),
    { listens: ["*:{port:a}"] },
    address(":{port:a}"),
    setAddress("[::]:{port:a}"),
    { listens: ["*:{port:a}"] },
    setAddress("0.0.0.0:{port:a}"),
    { listens: [by(server, { "lxd-6": "0.0.0.0:{port:a}", others: "*:{port:a}" })] },
    { connect: "127.0.0.1:{port:a}", works: true },
    { connect: "[::1]:{port:a}", works: server !== "lxd-6" },
  ],

  "an address that makes no sense changes nothing": () => [
    LISTENING,
    ...["foo bar", "https://127.0.0.1:8443", "127.0.0.1:1,127.0.0.1:2", " 127.0.0.1:8443", "*:8443"].map(
      (wrong) =>
        but(setAddress(wrong), refused(400, /annot set .core\.https_address. to .*: Could ?n[o']t resolve/)),
    ),
    address("127.0.0.1:{port:a}"),
    { listens: ["127.0.0.1:{port:a}"] },
  ],

  "a value that is no text is refused": (server) => [
    LISTENING,
    but(setAddress(8443), refused(400, by(server, { "incus-6.0": /number|float64/, others: /float64/ }))),
    but(setAddress(true), refused(400, /bool/)),
    address("127.0.0.1:{port:a}"),
  ],

  "null unsets, except on 6.x": (server) => [
    LISTENING,
    by(server, { "lxd-6": but(setAddress(null), refused(400, /<nil>/)), others: setAddress(null) }),
    address(by(server, { "lxd-6": "127.0.0.1:{port:a}", others: "{absent}" })),
    { listens: by(server, { "lxd-6": ["127.0.0.1:{port:a}"], others: [] }) },
  ],

  "a port in use: the old listener goes and comes back, the config tells lies on 5.0": (server) => [
    LISTENING,
    { occupy: "b" },
    {
      outageOf: "127.0.0.1:{port:a}",
      during: but(setAddress("127.0.0.1:{port:b}"), refused(500, IN_USE)),
    },
    { listens: ["127.0.0.1:{port:a}"] },
    address(by(server, { "lxd-5.0": "127.0.0.1:{port:b}", others: "127.0.0.1:{port:a}" })),
    announces([
      by(server, {
        "lxd-5.0": "127.0.0.1:{port:b}",
        "incus-6.0": "127.0.0.1:{port:b}",
        others: "127.0.0.1:{port:a}",
      }),
    ]),
    LISTENING,
    { listens: ["127.0.0.1:{port:a}"] },
    address("127.0.0.1:{port:a}"),
  ],

  "ports that do not exist are noticed only by listening": () => [
    LISTENING,
    but(setAddress("127.0.0.1:99999"), refused(500, /listen tcp: address 99999: invalid port/)),
    but(setAddress("127.0.0.1:abc"), refused(500, /tcp\/abc: unknown port/)),
    { listens: ["127.0.0.1:{port:a}"] },
  ],

  "another machine's address, from unset: a listener on all interfaces is left behind": (server) => [
    but(setAddress(NOT_HERE), refused(500, /bind: cannot assign requested address/)),
    { listens: [by(server, { "lxd-6": "*:8443", others: "*:?" })] },
    address(by(server, { "lxd-5.0": NOT_HERE, others: "{absent}" })),
    setAddress(""),
    { listens: by(server, { "lxd-5.0": [], "lxd-6": ["*:8443"], others: ["*:?"] }) },
    setAddress("127.0.0.1:{port:a}"),
    { listens: ["127.0.0.1:{port:a}"] },
    setAddress(""),
    { listens: [] },
  ],

  "an open connection survives every change of the address, even its own": () => [
    LISTENING,
    trust("admin"),
    { ...isTrusted("admin"), over: "kept" },
    setAddress("127.0.0.1:{port:b}"),
    { connect: "127.0.0.1:{port:a}", works: false },
    { ...isTrusted("admin"), over: "kept" },
    { ...setAddress("127.0.0.1:{port:c}"), as: "admin", over: "kept" },
    { ...isTrusted("admin"), over: "kept" },
    setAddress(""),
    { ...isTrusted("admin"), over: "kept" },
    { listens: [] },
  ],

  "a good address beside a bad key: 400, and only 5.0 stores the address": (server) => [
    LISTENING,
    but(
      patch({ "core.https_address": "127.0.0.1:{port:b}", "core.remote_token_expiry": "bogus" }),
      refused(400, /core\.remote_token_expiry.*Invalid expiry expression/),
    ),
    { listens: ["127.0.0.1:{port:a}"] },
    address(by(server, { "lxd-5.0": "127.0.0.1:{port:b}", others: "127.0.0.1:{port:a}" })),
  ],

  "a bad address beside a good key: 500, and what is stored": (server) => [
    but(
      patch({ "core.https_address": "127.0.0.1:99999", "user.colour": "red" }),
      refused(500, /invalid port/),
    ),
    config(
      by(server, {
        "lxd-5.0": { "core.https_address": "127.0.0.1:99999", "user.colour": "red" },
        "incus-6.0": { "core.https_address": "{absent}", "user.colour": "red" },
        others: { "core.https_address": "{absent}", "user.colour": "{absent}" },
      }),
    ),
  ],

  "a refused key takes the address out of the config on Incus, but not the listener": (server) => [
    LISTENING,
    but(patch({ "no.such.key": "1" }), refused(400, /[Uu]nknown key/)),
    address(by(server, { "incus-6.0": "{absent}", others: "127.0.0.1:{port:a}" })),
    announces(["127.0.0.1:{port:a}"]),
    { listens: ["127.0.0.1:{port:a}"] },
    { restart: true },
    { listens: by(server, { "incus-6.0": [], others: ["127.0.0.1:{port:a}"] }) },
  ],

  "after a failed address any other change announces the stored one": (server) => [
    LISTENING,
    but(setAddress("127.0.0.1:99999"), refused(500, /invalid port/)),
    patch({ "user.colour": "red" }),
    announces([by(server, { "lxd-5.0": "127.0.0.1:99999", others: "127.0.0.1:{port:a}" })]),
  ],

  "PATCH merges, PUT resets what it leaves out": (server) => [
    patch({ "user.colour": "red", "core.remote_token_expiry": "1H 30M" }),
    LISTENING,
    config({ "user.colour": "red", "core.remote_token_expiry": "1H 30M", "core.https_address": ANYTHING }),
    {
      send: "PUT /1.0",
      body: {
        config:
          server === "lxd-6"
            ? { "user.colour": "blue", "volatile.uuid": "{uuid}" }
            : { "user.colour": "blue" },
      },
      status: 200,
    },
    config({
      "user.colour": "blue",
      "core.remote_token_expiry": "{absent}",
      "core.https_address": "{absent}",
    }),
    { listens: [] },
  ],

  "on 6.x PUT must repeat the server's uuid": (server) => [
    {
      send: "PUT /1.0",
      body: { config: {} },
      ...by<Outcome>(server, {
        "lxd-6": refused(400, /The cluster UUID cannot be changed/),
        others: { status: 200 },
      }),
    },
  ],

  "unknown keys and wrong expiry expressions are refused": () => [
    but(patch({ "no.such.key": "1" }), refused(400, /annot set .no\.such\.key. to .1.: [Uu]nknown key/)),
    but(patch({ "core.remote_token_expiry": "5" }), refused(400, /Invalid expiry expression/)),
    config({ "no.such.key": "{absent}", "core.remote_token_expiry": "{absent}" }),
  ],

  "a change that rests on an old state is refused": () => [
    { send: "GET /1.0", status: 200, etag: "before" },
    { ...patch({ "user.colour": "red" }), ifMatch: "{etag:before}" },
    {
      ...but(patch({ "user.colour": "blue" }), refused(412, /^ETag (doesn't|does not) match: /)),
      ifMatch: "{etag:before}",
    },
    config({ "user.colour": "red" }),
  ],

  "only administrators change the config": () => [
    LISTENING,
    trust("admin"),
    trust("limited", ["default"]),
    { ...but(setAddress("127.0.0.1:{port:b}"), FORBIDDEN), as: "limited" },
    { ...but(setAddress("127.0.0.1:{port:b}"), FORBIDDEN), as: "stranger" },
    { ...but(setAddress("127.0.0.1:{port:b}"), FORBIDDEN), as: "anonymous" },
    { ...patch({ "user.colour": "red" }), as: "admin" },
    address("127.0.0.1:{port:a}"),
  ],

  "a restart keeps config and trust, and forgets tokens": () => [
    LISTENING,
    trust("admin"),
    issue("waiting"),
    { restart: true },
    { listens: ["127.0.0.1:{port:a}"] },
    isTrusted("admin"),
    { send: "GET /1.0/operations/{operation:waiting}", status: 404, error: /Operation not found/ },
  ],

  // Only 5.0 lets an address be stored while another process has the port.
  "a server that starts while its port is taken announces it and does not listen (5.0)": (server) => [
    ...(server === "lxd-5.0"
      ? [
          { occupy: "b" },
          but(
            patch({ "core.https_address": "127.0.0.1:{port:b}", "core.remote_token_expiry": "bogus" }),
            refused(400, /Invalid expiry expression/),
          ),
          { restart: true } as const,
          { listens: [] },
          announces(["127.0.0.1:{port:b}"]),
          { release: "b" },
          setAddress("127.0.0.1:{port:b}"),
          { listens: [] },
          setAddress(""),
          setAddress("127.0.0.1:{port:b}"),
          { listens: ["127.0.0.1:{port:b}"] },
        ]
      : []),
  ],
};
