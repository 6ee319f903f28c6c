/** What a hostile look found: each was wrong once, and each is shown on the double. */
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { rawRequest } from "../support/raw-request";
import { Stack } from "../support/stack";

describe("a second look", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;
  let connection: Record<string, unknown>;

  const start = async (profile: ProfileName): Promise<void> => {
    server = await startDouble(profile, { speed: 5 });
    view = viewOf(server);
    connection = { socketPath: server.socketPath };
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-second-"));
    stack = new Stack(folder);
    await start("lxd-5.0");
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  const namesOf = async (): Promise<string[]> => (await view.clients()).map(({ name }) => name).sort();

  it("HttpsAddress: a reply lost while the server goes away is recorded, so that destroy still takes it back", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    let isSet = false;
    server.intercept(({ method }) => {
      if (method === "PATCH") isSet = true;
      return isSet ? "reset after handling" : undefined;
    });
    const { message, recorded } = await stack.createFails("HttpsAddress", { address, connection });
    assert.match(message, /could NOT be put back.*\[PARTIAL\]/s);
    assert.ok(recorded);
    server.intercept(undefined);
    const whole = await stack.update(recorded, recorded.inputs);
    assert.equal(await stack.plan(whole, whole.inputs), "same");
    await stack.destroy(whole);
    assert.equal(await view.address(), "");
  });

  it("HttpsAddress: what was left unfinished is still so after a refresh", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const made = await stack.create("HttpsAddress", { address, connection });
    const half = { ...made, outputs: { ...made.outputs, incomplete: "not verified" } };
    const refreshed = await stack.refresh(half);
    assert.ok(refreshed !== undefined);
    assert.equal(await stack.plan(refreshed, made.inputs), "update");
  });

  it("TrustToken: a server that listens, but names no address, needs some that are given", async () => {
    await view.listen();
    const body = (await rawRequest(server, "GET", "/1.0")).body as { metadata: { environment: object } };
    Object.assign(body.metadata.environment, { addresses: [] });
    server.intercept(({ method, path }) =>
      method === "GET" && path === "/1.0" ? { status: 200, body } : undefined,
    );
    const inputs = { clientName: "ci", projects: [], connection };
    const { message } = await stack.createFails("TrustToken", inputs);
    assert.match(message, /names no address.*Give addresses.*\[LXD_REJECTED\]/s);
    assert.deepEqual(await view.pendingTokens(), []);
    const { outputs } = await stack.create("TrustToken", { ...inputs, addresses: ["lxd.invalid"] });
    assert.deepEqual(outputs["addresses"], ["lxd.invalid:8443"]);
  });

  it("TrustToken: the client that the connection uses is never restricted", async () => {
    const { connection: admin } = await openHttps(server);
    const { fingerprint } = (await view.clients()).find(({ name }) => name === "admin") ?? assert.fail();
    const inputs = {
      clientName: "admin",
      projects: ["default"],
      clientFingerprint: fingerprint,
      connection: admin,
    };
    const { message } = await stack.createFails("TrustToken", inputs);
    assert.match(message, /is the one that this connection to .* uses.*\[LXD_LOCKOUT\]/s);
    assert.equal((await view.clients())[0]?.restricted, false);
  });

  it("TrustToken: a client named as expected only later was not let in by it, so destroy leaves that one", async () => {
    await view.listen();
    const inputs = { clientName: "ci", projects: ["default"], connection };
    const made = await stack.create("TrustToken", inputs);
    await view.redeem(String(made.outputs["token"]), makePair("ci"));
    const boss = makePair("boss");
    await view.trust("boss", boss.certificate);
    const changed = { ...inputs, clientFingerprint: boss.fingerprint };
    const updated = await stack.update(made, changed);
    assert.equal((await view.clients()).find(({ name }) => name === "boss")?.restricted, false);
    const refreshed = (await stack.refresh(updated)) ?? assert.fail();
    await stack.destroy(refreshed);
    assert.deepEqual(await namesOf(), ["boss"]);
  });

  it("TrustToken: the same while the token waits: destroy leaves a client that was trusted before", async () => {
    await view.listen();
    const inputs = { clientName: "ci", projects: ["default"], connection };
    const made = await stack.create("TrustToken", inputs);
    const boss = makePair("boss");
    await view.trust("boss", boss.certificate);
    const updated = await stack.update(made, { ...inputs, clientFingerprint: boss.fingerprint });
    await stack.destroy(updated);
    assert.deepEqual(await namesOf(), ["boss"]);
    assert.deepEqual(await view.pendingTokens(), []);
  });

  it("TrustToken: a client that is expected before it gets its new key is removed by destroy all the same", async () => {
    await view.listen();
    const [first, second] = [makePair("ci"), makePair("ci")];
    const inputs = { clientName: "ci", restricted: false, clientFingerprint: first.fingerprint, connection };
    const made = await stack.create("TrustToken", inputs);
    await view.redeem(String(made.outputs["token"]), first);
    // As an Onboarding does whose ClientCertificate is replaced: the token hears of it before the server does.
    const updated = await stack.update(made, { ...inputs, clientFingerprint: second.fingerprint });
    await view.rotateClient(first, second);
    const refreshed = (await stack.refresh(updated)) ?? assert.fail();
    assert.equal(refreshed.outputs["clientFingerprint"], second.fingerprint);
    await stack.destroy(refreshed);
    assert.deepEqual(await namesOf(), []);
  });

  it("TrustToken: addresses stand in the token as clients dial them, whatever way they are written", async () => {
    await view.listen();
    const addresses = ["nat.invalid", "https://lxd.invalid:443/", "fd00::1"];
    const dialled = ["nat.invalid:8443", "lxd.invalid:443", "[fd00::1]:8443"];
    const inputs = { clientName: "ci", projects: ["default"], connection };
    const inside = ({ outputs }: { outputs: Record<string, unknown> }): unknown =>
      (JSON.parse(Buffer.from(String(outputs["token"]), "base64").toString()) as { addresses: unknown })
        .addresses;
    const made = await stack.create("TrustToken", { ...inputs, addresses });
    assert.deepEqual(inside(made), dialled);
    assert.deepEqual(made.outputs["addresses"], dialled);
    assert.equal(await stack.plan(made, { ...inputs, addresses }), "same");
    const updated = await stack.update(made, { ...inputs, addresses: ["[::1]"] });
    assert.deepEqual(inside(updated), ["[::1]:8443"]);
  });

  it("TrustToken: a mistake in an update does not cost the token that waits", async () => {
    await view.listen();
    const inputs = { clientName: "ci", projects: ["default"], connection };
    const made = await stack.create("TrustToken", inputs);
    await assert.rejects(
      stack.update(made, { ...inputs, projects: ["typo"] }),
      /has no project "typo".*\[LXD_NOT_FOUND\]/s,
    );
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
  });

  it("TrustToken: with several clients of the name, rights that cannot be changed are not said to be", async () => {
    await view.listen();
    await view.createProject("p1");
    const inputs = { clientName: "ci", projects: ["default", "p1"], connection };
    const made = await stack.create("TrustToken", inputs);
    await view.redeem(String(made.outputs["token"]), makePair("ci"));
    await view.trust("ci", makePair("ci").certificate);
    await assert.rejects(
      stack.update(made, { ...inputs, projects: ["default"] }),
      /several new clients named "ci".*clientFingerprint.*\[LXD_ALREADY_EXISTS\]/s,
    );
    const destroyed = [...(await namesOf())];
    await stack.destroy(made);
    assert.deepEqual(await namesOf(), destroyed, "none is touched");
    assert.match(stack.messages.join("\n"), /none is taken for the one that redeemed/);
  });

  it("Remote: trust removed by hand is mended in place, and the default remote of before is not forgotten", async () => {
    await view.listen();
    const configDir = join(folder, "lxc");
    const inputs = async (): Promise<Record<string, unknown>> => ({
      name: "prod",
      token: await view.issueToken("ci", { restricted: false, projects: [] }),
      configDir,
      setDefault: true,
    });
    const made = await stack.create("Remote", await inputs());
    const file = join(configDir, "config.yml");
    const before = { ...made, outputs: { ...made.outputs, previousDefault: "orig" } };
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(
        "remotes:",
        "remotes:\n  orig:\n    addr: https://lxd.invalid:8443\n    public: true",
      ),
    );
    await view.removeClient(String(made.outputs["clientFingerprint"]));
    const refreshed = (await stack.refresh(before)) ?? assert.fail("it stays, to be mended");
    const wanted = await inputs();
    assert.equal(await stack.plan(refreshed, wanted), "update");
    const mended = await stack.update(refreshed, wanted);
    assert.equal(mended.outputs["clientFingerprint"], made.outputs["clientFingerprint"]);
    await stack.destroy(mended);
    assert.match(readFileSync(file, "utf8"), /default-remote: orig/);
    assert.deepEqual(await namesOf(), []);
  });

  it("Remote: a client key that is gone from the directory is seen, and written again", async () => {
    await view.listen();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const inputs = { name: "prod", token, configDir: "lxc" };
    const made = await stack.create("Remote", inputs);
    for (const file of ["client.key", "client.crt"]) rmSync(join(folder, "lxc", file));
    const refreshed = (await stack.refresh(made)) ?? assert.fail();
    assert.equal(await stack.plan(refreshed, inputs), "update");
    const mended = await stack.update(refreshed, inputs);
    assert.equal(mended.outputs["configState"], "present");
    assert.equal(readFileSync(join(folder, "lxc", "client.key"), "utf8"), made.outputs["clientKey"]);
  });

  it("Remote: an update where the client directory is not, on another machine say, keeps what is new of the rest", async () => {
    await view.listen();
    const issue = (name: string): Promise<string> =>
      view.issueToken(name, { restricted: false, projects: [] });
    const inputs = { name: "prod", token: await issue("ci"), configDir: "lxc" };
    const made = await stack.create("Remote", inputs);
    rmSync(join(folder, "lxc"), { recursive: true });
    const newer = { ...inputs, token: await issue("newer") };
    const updated = await stack.update(made, newer);
    assert.equal(updated.outputs["configState"], "present");
    assert.equal(existsSync(join(folder, "lxc")), false);
    assert.equal(await stack.plan(updated, newer), "same");
    assert.equal(await stack.plan(updated, inputs), "update");
    const refreshed = (await stack.refresh(updated)) ?? assert.fail();
    assert.equal(await stack.plan(refreshed, newer), "same");
    assert.match(stack.messages.join("\n"), /warning: The client directory .* is not on this machine/);
  });

  it("Remote: moved to a directory with a key of its own it uses that one from then on", async () => {
    await view.listen();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const inputs = { name: "prod", token, configDir: "one" };
    const made = await stack.create("Remote", inputs);
    const other = await stack.create("Remote", {
      ...inputs,
      name: "other",
      token: await view.issueToken("o", { restricted: false, projects: [] }),
      configDir: "two",
    });
    const moved = await stack.update(made, { ...inputs, configDir: "two" });
    assert.equal(moved.outputs["clientFingerprint"], other.outputs["clientFingerprint"]);
    assert.equal(existsSync(join(folder, "one", "servercerts", "prod.crt")), false);
    assert.ok(existsSync(join(folder, "two", "servercerts", "prod.crt")));
  });

  it("Remote: a client directory of lxc is not written for an Incus server unless that is said", async () => {
    await server.stop();
    await start("incus-6.0");
    await view.listen();
    mkdirSync(join(folder, "lxc"));
    const ofLxc = "default-remote: local\nremotes:\n  local:\n    addr: unix://\n    public: false\n";
    writeFileSync(join(folder, "lxc", "config.yml"), ofLxc);
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const { message } = await stack.createFails("Remote", { name: "prod", token, configDir: "lxc" });
    assert.match(message, /is Incus.*configFlavor: "incus".*The token was not spent.*\[INPUT_INVALID\]/s);
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
  });

  it("Remote: the server's own certificate is a pin also where it says that it is a CA's", async () => {
    await view.listen();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const { environment } = (await view.request("GET", "/1.0")) as { environment: { certificate: string } };
    const made = await stack.create("Remote", {
      name: "prod",
      token,
      serverCertificate: environment.certificate,
    });
    assert.equal(made.outputs["enrolled"], true);
  });
});
