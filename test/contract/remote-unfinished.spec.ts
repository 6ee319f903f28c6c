/** A Remote that was cut off after the server had changed: the next update finishes it, and nothing is left over. */
import { strict as assert } from "node:assert";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Double, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
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

  /** Moves the Remote to the directory "two", in which "mine" is the default, while that of before cannot be edited. */
  async function leaveBehind(): Promise<{ half: Recorded; wanted: Record<string, unknown> }> {
    const made = await stack.create("Remote", inputs);
    const mine = { addr: "https://127.0.0.1:9", public: true, protocol: "simplestreams" };
    mkdirSync(join(folder, "two"));
    writeFileSync(
      join(folder, "two", "config.yml"),
      stringify({ "default-remote": "mine", remotes: { mine } }),
    );
    const file = join(folder, "one", "config.yml");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, "remotes: [1]\n");
    const wanted = { ...inputs, configDir: "two" };
    const { message, recorded } = await stack.updateFails(made, wanted);
    assert.match(message, /one\/config\.yml has something else than a mapping.*\[PARTIAL\]/s);
    writeFileSync(file, text);
    assert.equal(config("two")["default-remote"], "prod");
    return { half: recorded ?? assert.fail("it is recorded"), wanted };
  }
  function isGoneFromBoth(): void {
    assert.equal(config("one").remotes["prod"], undefined);
    assert.equal(config("two").remotes["prod"], undefined);
    assert.deepEqual(
      [config("one"), config("two")].map((one) => one["default-remote"]),
      ["local", "mine"],
    );
    for (const directory of ["one", "two"]) assert.ok(!has(`${directory}/clientcerts/prod.key`), directory);
  }

  it("with another directory, while that of before cannot be edited: both are as they were in the end", async () => {
    const { half, wanted } = await leaveBehind();
    await stack.destroy(await finish(half, wanted));
    isGoneFromBoth();
  });

  it("with another directory, while that of before cannot be edited, and then destroyed", async () => {
    const { half } = await leaveBehind();
    await stack.destroy(half);
    isGoneFromBoth();
  });

  it("with another directory, while that of before cannot be edited, and then moved back", async () => {
    const { half } = await leaveBehind();
    const whole = await finish(half, inputs);
    assert.ok(config("one").remotes["prod"] !== undefined);
    assert.equal(config("two").remotes["prod"], undefined);
    assert.equal(config("two")["default-remote"], "mine");
    await stack.destroy(whole);
    isGoneFromBoth();
  });
});

describe("a Remote whose creation was cut off after it had joined", () => {
  for (const [title, pair] of [
    ["a pair that is given", asInputs(makePair("given"))],
    ["a pair that it makes", {}],
  ] as const) {
    it(`with ${title} in a directory of incus: no key is left when it is destroyed`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "lxa-unfinished-"));
      const stack = new Stack(folder);
      const server = await startDouble("incus-6.0", { speed: 5 });
      try {
        const view = viewOf(server);
        await view.listen();
        const token = await view.issueToken("ci", { restricted: false, projects: [] });
        const pinFile = join(folder, "incus", "servercerts", "prod.crt");
        server.intercept(({ path }) => {
          if (path.startsWith("/1.0/projects")) mkdirSync(pinFile, { recursive: true });
          return undefined;
        });
        const place = { configDir: "incus", configFlavor: "incus" };
        const inputs = { name: "prod", token, ...pair, ...place };
        const { recorded } = await stack.createFails("Remote", inputs);
        assert.ok(existsSync(join(folder, "incus/clientcerts/prod.key")));
        rmSync(pinFile, { recursive: true });
        await stack.destroy(recorded ?? assert.fail("it is recorded"));
        assert.deepEqual(readdirSync(join(folder, "incus/clientcerts")), []);
        assert.deepEqual(await view.clients(), []);
      } finally {
        await server.stop();
        rmSync(folder, { recursive: true });
      }
    });
  }
});
