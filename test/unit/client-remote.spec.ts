/** The way in by a remote that `lxc` or `incus` has. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../provider/connection";
import { AccessError } from "../../provider/errors";
import type { Endpoint } from "../../provider/lxd/transport";
import { resolveConnection } from "../../provider/ways-in/resolve";
import { makePair } from "../support/openssl-pair";

const pair = makePair("admin");
const other = makePair("other");

async function endpoint(given: Connection, environment: NodeJS.ProcessEnv = {}): Promise<Endpoint> {
  return (await resolveConnection(given, { config: {}, environment, programDirectory: "/program" })).endpoint;
}

async function refusal(given: Connection): Promise<string> {
  const error: unknown = await endpoint(given).then(
    () => assert.fail("it was to be refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AccessError, String(error));
  assert.equal(error.errorCode, "CLIENT_CONFIG", error.message);
  assert.doesNotMatch(error.message, /PRIVATE KEY/);
  return error.summary;
}

describe("the way in by a client's remote", () => {
  let home: string;
  let oldHome: string | undefined;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "lxa-remote-"));
    oldHome = process.env["HOME"];
    process.env["HOME"] = home;
  });
  afterEach(() => {
    process.env["HOME"] = oldHome;
    rmSync(home, { recursive: true });
  });

  /** Makes a client directory; answers its path. */
  function directory(path: string, remotes: Record<string, object>, files: Record<string, string>): string {
    const whole = join(home, path);
    for (const folder of ["servercerts", "clientcerts"]) mkdirSync(join(whole, folder), { recursive: true });
    writeFileSync(
      join(whole, "config.yml"),
      JSON.stringify({ "default-remote": "local", remotes, aliases: {} }),
    );
    for (const [name, content] of Object.entries(files)) writeFileSync(join(whole, name), content);
    return whole;
  }
  const prod = { addr: "https://10.0.0.11:8443", protocol: "lxd", public: false };
  const files = {
    "servercerts/prod.crt": other.certificate,
    "client.crt": pair.certificate,
    "client.key": pair.privateKey,
  };
  const https = {
    ...{ kind: "https", host: "10.0.0.11", port: 8443, pin: { certificate: other.certificate } },
    ...{ clientCertificate: pair.certificate, clientKey: pair.privateKey },
  };

  it("is that of configDir, below ~ or relative to the program's folder", async () => {
    directory("clients", { prod }, files);
    assert.deepEqual(await endpoint({ remote: "prod", configDir: "~/clients" }), https);
    const surroundings = { config: {}, environment: {}, programDirectory: home };
    const found = await resolveConnection({ remote: "prod", configDir: "./clients" }, surroundings);
    assert.deepEqual(found.endpoint, https);
  });

  it("is read once while its files stay as they are, and anew where any of them has changed", async () => {
    const there = directory("clients", { prod }, files);
    const given = { remote: "prod", configDir: there };
    const first = await endpoint(given);
    assert.equal(await endpoint(given), first);
    const own = makePair("own");
    const write = (name: string, content: string): void => {
      writeFileSync(join(there, name), content);
    };
    write("config.yml", JSON.stringify({ remotes: { prod: { ...prod, addr: "https://10.0.0.12:8443" } } }));
    assert.deepEqual(await endpoint(given), { ...https, host: "10.0.0.12" });
    write("servercerts/prod.crt", own.certificate);
    const pin = { certificate: own.certificate };
    assert.deepEqual(await endpoint(given), { ...https, host: "10.0.0.12", pin });
    write("clientcerts/prod.crt", own.certificate);
    write("clientcerts/prod.key", own.privateKey);
    const identity = { clientCertificate: own.certificate, clientKey: own.privateKey };
    assert.deepEqual(await endpoint(given), { ...https, host: "10.0.0.12", pin, ...identity });
    for (const file of ["client.key", "clientcerts/prod.key", "clientcerts/prod.crt"])
      rmSync(join(there, file));
    assert.match(await refusal(given), /has no client certificate/);
  });

  it("is looked for where lxc has it, then where incus has it", async () => {
    directory(".config/incus", { prod: { ...prod, addr: "https://10.0.0.12:8443" } }, files);
    assert.deepEqual(await endpoint({ remote: "prod" }), { ...https, host: "10.0.0.12" });
    directory(".config/lxc", { prod }, files);
    assert.deepEqual(await endpoint({ remote: "prod" }), https);
    directory("snap/lxd/common/config", { prod: { ...prod, addr: "https://10.0.0.13:8443" } }, files);
    assert.deepEqual(await endpoint({ remote: "prod" }), { ...https, host: "10.0.0.13" });
    const environment = {
      LXD_CONF: directory("named", { prod: { ...prod, addr: "https://10.0.0.14" } }, files),
    };
    assert.deepEqual(await endpoint({ remote: "prod" }, environment), { ...https, host: "10.0.0.14" });
    const incus = {
      INCUS_CONF: directory(
        "named-incus",
        { only: prod },
        { ...files, "servercerts/only.crt": other.certificate },
      ),
    };
    assert.deepEqual(await endpoint({ remote: "only" }, incus), https);
  });

  it("has the remote's own pair, where there is one, and the first of several addresses", async () => {
    const own = { "clientcerts/prod.crt": other.certificate, "clientcerts/prod.key": other.privateKey };
    const several = { ...prod, protocol: "incus", addr: "https://10.0.0.11:8443,https://[fd00::1]:8443" };
    const configDir = directory("clients", { prod: several }, { ...files, ...own });
    assert.deepEqual(await endpoint({ remote: "prod", configDir }), {
      ...https,
      ...{ clientCertificate: other.certificate, clientKey: other.privateKey },
    });
  });

  it("is the server of this machine for a unix address, and for local, written down or not", async () => {
    const unix = (socketPath: string): object => ({ kind: "unix", socketPath });
    const environment = { LXD_SOCKET: "/lxd", INCUS_SOCKET: "/incus" };
    assert.deepEqual(await endpoint({ remote: "local" }, environment), unix("/lxd"));
    const mine = { mine: { addr: "unix:///own/unix.socket" }, local: { addr: "unix://", protocol: "incus" } };
    const configDir = directory("clients", mine, {});
    assert.deepEqual(await endpoint({ remote: "mine", configDir }, environment), unix("/own/unix.socket"));
    assert.deepEqual(await endpoint({ remote: "local", configDir }, environment), unix("/incus"));
  });

  it("is the server of this machine whose client has the directory, where local is not written down", async () => {
    const environment = { LXD_SOCKET: "/lxd", INCUS_SOCKET: "/incus" };
    // Only the client of Incus has a folder for pairs of single remotes.
    const configDir = directory("clients", {}, {});
    assert.deepEqual(await endpoint({ remote: "local", configDir }, environment), {
      kind: "unix",
      socketPath: "/incus",
    });
  });

  it("is refused with a directory that is named and not there, for local too", async () => {
    const configDir = join(home, "missing");
    for (const remote of ["local", "prod"])
      assert.equal(
        await refusal({ remote, configDir }),
        `There is no client directory ${configDir} to look for the remote "${remote}" in. Correct configDir, or join the server with its client first`,
      );
  });

  it("is refused for a remote whose pin is damaged", async () => {
    const configDir = directory("clients", { prod }, { ...files, "servercerts/prod.crt": "garbage" });
    assert.equal(
      await refusal({ remote: "prod", configDir }),
      `The remote "prod" of ${configDir} cannot be used: its pin (servercerts/prod.crt) is damaged or no certificate. ` +
        "Nothing was sent. Remove the remote with its client and join the server again",
    );
  });

  const refused: [title: string, remote: object, without: string | undefined, reason: RegExp][] = [
    [
      "an image server",
      { ...prod, public: true },
      undefined,
      /is an image server, which cannot be administered/,
    ],
    ["simplestreams", { ...prod, protocol: "simplestreams" }, undefined, /is an image server/],
    ["no pin", prod, "servercerts/prod.crt", /has no pin \(servercerts\/prod\.crt\).*Give address/],
    ["no address", { ...prod, addr: "https://" }, undefined, /has no address that can be dialled/],
  ];
  for (const [title, remote, missing, reason] of refused) {
    it(`is refused for a remote with ${title}`, async () => {
      const left = Object.fromEntries(Object.entries(files).filter(([name]) => name !== missing));
      const configDir = directory("clients", { prod: remote }, left);
      assert.match(await refusal({ remote: "prod", configDir }), reason);
    });
  }

  it("is refused without a client certificate, or with one that is another key's", async () => {
    const configDir = directory("clients", { prod }, { "servercerts/prod.crt": other.certificate });
    assert.match(await refusal({ remote: "prod", configDir }), /has no client certificate/);
    directory("clients", { prod }, { ...files, "client.key": other.privateKey });
    const message = await refusal({ remote: "prod", configDir });
    assert.match(message, /client\.key does not belong to .*client\.crt/);
  }).timeout(10_000);

  it("is refused for a remote that is not there, with those that are", async () => {
    const configDir = directory("clients", { prod, stage: prod, images: { ...prod, public: true } }, files);
    const message = await refusal({ remote: "pord", configDir });
    assert.equal(
      message,
      `There is no remote "pord": ${configDir} has prod, stage. Name one of these, give another configDir, or add it with its client`,
    );
    assert.match(await refusal({ remote: "pord" }), /\.config\/lxc has none; .*\.config\/incus has none/);
  });
});
