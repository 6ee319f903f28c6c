/** Whose a client is that a real server trusts already: a Remote's that was cut off, or somebody else's. */
import * as assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tryClient } from "../support/client-command";
import { asInputs, makePair } from "../support/openssl-pair";
import { describeOnBoth } from "../support/remote-ground";
import type { Recorded } from "../support/stack";

describeOnBoth("a Remote after a run that was cut off", (on) => {
  const { client, isTrusted, flavor } = on;
  const pair = makePair("edge");

  beforeEach(async () => {
    for (const { fingerprint } of await on.stage.view.clients())
      await on.stage.view.removeClient(fingerprint);
  });

  const inputs = async (): Promise<Record<string, unknown>> => ({
    ...{ name: "prod", token: await on.stage.token("edge"), ...on.place },
  });
  const names = async (): Promise<string[]> => (await on.stage.view.clients()).map(({ name }) => name).sort();
  const config = (): string => readFileSync(join(on.place.configDir, "config.yml"), "utf8");
  /** It leaves the client that it found. */
  const isSpared = async (made: Recorded): Promise<void> => {
    assert.equal(made.outputs["enrolled"], false);
    const before = await names();
    await on.stage.stack.destroy(made);
    assert.deepEqual(await names(), before);
  };

  it("of which the state is lost: all is its own, and nothing stays", async () => {
    const given = await inputs();
    await on.stage.stack.create("Remote", given);
    assert.ok(await isTrusted("prod"));
    const again = await on.stage.stack.create("Remote", given);
    assert.equal(again.outputs["enrolled"], true);
    await on.stage.stack.destroy(again);
    assert.deepEqual(await names(), []);
    assert.equal((await tryClient(flavor, on.place.configDir, "query", "prod:/1.0")).ok, false);
  });

  it("with a client that is restricted to the default project: it is its own, as the server lets it see", async () => {
    const rights = { restricted: true, projects: ["default"] };
    const token = await on.stage.view.issueToken("edge", rights);
    await on.stage.view.redeem(token, pair);
    const made = await on.stage.stack.create("Remote", { name: "prod", token, ...asInputs(pair) });
    assert.equal(made.outputs["enrolled"], true);
  });

  it("the real client reads, and writes anew, a file with its mark: then it is somebody's", async () => {
    const given = await inputs();
    await on.stage.stack.create("Remote", given);
    assert.match(config(), /# joined by pulumi-lxd-access with the token [0-9a-f]{16}\n/);
    await client("remote", "switch", "prod");
    assert.doesNotMatch(config(), /joined by/);
    assert.ok(await isTrusted("prod"));
    await isSpared(await on.stage.stack.create("Remote", given));
    assert.ok(await isTrusted("prod"));
  });

  it("joined by the real client with the same token, in the same directory: it is somebody's", async () => {
    const given = await inputs();
    mkdirSync(on.place.configDir);
    await client("remote", "add", "theirs", String(given["token"]));
    for (const name of ["theirs", "prod"]) {
      await isSpared(await on.stage.stack.create("Remote", { ...given, name }));
      assert.ok(await isTrusted("theirs"));
    }
  });

  it("trusted by hand under another name, while somebody else spent the token: it is somebody's", async () => {
    const token = await on.stage.token("edge");
    await on.stage.view.redeem(token, makePair("other"));
    await on.stage.view.trust("boss", pair.certificate);
    await isSpared(await on.stage.stack.create("Remote", { name: "prod", token, ...asInputs(pair) }));
    assert.deepEqual(await names(), ["boss", "edge"]);
  });

  it("trusted by hand, with a token that still waits: it is somebody's", async () => {
    const token = await on.stage.token("edge");
    await on.stage.view.trust("edge", pair.certificate);
    await isSpared(await on.stage.stack.create("Remote", { name: "prod", token, ...asInputs(pair) }));
    assert.deepEqual(await on.stage.view.pendingTokens(), ["edge"]);
  });

  it("restricted to a project where it sees no tokens: it is somebody's", async () => {
    await on.stage.view.createProject("shop");
    const token = await on.stage.view.issueToken("edge", { restricted: true, projects: ["shop"] });
    await on.stage.view.redeem(token, pair);
    await isSpared(await on.stage.stack.create("Remote", { name: "prod", token, ...asInputs(pair) }));
  });
});
