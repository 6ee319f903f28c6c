/** A Remote that is led elsewhere: to another server, another pair, or the same directory by another path. */
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type Double, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { Stack } from "../support/stack";

interface Host {
  readonly server: Double;
  readonly view: ServerView;
}

describe("a Remote that is led elsewhere", () => {
  let stack: Stack;
  let folder: string;
  let hosts: Host[];
  const [first, second] = [makePair("first"), makePair("second")];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-elsewhere-"));
    stack = new Stack(folder);
    hosts = [];
  });
  afterEach(async () => {
    for (const { server } of hosts) await server.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<Host> {
    const server = await startDouble("lxd-6", { speed: 5, name: `host-${hosts.length}` });
    const host = { server, view: viewOf(server) };
    await host.view.listen();
    hosts.push(host);
    return host;
  }
  const tokenOf = ({ view }: Host, name = "ci"): Promise<string> =>
    view.issueToken(name, { restricted: false, projects: [] });
  const trustedBy = async ({ view }: Host): Promise<string[]> =>
    (await view.clients()).map(({ fingerprint }) => fingerprint);

  it("to a server that was set up anew, with another pair: the old server is not asked", async () => {
    const old = await start();
    const inputs = { name: "prod", timeouts: { connect: 2, request: 2 } };
    const made = await stack.create("Remote", { ...inputs, token: await tokenOf(old), ...asInputs(first) });
    await old.server.stop();
    hosts = [];
    const next = await start();
    const wanted = { ...inputs, token: await tokenOf(next), ...asInputs(second) };
    const moved = await stack.update(made, wanted);
    assert.deepEqual(await trustedBy(next), [second.fingerprint]);
    assert.equal(await stack.plan(moved, wanted), "same");
  });

  it("to another server with another pair: the client of the first one keeps its key there", async () => {
    const [one, other] = [await start(), await start()];
    const made = await stack.create("Remote", {
      name: "prod",
      token: await tokenOf(one),
      ...asInputs(first),
    });
    const wanted = { name: "prod", token: await tokenOf(other), ...asInputs(second) };
    const moved = await stack.update(made, wanted);
    assert.deepEqual(await trustedBy(one), [first.fingerprint]);
    assert.deepEqual(await trustedBy(other), [second.fingerprint]);
    const stays = `warning: Remote prod: the client ${first.fingerprint}, which it enrolled, stays trusted by host-0`;
    assert.ok(stack.messages.some((message) => message.startsWith(stays)));
    await stack.destroy(moved);
    assert.deepEqual(await trustedBy(other), []);
  });

  it("to another server that trusts the client already: it stays trusted there", async () => {
    const [one, other] = [await start(), await start()];
    const made = await stack.create("Remote", {
      name: "prod",
      token: await tokenOf(one),
      ...asInputs(first),
    });
    assert.equal(made.outputs["enrolled"], true);
    await other.view.trust("boss", first.certificate);
    const wanted = { name: "prod", token: await tokenOf(other), ...asInputs(first) };
    const moved = await stack.update(made, wanted);
    assert.equal(moved.outputs["enrolled"], false);
    await stack.destroy(moved);
    assert.deepEqual(await trustedBy(other), [first.fingerprint]);
  });

  it("to the same directory by another path: it stays in it", async () => {
    const host = await start();
    symlinkSync(folder, join(folder, "link"));
    const inputs = { name: "prod", token: await tokenOf(host), configDir: "lxc", setDefault: true };
    let remote = await stack.create("Remote", inputs);
    for (const configDir of ["./lxc/", join(folder, "lxc"), "link/lxc"]) {
      const wanted = { ...inputs, configDir };
      remote = (await stack.refresh(await stack.update(remote, wanted))) ?? assert.fail();
      assert.equal(remote.outputs["configState"], "present", configDir);
      assert.equal(await stack.plan(remote, wanted), "same");
    }
    await stack.destroy(remote);
    const config = parse(readFileSync(join(folder, "lxc", "config.yml"), "utf8")) as Record<string, object>;
    assert.equal(config["default-remote"], "local");
    assert.deepEqual(Object.keys(config["remotes"] ?? {}), ["local"]);
  });

  it("to no directory any more: the one of before is forgotten for good", async () => {
    const inputs = { name: "prod", token: await tokenOf(await start()) };
    const made = await stack.create("Remote", { ...inputs, configDir: "lxc" });
    const without = await stack.update(made, inputs);
    const config = parse(readFileSync(join(folder, "lxc", "config.yml"), "utf8")) as Record<string, object>;
    assert.deepEqual(Object.keys(config["remotes"] ?? {}), ["local"]);
    assert.deepEqual([without.outputs["entry"], without.outputs["formers"]], [undefined, undefined]);
    assert.equal(await stack.plan(without, inputs), "same");
  });

  it("to another directory, and it is not told whether the token was taken: the entry of before is not forgotten", async () => {
    const host = await start();
    const made = await stack.create("Remote", { name: "prod", token: await tokenOf(host), configDir: "one" });
    await host.view.removeClient(String(made.outputs["clientFingerprint"]));
    const wanted = { name: "prod", token: await tokenOf(host, "again"), configDir: "two" };
    let isSent = false;
    host.server.intercept(({ method, path }) => {
      if (method === "POST" && path === "/1.0/certificates") isSent = true;
      return isSent ? "reset after handling" : undefined;
    });
    const { recorded } = await stack.updateFails(made, wanted);
    host.server.intercept(undefined);
    await stack.update(recorded ?? assert.fail(), wanted);
    const config = parse(readFileSync(join(folder, "one", "config.yml"), "utf8")) as Record<string, object>;
    assert.deepEqual(Object.keys(config["remotes"] ?? {}), ["local"]);
  });

  it("to a pin in capital letters: it is the same one, also for an entry that is there already", async () => {
    const host = await start();
    const made = await stack.create("Remote", { name: "prod", token: await tokenOf(host), configDir: "lxc" });
    const file = join(folder, "lxc", "config.yml");
    const address = String(made.outputs["address"]);
    writeFileSync(file, readFileSync(file, "utf8").replace(address, "lxd.invalid:8443"));
    const serverFingerprint = String(made.outputs["serverFingerprint"]).toUpperCase();
    const inputs = { name: "prod", serverFingerprint, addresses: [`https://${address}/`], configDir: "lxc" };
    const adopted = await stack.create("Remote", inputs);
    assert.equal(adopted.outputs["configState"], "present");
    assert.deepEqual(adopted.outputs["addresses"], [address]);
  });

  it("to another pair that its directory has by now: it is refused, and taken where that is said", async () => {
    const host = await start();
    const inputs = { name: "prod", token: await tokenOf(host), configDir: "lxc" };
    const made = await stack.create("Remote", inputs);
    writeFileSync(join(folder, "lxc", "client.crt"), second.certificate);
    writeFileSync(join(folder, "lxc", "client.key"), second.privateKey);
    const refreshed = (await stack.refresh(made)) ?? assert.fail();
    assert.equal(await stack.plan(refreshed, inputs), "update");
    const { message, recorded } = await stack.updateFails(refreshed, inputs);
    assert.match(
      message,
      /another client's certificate.*To use it give it,.* as clientCertificate.*\[CLIENT_CONFIG\]/s,
    );
    assert.equal(recorded, undefined);
    assert.deepEqual(await trustedBy(host), [made.outputs["clientFingerprint"]]);
    const updated = await stack.update(refreshed, { ...inputs, ...asInputs(second) });
    assert.equal(updated.outputs["configState"], "present");
    assert.deepEqual(await trustedBy(host), [second.fingerprint]);
  });

  it("two Remotes of one token and pair at the same time both stand", async () => {
    const host = await start();
    const inputs = { token: await tokenOf(host), ...asInputs(first) };
    const results = await stack.createTogether([
      { name: "Remote", inputs: { ...inputs, name: "a" } },
      { name: "Remote", inputs: { ...inputs, name: "b" } },
    ]);
    assert.deepEqual(results, ["created", "created"]);
  });
});
