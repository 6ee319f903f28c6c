/** A Remote whose update was cut off after the server had changed: the next one finishes it, and nothing is left over. */
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type Double, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

describe("an update of a Remote that was cut off", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;
  let inputs: Record<string, unknown>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-unfinished-"));
    stack = new Stack(folder);
    server = await startDouble("incus-6.0", { speed: 5 });
    view = viewOf(server);
    await view.listen();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const place = { configDir: "one", configFlavor: "incus", setDefault: true };
    inputs = { name: "prod", token, ...asInputs(makePair("first")), ...place };
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const has = (...path: string[]): boolean => existsSync(join(folder, ...path));
  const config = (directory: string) =>
    parse(readFileSync(join(folder, directory, "config.yml"), "utf8")) as {
      "default-remote": string;
      remotes: Record<string, object | undefined>;
    };
  /** The server goes away when everything is changed on it and nothing yet in the directory. */
  async function cutOff(made: Recorded, wanted: Record<string, unknown>): Promise<Recorded> {
    server.intercept(({ path }) => (path.startsWith("/1.0/projects") ? "reset" : undefined));
    const { message, recorded } = await stack.updateFails(made, wanted);
    assert.match(message, /is trusted by .*, but: .*\[PARTIAL\]/s);
    server.intercept(undefined);
    return recorded ?? assert.fail("it is recorded");
  }
  async function finish(half: Recorded, wanted: Record<string, unknown>): Promise<Recorded> {
    assert.equal(await stack.plan(half, wanted), "update");
    const whole = await stack.update(half, wanted);
    const refreshed = (await stack.refresh(whole)) ?? assert.fail("it is there");
    assert.equal(await stack.plan(refreshed, wanted), "same");
    return refreshed;
  }

  it("with another pair: the files of the old one are replaced all the same, and go in the end", async () => {
    const made = await stack.create("Remote", inputs);
    const pair = makePair("second");
    const wanted = { ...inputs, ...asInputs(pair) };
    const half = await cutOff(made, wanted);
    const whole = await finish(half, wanted);
    assert.equal(readFileSync(join(folder, "one/clientcerts/prod.key"), "utf8"), pair.privateKey);
    await stack.destroy(whole);
    assert.ok(!has("one/clientcerts/prod.key") && !has("one/clientcerts/prod.crt"));
    assert.deepEqual(await view.clients(), []);
  });

  it("with another pair, and then destroyed: the files of the old one go", async () => {
    const made = await stack.create("Remote", inputs);
    await stack.destroy(await cutOff(made, { ...inputs, ...asInputs(makePair("second")) }));
    assert.ok(!has("one/clientcerts/prod.key") && !has("one/clientcerts/prod.crt"));
    assert.deepEqual(await view.clients(), []);
  });

  it("with another name: the old one is not forgotten, nor the default of before", async () => {
    const made = await stack.create("Remote", inputs);
    const wanted = { ...inputs, name: "production" };
    const whole = await finish(await cutOff(made, wanted), wanted);
    assert.deepEqual(Object.keys(config("one").remotes).sort(), ["images", "local", "production"]);
    assert.equal(config("one")["default-remote"], "production");
    assert.ok(!has("one/clientcerts/prod.key") && !has("one/servercerts/prod.crt"));
    await stack.destroy(whole);
    assert.equal(config("one")["default-remote"], "local");
  });

  it("with another directory: the old one is not forgotten", async () => {
    const made = await stack.create("Remote", inputs);
    const wanted = { ...inputs, configDir: "two" };
    const whole = await finish(await cutOff(made, wanted), wanted);
    assert.equal(config("one").remotes["prod"], undefined);
    assert.ok(config("two").remotes["prod"] !== undefined);
    assert.ok(!has("one/clientcerts/prod.key") && has("two/clientcerts/prod.key"));
    await stack.destroy(whole);
    assert.ok(!has("two/clientcerts/prod.key"));
  });
});

function asInputs({ certificate, privateKey }: ReturnType<typeof makePair>): Record<string, string> {
  return { clientCertificate: certificate, clientKey: privateKey };
}
