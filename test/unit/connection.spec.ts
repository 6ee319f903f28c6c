import * as assert from "node:assert/strict";
import {
  type Connection,
  connectionVariables,
  defaultTimeouts,
  type ProviderConfig,
  timeoutsOf,
} from "../../provider/connection";
import { AccessError } from "../../provider/errors";
import type { Endpoint, Timeouts } from "../../provider/lxd/transport";
import { ClientPool } from "../../provider/lxd/pool";
import { createClientCertificate } from "../../provider/pki/certificate";
import { contextFor } from "../../provider/registry";
import { resolveConnection } from "../../provider/ways-in/resolve";
import { makePair } from "../support/openssl-pair";

const fingerprint = "b666fe92".repeat(8);
const socket = (socketPath: string): object => ({ kind: "unix", socketPath });
const usual = {
  snap: "/var/snap/lxd/common/lxd/unix.socket",
  lxd: "/var/lib/lxd/unix.socket",
  incus: "/run/incus/unix.socket",
  oldIncus: "/var/lib/incus/unix.socket",
};

type Args = [
  given: Connection | undefined,
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
  isUsable: (path: string) => boolean,
];

function resolve(
  ...[given, config, environment, isUsable]: Args
): Promise<{ endpoint: Endpoint; timeouts: Timeouts }> {
  return resolveConnection(given, { config, environment, isUsable, programDirectory: "/program" });
}

/** Why a connection is refused; fails where it is not. */
async function refusal(...args: Args): Promise<string> {
  const error: unknown = await resolve(...args).then(
    () => assert.fail("it was to be refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AccessError, String(error));
  assert.equal(error.errorCode, "CONFIG_INVALID");
  return error.summary;
}

describe("where a resource's server is", () => {
  const pair = makePair("admin");
  const https = {
    address: "lxd.example.org",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    serverFingerprint: fingerprint,
  };
  const config: ProviderConfig = { socketPath: "/config.socket" };
  const environment = {
    LXD_SOCKET: "/lxd.socket",
    LXD_DIR: "/lxd",
    INCUS_SOCKET: "/incus.socket",
    INCUS_DIR: "/incus",
  };
  const none = (): boolean => false;
  const all = (): boolean => true;

  describe("is looked for in this order", () => {
    const { LXD_DIR, INCUS_SOCKET, INCUS_DIR } = environment;
    const only =
      (...paths: string[]) =>
      (path: string): boolean =>
        paths.includes(path);
    const order: [what: string, args: Args, endpoint: object][] = [
      ["its connection", [{ socketPath: "/own.socket" }, config, environment, all], socket("/own.socket")],
      ["stack config", [undefined, config, environment, all], socket("/config.socket")],
      ["LXD_SOCKET", [undefined, {}, environment, all], socket("/lxd.socket")],
      ["LXD_DIR", [undefined, {}, { LXD_DIR, INCUS_SOCKET, INCUS_DIR }, all], socket("/lxd/unix.socket")],
      ["INCUS_SOCKET", [undefined, {}, { INCUS_SOCKET, INCUS_DIR }, all], socket("/incus.socket")],
      ["INCUS_DIR", [undefined, {}, { INCUS_DIR }, all], socket("/incus/unix.socket")],
      ["the socket of LXD's snap", [undefined, {}, {}, all], socket(usual.snap)],
      ["LXD's own socket", [undefined, {}, {}, only(usual.lxd, usual.incus)], socket(usual.lxd)],
      ["Incus's socket", [undefined, {}, {}, only(usual.incus, usual.oldIncus)], socket(usual.incus)],
      ["Incus's former socket", [undefined, {}, {}, only(usual.oldIncus)], socket(usual.oldIncus)],
    ];
    for (const [what, args, endpoint] of order) {
      it(what, async () => {
        assert.deepEqual((await resolve(...args)).endpoint, endpoint);
      });
    }

    it("where variables that are set but empty count as not set", async () => {
      const own = Object.fromEntries(Object.values(connectionVariables).map((name) => [name, ""]));
      const empty = { ...own, LXD_SOCKET: "", LXD_DIR: "", INCUS_SOCKET: "", INCUS_DIR: "" };
      assert.deepEqual((await resolve(undefined, {}, empty, all)).endpoint, socket(usual.snap));
    });

    it("and a stack config that says only what to do about silent servers or how long to wait names none", async () => {
      const config = { onUnreachable: "keep", timeouts: '{"connect":3}' };
      const { endpoint } = await resolve(undefined, config, environment, none);
      assert.deepEqual(endpoint, socket("/lxd.socket"));
    });
  });

  it("is said to be nowhere, with all the places that were looked at", async () => {
    assert.equal(
      await refusal(undefined, {}, {}, none),
      "There is no server to talk to: the resource has no connection, the stack no lxd-access config, the environment no " +
        "LXD_ACCESS_…, LXD_SOCKET, LXD_DIR, INCUS_SOCKET or INCUS_DIR, and none of " +
        `${Object.values(usual).join(", ")} can be used from here`,
    );
  });

  it("is an address with a client certificate and a pin, in a program or in stack config", async () => {
    const endpoint = {
      ...{ kind: "https", host: "lxd.example.org", port: 8443, pin: { fingerprint } },
      ...{ clientCertificate: pair.certificate, clientKey: pair.privateKey },
    };
    assert.deepEqual((await resolve(https, {}, {}, none)).endpoint, endpoint);
    assert.deepEqual((await resolve(undefined, https, {}, none)).endpoint, endpoint);
    const byCertificate = { ...https, serverFingerprint: undefined, serverCertificate: pair.certificate };
    const pinned = await resolve(byCertificate, {}, {}, none);
    assert.deepEqual(pinned.endpoint, { ...endpoint, pin: { certificate: pair.certificate } });
  });

  it("is waited for as long as said, else 10 s for the connection and 30 s for an answer", async () => {
    assert.deepEqual(defaultTimeouts, { connect: 10, request: 30 });
    assert.deepEqual(timeoutsOf(undefined), defaultTimeouts);
    assert.deepEqual(timeoutsOf({ connect: 1 }), { connect: 1, request: 30 });
    const given = { socketPath: "/x", timeouts: { request: 0.5 } };
    const waits = async (...args: Args): Promise<object> => (await resolve(...args)).timeouts;
    assert.deepEqual(await waits(given, {}, {}, none), { connect: 10, request: 0.5 });
    // As `pulumi config set --path lxd-access:timeouts.connect 3` and `... 0.25` leave them.
    const config = { timeouts: '{"connect":3,"request":"0.25"}' };
    assert.deepEqual(await waits(given, config, {}, none), { connect: 3, request: 0.5 });
    assert.deepEqual(await waits(undefined, config, {}, all), { connect: 3, request: 0.25 });
    const environment = { LXD_ACCESS_TIMEOUTS_CONNECT: "5", LXD_ACCESS_TIMEOUTS_REQUEST: "0.75" };
    assert.deepEqual(await waits(undefined, {}, environment, all), { connect: 5, request: 0.75 });
    const partly = { timeouts: '{"connect":3}' };
    assert.deepEqual(await waits(undefined, partly, environment, all), { connect: 3, request: 0.75 });
    assert.deepEqual(await waits(given, {}, environment, none), { connect: 5, request: 0.5 });
    assert.equal(
      await refusal(given, {}, { LXD_ACCESS_TIMEOUTS_CONNECT: "5 s" }, none),
      "LXD_ACCESS_TIMEOUTS_CONNECT: must be a number. Set or remove it with `pulumi config`, or in the environment",
    );
    for (const [timeouts, reason] of [
      ["5", "lxd-access:timeouts: must be an object"],
      ['{"connect":0}', "lxd-access:timeouts.connect: must be more than 0 seconds"],
      ['{"total":5}', "lxd-access:timeouts.total: is not a property of timeouts"],
    ] as const)
      assert.equal(
        await refusal(given, { timeouts }, {}, none),
        `${reason}. Set or remove it with \`pulumi config\``,
      );
  });

  it("is kept or not when it does not answer, as stack config says, else the environment", () => {
    const kept = (config: ProviderConfig, value?: string): string => {
      const surroundings = { config, environment: { LXD_ACCESS_ON_UNREACHABLE: value } };
      const rest = { programDirectory: "/program", now: () => new Date(), log: () => undefined };
      return contextFor({ ...surroundings, ...rest }, new ClientPool()).onUnreachable;
    };
    assert.equal(kept({}), "fail");
    assert.equal(kept({}, ""), "fail");
    assert.equal(kept({}, "keep"), "keep");
    assert.equal(kept({ onUnreachable: "fail" }, "keep"), "fail");
    assert.throws(
      () => kept({}, "x"),
      /^AccessError: LXD_ACCESS_ON_UNREACHABLE must be "fail" or "keep", not "x"/,
    );
    assert.throws(() => kept({ onUnreachable: "x" }, "keep"), /lxd-access:onUnreachable must be/);
  });

  describe("is refused from stack config", () => {
    const begins = "The stack's configuration of the server connection cannot be used: ";
    const ends = ". Set or remove it with `pulumi config`";
    const other = makePair("other");
    const wrong: [what: string, config: ProviderConfig, reasons: string][] = [
      ["a relative socket", { socketPath: "x" }, "lxd-access:socketPath: must be an absolute path"],
      ["two ways in", { ...https, socketPath: "/x" }, "it names two ways in; keep socketPath or address"],
      [
        "a key alone",
        { clientKey: pair.privateKey },
        "it names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or ssh, or remote, or leave connection out",
      ],
      [
        "an address alone",
        { address: "lxd.example.org" },
        "lxd-access:clientCertificate (or LXD_ACCESS_CLIENT_CERTIFICATE): is required with address; " +
          "lxd-access:clientKey (or LXD_ACCESS_CLIENT_KEY): is required with address; " +
          "lxd-access:serverFingerprint (or LXD_ACCESS_SERVER_FINGERPRINT): is required with address, or serverCertificate instead: a server is never trusted on first use",
      ],
      [
        "several wrong values",
        { address: "http://x", clientCertificate: "./client.crt", clientKey: "", serverFingerprint: "b666" },
        'lxd-access:address: must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"; ' +
          "lxd-access:clientCertificate: must be PEM (-----BEGIN CERTIFICATE-----), not a path or another encoding; " +
          "lxd-access:clientKey: must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding; " +
          "lxd-access:serverFingerprint: must be a SHA-256 fingerprint: 64 hex digits",
      ],
      [
        "another client's key",
        { ...https, clientKey: other.privateKey },
        "lxd-access:clientKey: the key does not belong to the certificate",
      ],
    ];
    for (const [what, given, reasons] of wrong) {
      it(what, async () => {
        assert.equal(await refusal(undefined, given, {}, none), `${begins}${reasons}${ends}`);
      });
    }
  });

  it("is not dialled with a certificate that has expired", async () => {
    const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    const expired = await createClientCertificate({ commonName: "x", validityDays: 1, now: twoDaysAgo });
    const { certificate: clientCertificate, privateKey: clientKey } = expired;
    assert.match(
      await refusal({ ...https, clientCertificate, clientKey }, {}, {}, none),
      /^Connecting to lxd\.example\.org:8443 with clientCertificate and clientKey of the connection: the certificate expired at .*\. Nothing was sent\. Give a pair that the server trusts$/,
    );
  });
});
