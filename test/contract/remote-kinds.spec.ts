/** A Remote that becomes an image server, when its directory fails after its client has left the server. */
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type Double, startDouble } from "../support/double/double";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

describe("a Remote that becomes an image server and is cut off after its client left", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;
  let shop: Record<string, unknown>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-kinds-"));
    stack = new Stack(folder);
    server = await startDouble("incus-6.0", { speed: 5 });
    view = viewOf(server);
    await view.listen();
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const pinFile = (): string => join(folder, "incus", "servercerts", "prod.crt");
  const remotes = (): Record<string, { public?: boolean }> => {
    const config = parse(readFileSync(join(folder, "incus", "config.yml"), "utf8")) as {
      remotes: Record<string, { public?: boolean }>;
    };
    return config.remotes;
  };
  async function cutOff(): Promise<Recorded> {
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const made = await stack.create("Remote", { name: "prod", token, configDir: "incus" });
    const { address, serverFingerprint } = made.outputs;
    shop = { name: "prod", public: true, addresses: [address], serverFingerprint, configDir: "incus" };
    server.intercept(({ method }) => {
      if (method === "DELETE") {
        rmSync(pinFile());
        mkdirSync(pinFile());
      }
      return undefined;
    });
    const { message, recorded } = await stack.updateFails(made, shop);
    server.intercept(undefined);
    assert.match(
      message,
      /Remote prod of an image server: Writing the remote .* is not a file.*recorded.*\[PARTIAL\]/s,
    );
    assert.deepEqual(await view.clients(), []);
    rmSync(pinFile(), { recursive: true });
    return recorded ?? assert.fail("it is recorded");
  }

  it("is finished by the next update", async () => {
    const half = await cutOff();
    assert.equal(await stack.plan(half, shop), "update");
    const whole = await stack.update(half, shop);
    assert.equal(remotes()["prod"]?.public, true);
    assert.equal(await stack.plan((await stack.refresh(whole)) ?? assert.fail(), shop), "same");
    await stack.destroy(whole);
    assert.equal(remotes()["prod"], undefined);
  });

  it("is joined again by the next update, where that is what is wanted by then", async () => {
    const half = await cutOff();
    const token = await view.issueToken("ci", { restricted: false, projects: [] });
    const joined = await stack.update(half, { name: "prod", token, configDir: "incus" });
    assert.equal((await view.clients()).length, 1);
    assert.equal(remotes()["prod"]?.public, false);
    await stack.destroy(joined);
    assert.deepEqual(await view.clients(), []);
  });

  it("leaves nothing when it is destroyed", async () => {
    await stack.destroy(await cutOff());
    assert.deepEqual(Object.keys(remotes()).sort(), ["images", "local"]);
  });
});
