/** What is imported from a server, and what not: the same on doubles and on real daemons. */
import * as assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ImportStage, useImportStage } from "./importing";
import { makePair } from "./openssl-pair";
import { openHttps } from "./server-view";
import { profileFor, type ServerKind } from "./servers";

const one = makePair("one");
const two = makePair("two");

/** How a client joins a server with a token: writes a client directory with a remote of this name. */
export type Join = (stage: ImportStage, directory: string, name: string, token: string) => Promise<void>;

/** Declares the cases for a kind of server. */
export function describeImports(kind: ServerKind, join: Join): void {
  const stage = useImportStage(kind);
  describe("of an HttpsAddress", () => {
    itImportsListeners(stage);
  });
  describe("of a TrustToken", () => {
    itImportsClients(kind, stage);
    itImportsTokens(stage);
  });
  describe("of a Remote", () => {
    itImportsRemotes(kind, stage, join);
  });
}

function itImportsListeners(on: ImportStage): void {
  it("takes the listener as it is, and a destroy leaves it", async () => {
    const address = await on.view.listen();
    const found = await on.importer.take("HttpsAddress", "core.https_address");
    assert.deepEqual(found.args, { address });
    await on.importer.isAsCreated(found);
    await on.importer.destroyLeavesAll(found);
  });

  it("finds nothing where the server does not listen", async () => {
    await on.importer.findsNothing("HttpsAddress", "core.https_address");
  });

  it("sees what is changed by hand afterwards, and a destroy leaves that", async () => {
    await on.view.listen();
    const found = await on.importer.take("HttpsAddress", "core.https_address");
    await on.view.setAddress("127.0.0.1:0");
    const state = await on.importer.read(found);
    assert.throws(() => {
      on.importer.inSync({ ...found, state: state ?? {} });
    }, /finds nothing to do/);
    await on.importer.destroyLeavesAll({ ...found, state: state ?? {} });
  });

  it("refuses a member where there is no cluster", async () => {
    const message = await on.importer.refusal("HttpsAddress", "core.https_address@a");
    assert.match(message, /is not clustered; leave out "a" \[INPUT_INVALID\]/);
  });
}

function itImportsClients(kind: ServerKind, on: ImportStage): void {
  const trusted = { clientFingerprint: one.fingerprint, revokeClientOnDelete: false };

  it("takes a client with its projects, and a destroy leaves it trusted", async () => {
    await on.view.listen();
    await on.view.createProject("web");
    const token = await on.view.issueToken("ci", { restricted: true, projects: ["web", "default"] });
    await on.view.redeem(token, one);
    const found = await on.importer.take("TrustToken", "certificate/ci");
    assert.deepEqual(found.args, { clientName: "ci", projects: ["default", "web"], ...trusted });
    assert.equal(found.state["state"], "consumed");
    await on.importer.isAsCreated(found);
    await on.importer.destroyLeavesAll(found);
  });

  it("takes an administrator, and a destroy without the input leaves it, too", async () => {
    await on.view.trust("boss", one.certificate);
    const found = await on.importer.take("TrustToken", `certificate/boss/${one.fingerprint.toUpperCase()}`);
    assert.deepEqual(found.args, { clientName: "boss", restricted: false, ...trusted });
    const { revokeClientOnDelete: _dropped, ...given } = found.state["given"] as Record<string, unknown>;
    await on.importer.destroyLeavesAll({ ...found, state: { ...found.state, given } });
  });

  it("takes the very client of the connection, which is not locked out by that", async () => {
    const { connection } = await openHttps(on.server, one);
    on.importer.config = connection;
    const found = await on.importer.take("TrustToken", "certificate/admin");
    assert.equal(found.state["clientFingerprint"], one.fingerprint);
    await on.importer.destroyLeavesAll(found);
  });

  it("gives a TrustToken by which the client's rights are changed, and a destroy leaves them so", async () => {
    await on.view.trust("ci", one.certificate);
    const { name, id, args, state } = await on.importer.take("TrustToken", "certificate/ci");
    const { restricted: _dropped, ...others } = args;
    const inputs = { ...others, projects: ["default"] };
    const found = { name, id, inputs: args, outputs: state, stored: "" };
    assert.equal(await on.stack.plan(found, inputs), "update");
    const changed = await on.stack.update(found, inputs);
    await on.stack.destroy(changed);
    const [client] = await on.view.clients();
    assert.deepEqual([client?.name, client?.restricted, client?.projects], ["ci", true, ["default"]]);
  });

  it("finds nothing of another name, and nothing of another fingerprint", async () => {
    await on.view.trust("ci", one.certificate);
    for (const id of ["certificate/c", "certificate/CI", `certificate/ci/${two.fingerprint}`])
      await on.importer.findsNothing("TrustToken", id);
  });

  it("refuses a certificate that is no client's, with its type", async () => {
    await on.view.request("POST", "/1.0/certificates", {
      ...{ name: "prometheus", type: "metrics", certificate: one.der },
    });
    const message = await on.importer.refusal("TrustToken", "certificate/prometheus");
    assert.match(message, /of type metrics, which is no client's \[INPUT_INVALID\]/);
  });

  // Where there are identities, names are unique.
  if (["lxd-5.0", "incus-6.0"].includes(profileFor(kind)))
    it("takes one of several that have the name by its fingerprint", async () => {
      await on.view.listen();
      await on.view.trust("ci", one.certificate);
      await on.view.trust("ci", two.certificate);
      const token = await on.view.issueToken("ci", { restricted: false, projects: [] });
      const message = await on.importer.refusal("TrustToken", "certificate/ci");
      const [, operation = ""] = /certificate\/ci\/([0-9a-f-]{36}) is a token that waits/.exec(message) ?? [];
      for (const { fingerprint } of [one, two]) {
        assert.match(message, new RegExp(`certificate/ci/${fingerprint} is a trusted client`));
        const found = await on.importer.take("TrustToken", `certificate/ci/${fingerprint}`);
        assert.equal(found.state["clientFingerprint"], fingerprint);
      }
      const waiting = await on.importer.take("TrustToken", `certificate/ci/${operation}`);
      assert.deepEqual(secretIn(waiting.state["token"]), secretIn(token));
      assert.deepEqual(
        new Set(waiting.state["knownClients"] as string[]),
        new Set([one, two].map((pair) => pair.fingerprint)),
      );
    });
}

function itImportsTokens(on: ImportStage): void {
  it("takes a token that waits, with its text, by which a client joins", async () => {
    await on.view.listen();
    const token = await on.view.issueToken("ci", { restricted: true, projects: ["default"] });
    const found = await on.importer.take("TrustToken", "certificate/ci");
    assert.deepEqual(found.args, { clientName: "ci", projects: ["default"] });
    assert.equal(found.state["state"], "pending");
    assert.deepEqual(secretIn(found.state["token"]), secretIn(token));
    await on.view.redeem(String(found.state["token"]), one);
    const state = (await on.importer.read(found)) ?? {};
    assert.equal(state["clientFingerprint"], one.fingerprint);
    on.importer.inSync({ ...found, state });
    await on.importer.destroy({ ...found, state });
    assert.deepEqual(await on.view.clients(), []);
  });

  it("takes a token over, so that a destroy revokes it", async () => {
    await on.view.listen();
    await on.view.issueToken("ci", { restricted: false, projects: [] });
    await on.importer.destroy(await on.importer.take("TrustToken", "certificate/ci"));
    assert.deepEqual(await on.view.pendingTokens(), []);
  });

  it("of an identity takes its groups, and not its token, which is told only once", async function () {
    if (!on.hasIdentities) {
      const message = await on.importer.refusal("TrustToken", "identity/ci");
      assert.match(message, /which has no TLS identities .*\[LXD_EXTENSION_MISSING\]/s);
      return;
    }
    await on.view.listen();
    for (const name of ["g2", "g1"]) await on.view.createGroup(name);
    const token = await on.view.invite("ci/eu:1", ["g2", "g1"]);
    const message = await on.importer.refusal("TrustToken", "identity/ci/eu:1");
    assert.match(message, /waits for its client, and its token was told only once.*\[INPUT_INVALID\]/s);
    await on.view.redeem(token, one);
    const found = await on.importer.take("TrustToken", "identity/ci/eu:1");
    assert.deepEqual(found.args, {
      ...{ clientName: "ci/eu:1", groups: ["g1", "g2"] },
      ...{ clientFingerprint: one.fingerprint, revokeClientOnDelete: false },
    });
    await on.importer.isAsCreated(found);
    await on.importer.destroyLeavesAll(found);
    await on.importer.findsNothing("TrustToken", "certificate/ci");
    await on.importer.findsNothing("TrustToken", "identity/other");
  });
}

function itImportsRemotes(kind: ServerKind, on: ImportStage, joinBy: Join): void {
  /** A client directory whose client has joined as "prod". */
  const joined = async (): Promise<string> => {
    const directory = join(on.importer.folder, "client");
    await on.view.listen();
    await joinBy(on, directory, "prod", await on.view.issueToken("ci", { restricted: false, projects: [] }));
    return directory;
  };
  const addEntry = (directory: string, entry: string): void => {
    const file = join(directory, "config.yml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^remotes:$/m, `remotes:\n  ${entry}`));
  };

  it("takes a remote of the client directory that config names, and a destroy leaves entry and trust", async () => {
    on.importer.config = { configDir: "client" };
    await joined();
    const found = await on.importer.take("Remote", "prod");
    const { config, environment } = (await on.view.request("GET", "/1.0")) as Record<
      "config" | "environment",
      Record<string, string>
    >;
    const addresses = [config["core.https_address"]];
    const serverFingerprint = environment["certificate_fingerprint"];
    assert.deepEqual(found.args, { name: "prod", addresses, serverFingerprint, configDir: "client" });
    const [client] = await on.view.clients();
    assert.equal(found.state["clientFingerprint"], client?.fingerprint);
    assert.equal(found.state["enrolled"], false);
    await on.importer.destroyLeavesAll(found);
    await on.importer.isAsCreated(found);
  });

  it("takes it from the directory in the id, and from the one that its client uses", async () => {
    const directory = await joined();
    on.importer.config = { configDir: "elsewhere" };
    const named = await on.importer.take("Remote", `prod:${directory}`);
    assert.equal(named.args["configDir"], directory);
    await on.importer.findsNothing("Remote", "prod");
    on.importer.config = {};
    for (const variable of ["LXD_CONF", "INCUS_CONF"]) {
      on.importer.environment = { LXD_CONF: "nowhere", INCUS_CONF: "nowhere", [variable]: "client" };
      const found = await on.importer.take("Remote", "prod");
      assert.equal(found.args["configDir"], "client");
      await on.importer.findsNothing("Remote", "stage");
    }
  });

  it("gives a Remote that can be changed, and a destroy takes back what was changed", async () => {
    const directory = await joined();
    const defaultRemote = (): string | undefined =>
      /^default-remote: "?([^"\n]*)/m.exec(readFileSync(join(directory, "config.yml"), "utf8"))?.[1];
    const before = defaultRemote();
    const { name, id, args, state } = await on.importer.take("Remote", `prod:${directory}`);
    const inputs = { ...args, setDefault: true };
    const found = { name, id, inputs: args, outputs: state, stored: "" };
    assert.equal(await on.stack.plan(found, inputs), "update");
    const changed = await on.stack.update(found, inputs);
    assert.equal(defaultRemote(), "prod");
    const refreshed = (await on.stack.refresh(changed)) ?? assert.fail("it is there");
    assert.equal(await on.stack.plan(refreshed, inputs), "same");
    await on.stack.destroy(refreshed);
    assert.equal(defaultRemote(), before);
    await on.importer.take("Remote", `prod:${directory}`);
    assert.equal((await on.view.clients()).length, 1);
  });

  // A directory of `lxc` has one pair for good.
  if (profileFor(kind).startsWith("incus"))
    it("gives a Remote whose client can have another key, which a destroy leaves to the entry that was found", async () => {
      const id = `prod:${await joined()}`;
      const { name, args, state } = await on.importer.take("Remote", id);
      const before = { name, id, inputs: args, outputs: state, stored: "" };
      const key = { clientCertificate: two.certificate, clientKey: two.privateKey };
      const changed = await on.stack.update(before, { ...args, ...key });
      await on.stack.destroy(changed);
      const found = await on.importer.take("Remote", id);
      assert.equal(found.state["clientFingerprint"], two.fingerprint);
    });

  it("is the way in of an id that names it in front", async () => {
    await joined();
    on.importer.config = { configDir: "client" };
    const address = await on.view.address();
    const connection = { remote: "prod", configDir: "client" };
    const found = await on.importer.take("HttpsAddress", "prod:core.https_address");
    assert.deepEqual(found.args, { address, connection });
    assert.deepEqual(found.state["connection"], connection);
    const client = await on.importer.take("TrustToken", "prod:certificate/ci");
    assert.deepEqual(client.args["connection"], connection);
    on.importer.config = {};
    on.importer.environment = { LXD_CONF: "client", INCUS_CONF: "client" };
    const usual = await on.importer.take("HttpsAddress", "prod:core.https_address");
    assert.deepEqual(usual.args["connection"], { remote: "prod" });
    await on.view.issueToken("ci", { restricted: false, projects: [] });
    const message = await on.importer.refusal("TrustToken", "prod:certificate/ci");
    for (const what of ["trusted client", "token that waits"])
      assert.match(message, new RegExp(` prod:certificate/ci/[0-9a-f-]+ is a ${what}`));
  });

  it("refuses a client that the server trusts no more, and an entry without a pin or a pair", async () => {
    const directory = await joined();
    const id = `prod:${directory}`;
    const [client] = await on.view.clients();
    await on.view.removeClient(client?.fingerprint ?? "");
    assert.match(await on.importer.refusal("Remote", id), /does not trust the client .*\[LXD_NOT_TRUSTED\]/s);
    for (const file of ["client.key", "client.crt"]) rmSync(join(directory, file), { force: true });
    rmSync(join(directory, "clientcerts"), { force: true, recursive: true });
    assert.match(
      await on.importer.refusal("Remote", id),
      /it has no client certificate .*\[CLIENT_CONFIG\]/s,
    );
    rmSync(join(directory, "servercerts", "prod.crt"));
    assert.match(await on.importer.refusal("Remote", id), /has no pin that can be read .*\[CLIENT_CONFIG\]/s);
  });

  it("refuses what the client has built in, and a socket", async () => {
    const directory = await joined();
    addEntry(directory, "near: {addr: 'unix:///nowhere'}");
    assert.match(
      await on.importer.refusal("Remote", `local:${directory}`),
      /"local" is a remote that the client defines itself.*\[INPUT_INVALID\]/s,
    );
    const message = await on.importer.refusal("Remote", `near:${directory}`);
    assert.match(message, /is a socket of this machine, unix:\/\/\/nowhere, which nobody joins/);
  });

  it("takes image servers: by their authorities, by a pin, and of simplestreams", async () => {
    const directory = await joined();
    const address = await on.view.address();
    const { flavor } = on.server;
    const pin = readFileSync(join(directory, "servercerts", "prod.crt"), "utf8");
    addEntry(
      directory,
      `mirror: {addr: 'https://images.example.org/x', protocol: simplestreams, public: true}`,
    );
    addEntry(directory, `shop: {addr: 'https://127.0.0.1:1', public: true}`);
    addEntry(directory, `pinned: {addr: 'https://${address}', public: true}`);
    writeFileSync(join(directory, "servercerts", "pinned.crt"), pin);
    const common = { configDir: directory, public: true };
    const serverFingerprint = (await on.importer.take("Remote", `prod:${directory}`)).args[
      "serverFingerprint"
    ];
    for (const wanted of [
      { name: "mirror", addresses: ["https://images.example.org/x"], protocol: "simplestreams" },
      { name: "shop", addresses: ["127.0.0.1:1"], protocol: flavor },
      { name: "pinned", addresses: [address], protocol: flavor, serverFingerprint },
    ]) {
      const found = await on.importer.take("Remote", `${wanted.name}:${directory}`);
      assert.deepEqual(found.args, { ...wanted, ...common });
      await on.importer.destroyLeavesAll(found);
      await on.importer.isAsCreated(found);
    }
  });
}

/** What a token says, whatever the order. */
function secretIn(token: unknown): unknown {
  const { secret, fingerprint, client_name, addresses } = JSON.parse(
    Buffer.from(String(token), "base64").toString(),
  ) as Record<string, unknown>;
  return { secret, fingerprint, client_name, addresses };
}
