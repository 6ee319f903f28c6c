/** The ways in that stack config and the environment give together, and what SSH does where nothing is said. */
import * as assert from "node:assert/strict";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import {
  type Connection,
  connection,
  connectionVariables,
  onUnreachableVariable,
  timeoutVariables,
} from "../../provider/connection";
import { AccessError, type ErrorCode } from "../../provider/errors";
import type { Endpoint } from "../../provider/lxd/transport";
import { resolveConnection } from "../../provider/ways-in/resolve";
import { makePair } from "../support/openssl-pair";

const pair = makePair("admin");
const other = makePair("other");
const fingerprint = "b666fe92".repeat(8);
const hostKeyFingerprint = `SHA256:${"A".repeat(43)}`;

async function endpoint(
  given: Connection | undefined,
  environment: NodeJS.ProcessEnv = {},
  config: Record<string, string> = {},
): Promise<Endpoint> {
  return (await resolveConnection(given, { config, environment, programDirectory: "/program" })).endpoint;
}

async function refusal(code: ErrorCode, ...args: Parameters<typeof endpoint>): Promise<string> {
  const error: unknown = await endpoint(...args).then(
    () => assert.fail("it was to be refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AccessError, String(error));
  assert.equal(error.errorCode, code, error.message);
  assert.doesNotMatch(error.message, /PRIVATE KEY|secret/);
  return error.summary;
}

describe("the way in by default", () => {
  const byHttps = {
    LXD_ACCESS_ADDRESS: "lxd.example.org",
    LXD_ACCESS_CLIENT_CERTIFICATE: pair.certificate,
    LXD_ACCESS_CLIENT_KEY: pair.privateKey,
    LXD_ACCESS_SERVER_FINGERPRINT: fingerprint,
  };
  const bySsh = {
    LXD_ACCESS_SSH_HOST: "edge",
    LXD_ACCESS_SSH_PORT: "2222",
    LXD_ACCESS_SSH_USER: "me",
    LXD_ACCESS_SSH_PRIVATE_KEY_PATH: "./key",
    LXD_ACCESS_SSH_PRIVATE_KEY_PASSPHRASE: "secret",
    LXD_ACCESS_SSH_HOST_KEY_FINGERPRINT: hostKeyFingerprint,
    LXD_ACCESS_SSH_SOCKET_PATH: "/x",
  };
  const https = {
    ...{ kind: "https", host: "lxd.example.org", port: 8443, pin: { fingerprint } },
    ...{ clientCertificate: pair.certificate, clientKey: pair.privateKey },
  };
  const host = {
    ...{ host: "edge", port: 2222, user: "me", passphrase: "secret", agent: undefined },
    keys: [{ path: "/program/key", isOptional: false }],
    hostKey: { fingerprint: hostKeyFingerprint },
  };
  const ssh = { kind: "ssh", host, bastion: undefined, socketPaths: ["/x"] };

  it("comes from the environment alone", async () => {
    assert.deepEqual(await endpoint(undefined, { LXD_ACCESS_SOCKET_PATH: "/own", LXD_SOCKET: "/lxd" }), {
      kind: "unix",
      socketPath: "/own",
    });
    assert.deepEqual(await endpoint(undefined, byHttps), https);
    assert.deepEqual(await endpoint(undefined, bySsh), ssh);
    const { LXD_ACCESS_SERVER_FINGERPRINT: _, ...unpinned } = byHttps;
    const byCertificate = { ...unpinned, LXD_ACCESS_SERVER_CERTIFICATE: pair.certificate };
    assert.deepEqual(await endpoint(undefined, byCertificate), {
      ...https,
      pin: { certificate: pair.certificate },
    });
    const byAgent = { LXD_ACCESS_SSH_HOST: "edge", LXD_ACCESS_SSH_AGENT: "true", SSH_AUTH_SOCK: "/agent" };
    const found = await endpoint(undefined, { ...byAgent, LXD_ACCESS_SSH_KNOWN_HOSTS_PATH: "/known" });
    assert.ok(found.kind === "ssh");
    assert.deepEqual([found.host.agent, found.host.keys], ["/agent", []]);
    assert.deepEqual(found.host.hostKey, { knownHosts: "/known", isOptional: false });
  });

  it("comes from stack config, an object as JSON, as `pulumi config set --path` leaves it", async () => {
    const { keys, hostKey } = host;
    const config = {
      ssh: JSON.stringify({
        ...{
          host: "edge",
          port: "2222",
          user: 1000,
          privateKeyPath: "./key",
          hostKeyFingerprint,
          socketPath: "/x",
        },
        proxyJump: { host: "bastion", port: 2222, user: 1001, privateKeyPath: "./key", hostKeyFingerprint },
      }),
    };
    const common = { passphrase: undefined, agent: undefined, keys, hostKey };
    assert.deepEqual(await endpoint(undefined, {}, config), {
      ...ssh,
      host: { host: "edge", port: 2222, user: "1000", ...common },
      bastion: { host: "bastion", port: 2222, user: "1001", ...common },
    });
  });

  it("has a bastion from the environment too, and beside what stack config says of it", async () => {
    const ofBastion = {
      LXD_ACCESS_SSH_PROXY_JUMP_HOST: "bastion",
      LXD_ACCESS_SSH_PROXY_JUMP_PORT: "2223",
      LXD_ACCESS_SSH_PROXY_JUMP_USER: "jump",
      LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PATH: "/jump-key",
      LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PASSPHRASE: "secret",
      LXD_ACCESS_SSH_PROXY_JUMP_KNOWN_HOSTS_PATH: "/known",
    };
    const bastion = {
      ...{ host: "bastion", port: 2223, user: "jump", passphrase: "secret", agent: undefined },
      keys: [{ path: "/jump-key", isOptional: false }],
      hostKey: { knownHosts: "/known", isOptional: false },
    };
    assert.deepEqual(await endpoint(undefined, { ...bySsh, ...ofBastion }), { ...ssh, bastion });
    const { LXD_ACCESS_SSH_PROXY_JUMP_HOST: _, ...ofNone } = ofBastion;
    const direct = await endpoint(undefined, { ...bySsh, ...ofNone });
    assert.deepEqual(direct, { ...ssh, bastion: undefined }, "without a host the rest is of no bastion");
    const config = { ssh: '{"proxyJump":{"host":"other","agent":"/agent","hostKeyFingerprint":"HASH"}}' };
    const found = await endpoint(
      undefined,
      { ...bySsh, ...ofBastion },
      { ssh: config.ssh.replace("HASH", hostKeyFingerprint) },
    );
    assert.ok(found.kind === "ssh");
    assert.deepEqual(found.host, host);
    assert.deepEqual(found.bastion, {
      ...{ host: "other", port: 2223, user: "jump", passphrase: undefined, agent: "/agent", keys: [] },
      hostKey: { fingerprint: hostKeyFingerprint },
    });
    const byAgent = { ...bySsh, LXD_ACCESS_SSH_PROXY_JUMP_HOST: "bastion", SSH_AUTH_SOCK: "/agent" };
    const withAgent = await endpoint(undefined, { ...byAgent, LXD_ACCESS_SSH_PROXY_JUMP_AGENT: "true" });
    assert.ok(withAgent.kind === "ssh");
    assert.equal(withAgent.bastion?.agent, "/agent");
  });

  it("has the environment's key where stack config only says that no agent is to be used", async () => {
    const found = await endpoint(undefined, bySsh, { ssh: '{"host":"edge","agent":false}' });
    assert.deepEqual(found, ssh);
  });

  it("is that of stack config, with what it lacks from the environment", async () => {
    const config = { address: "lxd.example.org", serverFingerprint: fingerprint };
    const environment = {
      ...byHttps,
      ...bySsh,
      LXD_ACCESS_ADDRESS: "other",
      LXD_ACCESS_SERVER_FINGERPRINT: "wrong",
    };
    assert.deepEqual(await endpoint(undefined, environment, config), https);
    const { LXD_ACCESS_SSH_HOST: _, ...rest } = bySsh;
    assert.deepEqual(await endpoint(undefined, { ...byHttps, ...rest }, { ssh: '{"host":"edge"}' }), ssh);
    assert.deepEqual(await endpoint(undefined, bySsh, { socketPath: "/y" }), {
      kind: "unix",
      socketPath: "/y",
    });
  });

  it("has what stack config says of it, where only the environment names it", async () => {
    const { LXD_ACCESS_CLIENT_KEY: _, ...rest } = byHttps;
    assert.deepEqual(await endpoint(undefined, rest, { clientKey: pair.privateKey }), https);
    assert.deepEqual(await endpoint(undefined, byHttps, { serverCertificate: pair.certificate }), {
      ...https,
      pin: { certificate: pair.certificate },
    });
  });

  it("has one way to log in and one host key, which are the config's where it has some", async () => {
    const found = await endpoint(undefined, bySsh, {
      ssh: JSON.stringify({ host: "edge", agent: "/agent", knownHostsPath: "/known" }),
    });
    assert.ok(found.kind === "ssh");
    assert.deepEqual([found.host.agent, found.host.keys, found.host.passphrase], ["/agent", [], undefined]);
    assert.deepEqual(found.host.hostKey, { knownHosts: "/known", isOptional: false });
  });

  it("is not looked for where the resource has a connection", async () => {
    const wrong = { LXD_ACCESS_ADDRESS: "http://x" };
    assert.deepEqual(await endpoint({ socketPath: "/own" }, wrong, { ssh: "nonsense" }), {
      kind: "unix",
      socketPath: "/own",
    });
  });

  const begins = "The server connection of stack config and environment cannot be used: ";
  const ends = ". Set or remove it with `pulumi config`, or in the environment";
  const wrong: [
    title: string,
    environment: NodeJS.ProcessEnv,
    config: Record<string, string>,
    reasons: string,
  ][] = [
    [
      "two ways in",
      { ...byHttps, LXD_ACCESS_SOCKET_PATH: "/x" },
      {},
      "it names two ways in; keep socketPath or address",
    ],
    [
      "a remote, and a key of another way in",
      { LXD_ACCESS_REMOTE: "prod", LXD_ACCESS_SSH_PRIVATE_KEY: pair.privateKey },
      {},
      "it names two ways in; keep ssh or remote",
    ],
    [
      "a key without a server",
      { LXD_ACCESS_CLIENT_KEY: pair.privateKey },
      {},
      "it names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or ssh, or remote, or leave connection out",
    ],
    [
      "a user without a host",
      { LXD_ACCESS_SSH_USER: "me" },
      {},
      "lxd-access:ssh.host (or LXD_ACCESS_SSH_HOST): is required",
    ],
    ["a wrong port", { ...bySsh, LXD_ACCESS_SSH_PORT: "ssh" }, {}, "LXD_ACCESS_SSH_PORT: must be a number"],
    [
      "another client's key",
      { LXD_ACCESS_CLIENT_KEY: other.privateKey },
      { address: "x", clientCertificate: pair.certificate, serverFingerprint: fingerprint },
      "LXD_ACCESS_CLIENT_KEY: the key does not belong to the certificate",
    ],
  ];
  for (const [title, environment, config, reasons] of wrong) {
    it(`is refused with ${title}, by the name of the variable`, async () => {
      assert.equal(
        await refusal("CONFIG_INVALID", undefined, environment, config),
        `${begins}${reasons}${ends}`,
      );
    });
  }

  for (const [text, reason] of [
    ["edge", "lxd-access:ssh: must be an object"],
    ["[]", "lxd-access:ssh: must be an object"],
    ["{}", "lxd-access:ssh.host (or LXD_ACCESS_SSH_HOST): is required"],
    ['{"host":"edge","hots":1}', "lxd-access:ssh.hots: is not a property of connection.ssh"],
    [
      '{"host":"edge","proxyJump":{"host":"a b"}}',
      "lxd-access:ssh.proxyJump.host: must be a host name or an IP address, without user, port or brackets",
    ],
  ] as const) {
    it(`is refused with ssh ${text} in stack config`, async () => {
      const said = await refusal("CONFIG_INVALID", undefined, {}, { ssh: text });
      assert.ok(said.includes(`cannot be used: ${reason}. Set or remove it with \`pulumi config\``), said);
    });
  }

  const variables: Record<string, string> = {
    ...connectionVariables,
    ...timeoutVariables,
    onUnreachable: onUnreachableVariable,
  };

  it("has a variable for every property, whose name is the property's", () => {
    const { ssh: sshSchema, timeouts, ...others } = connection.shape;
    const { proxyJump, ...ofSsh } = sshSchema.unwrap().shape;
    const names = (prefix: string, shape: object): string[] =>
      Object.keys(shape).map((name) => `${prefix}${name}`);
    const paths = [
      ...names("", others),
      ...names("ssh.", ofSsh),
      ...names("ssh.proxyJump.", proxyJump.unwrap().shape),
      ...names("timeouts.", timeouts.unwrap().shape),
      "onUnreachable",
    ];
    assert.deepEqual(Object.keys(variables).sort(), paths.sort());
    const nameOf = (path: string): string =>
      `LXD_ACCESS_${path
        .replaceAll(".", "_")
        .replace(/[A-Z]/g, (letter) => `_${letter}`)
        .toUpperCase()}`;
    for (const [path, name] of Object.entries(variables)) assert.equal(name, nameOf(path));
  });

  it("is refused with a variable that is none, rather than looked for elsewhere", async () => {
    const mistyped = { LXD_ACCESS_SSH_HOSTNAME: "edge", LXD_ACCESS_TEST_X: "1", LXD_SOCKET: "/lxd" };
    const said = await refusal("CONFIG_INVALID", undefined, mistyped);
    const expected =
      "The environment has LXD_ACCESS_SSH_HOSTNAME, which is nothing that a server connection has. Correct or unset it. There are ";
    assert.ok(said.startsWith(expected), said);
    for (const name of Object.values(variables)) assert.ok(said.includes(name), name);
    const inConfig = { socketPath: "/configured" };
    assert.deepEqual(await endpoint(undefined, mistyped, inConfig), {
      ...{ kind: "unix", socketPath: "/configured" },
    });
    const { LXD_ACCESS_SSH_HOSTNAME: _, ...right } = mistyped;
    assert.deepEqual(await endpoint(undefined, right), { kind: "unix", socketPath: "/lxd" });
    const empty = { ...right, LXD_ACCESS_SSH_HOSTNAME: "" };
    assert.deepEqual(await endpoint(undefined, empty), { kind: "unix", socketPath: "/lxd" });
    assert.deepEqual(await endpoint({ socketPath: "/own" }, mistyped), { kind: "unix", socketPath: "/own" });
  });
});

describe("what SSH does where nothing is said", () => {
  it("is what ssh does: own name, port 22, the agent and then the usual keys, the user's known hosts", async () => {
    const home = (path: string): string => join(homedir(), path);
    const expected = { host: "edge", port: 22, user: userInfo().username, passphrase: undefined };
    const keys = ["id_ed25519", "id_ecdsa", "id_rsa"].map((name) => ({
      path: home(`.ssh/${name}`),
      isOptional: true,
    }));
    const hostKey = { knownHosts: home(".ssh/known_hosts"), isOptional: true };
    const sockets = [
      ...["/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"],
      ...["/run/incus/unix.socket", "/var/lib/incus/unix.socket"],
    ];
    const common = { kind: "ssh", bastion: undefined, socketPaths: sockets };
    assert.deepEqual(await endpoint({ ssh: { host: "edge" } }), {
      ...common,
      host: { ...expected, agent: undefined, keys, hostKey },
    });
    const agent = { SSH_AUTH_SOCK: "/agent" };
    assert.deepEqual(await endpoint({ ssh: { host: "edge" } }, agent), {
      ...common,
      host: { ...expected, agent: "/agent", keys, hostKey },
    });
    assert.deepEqual(await endpoint({ ssh: { host: "edge", agent: false } }, agent), {
      ...common,
      host: { ...expected, agent: undefined, keys, hostKey },
    });
  });
});
