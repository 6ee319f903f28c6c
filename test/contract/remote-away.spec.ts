/** A Remote whose client directory is on another machine than the one that runs Pulumi now. */
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type Double, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

describe("a Remote whose client directory is on another machine", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;
  let inputs: Record<string, unknown>;
  let made: Recorded;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-away-"));
    stack = new Stack(folder);
    server = await startDouble("incus-6.0", { speed: 5 });
    view = viewOf(server);
    await view.listen();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    inputs = { name: "prod", token, configDir: "home/incus", configFlavor: "incus" };
    made = await stack.create("Remote", inputs);
    leave();
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  /** To a machine on which nothing of that name can be made. */
  function leave(): void {
    renameSync(join(folder, "home"), join(folder, "away"));
    symlinkSync("/proc", join(folder, "home"));
  }
  function goHome(): void {
    rmSync(join(folder, "home"));
    renameSync(join(folder, "away"), join(folder, "home"));
  }
  const config = () =>
    parse(readFileSync(join(folder, "home/incus/config.yml"), "utf8")) as {
      "default-remote": string;
      remotes: Record<string, Record<string, unknown> | undefined>;
    };
  const refreshed = async (resource: Recorded): Promise<Recorded> =>
    (await stack.refresh(resource)) ?? assert.fail("it is there");
  const warned = (text: string): boolean =>
    stack.messages.some((message) => message.startsWith("warning: ") && message.includes(text));

  /** Updates it where the directory is not, and then at home, where it has to be seen and done. */
  async function updateAwayAndAtHome(wanted: Record<string, unknown>): Promise<Recorded> {
    const away = await stack.update(made, wanted);
    assert.ok(warned("was not written there"));
    assert.equal(await stack.plan(away, wanted), "same");
    assert.equal(await stack.plan(await refreshed(away), wanted), "same", "there is nothing more to do here");
    goHome();
    const seen = await refreshed(away);
    assert.equal(await stack.plan(seen, wanted), "update");
    const whole = await stack.update(seen, wanted);
    assert.equal(await stack.plan(await refreshed(whole), wanted), "same");
    return whole;
  }

  it("is updated without looking whether anything could be written here", async () => {
    const wanted = { ...inputs, revokeOnDelete: true };
    const away = await stack.update(made, wanted);
    assert.equal(await stack.plan(away, wanted), "same");
    goHome();
    assert.equal(await stack.plan(await refreshed(away), wanted), "same", "nothing was missed");
  });

  it("is renamed at home, where its entry is", async () => {
    const wanted = { ...inputs, name: "production" };
    const whole = await updateAwayAndAtHome(wanted);
    assert.equal(config().remotes["prod"], undefined);
    assert.ok(config().remotes["production"]);
    assert.equal(whole.outputs["name"], "production");
    assert.ok(!existsSync(join(folder, "home/incus/clientcerts/prod.key")));
  });

  it("becomes the default at home", async () => {
    const whole = await updateAwayAndAtHome({ ...inputs, setDefault: true });
    assert.equal(config()["default-remote"], "prod");
    await stack.destroy(whole);
    assert.equal(config()["default-remote"], "local");
  });

  it("gives the default back at home", async () => {
    goHome();
    made = await stack.update(made, { ...inputs, setDefault: true });
    leave();
    await updateAwayAndAtHome(inputs);
    assert.equal(config()["default-remote"], "local");
  });

  it("gets another project at home", async () => {
    await updateAwayAndAtHome({ ...inputs, project: "web" });
    assert.equal(config().remotes["prod"]?.["project"], "web");
  });

  it("becomes an image server at home", async () => {
    const { address, serverFingerprint } = made.outputs;
    const shop = { name: "prod", public: true, addresses: [address], serverFingerprint };
    await updateAwayAndAtHome({ ...shop, configDir: "home/incus", configFlavor: "incus" });
    assert.equal(config().remotes["prod"]?.["public"], true);
    assert.deepEqual(await view.clients(), []);
    assert.ok(!existsSync(join(folder, "home/incus/clientcerts/prod.key")));
  });

  it("becomes the default at home, though the server went away in between", async () => {
    const wanted = { ...inputs, setDefault: true };
    server.intercept(({ path }) => (path.startsWith("/1.0/projects") ? "reset" : undefined));
    const { recorded } = await stack.updateFails(made, wanted);
    server.intercept(undefined);
    made = recorded ?? assert.fail("it is recorded");
    await updateAwayAndAtHome(wanted);
    assert.equal(config()["default-remote"], "prod");
  });

  it("does not join here without a pair, which is in the directory", async () => {
    goHome();
    const { address, serverFingerprint } = made.outputs;
    const shop = { name: "shop", public: true, addresses: [address], serverFingerprint };
    const images = await stack.create("Remote", { ...shop, configDir: "home/incus" });
    leave();
    const token = await view.issueToken("shop", { restricted: false, projects: [] });
    const { message } = await stack.updateFails(images, { name: "shop", token, configDir: "home/incus" });
    assert.match(
      message,
      /home\/incus is not on this machine, and so is the client certificate to join with\. Nothing was sent.*\[CLIENT_CONFIG\]/s,
    );
    assert.deepEqual(await view.pendingTokens(), ["shop"]);
  });

  it("of lxc: does not change the pair here, which is the directory's for good", async () => {
    goHome();
    const [first, second] = [makePair("first"), makePair("second")];
    const token = await view.issueToken("lxc", { restricted: false, projects: [] });
    const place = { configDir: "home/lxc", configFlavor: "lxd" };
    const given = { name: "prod", token, ...place, ...asInputs(first) };
    const ofLxc = await stack.create("Remote", given);
    leave();
    const { message } = await stack.updateFails(ofLxc, { ...given, ...asInputs(second) });
    assert.match(
      message,
      /home\/lxc is not on this machine, and has one client certificate for good.*\[CLIENT_CONFIG\]/s,
    );
    const fingerprints = (await view.clients()).map(({ fingerprint }) => fingerprint);
    assert.ok(fingerprints.includes(first.fingerprint) && !fingerprints.includes(second.fingerprint));
  });

  it("is destroyed as far as that goes here, and it is said what stays there", async () => {
    await stack.destroy(made);
    assert.deepEqual(await view.clients(), []);
    assert.ok(warned("Remote prod stays in it, with its key in clientcerts/prod.key"));
  });
});
