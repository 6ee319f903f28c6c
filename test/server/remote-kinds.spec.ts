/** A Remote that becomes an image server, or is joined after having been one, as the real client sees it. */
import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { tryClient } from "../support/client-command";
import { freePort } from "../support/server-view";
import { describeOnBoth } from "../support/remote-ground";

describeOnBoth("a Remote that becomes one of another kind", (on) => {
  const { flavor, client, isTrusted } = on;

  const clientsOf = async (name: string) =>
    (await on.stage.view.clients()).filter((one) => one.name === name);

  it("an image server that does not answer: what was joined goes on as before", async () => {
    const given = { name: "prod", token: await on.stage.token("dead"), ...on.place, setDefault: true };
    const made = await on.stage.stack.create("Remote", given);
    const addresses = [`127.0.0.1:${await freePort()}`];
    const shop = { name: "prod", public: true, addresses, serverFingerprint: await on.stage.fingerprint() };
    const { message, recorded } = await on.stage.stack.updateFails(made, { ...shop, ...on.place });
    assert.match(message, /ECONNREFUSED.*\[LXD_UNREACHABLE\]/s);
    assert.equal(recorded, undefined);
    assert.ok(await isTrusted("prod"));
    assert.equal(await client("remote", "get-default"), "prod\n");
    assert.equal(await on.stage.stack.plan(made, given), "same");
    await on.stage.stack.destroy(made);
  });

  it("an image server that is another one than the pin says: what was joined goes on as before", async () => {
    const made = await on.stage.stack.create("Remote", {
      ...{ name: "prod", token: await on.stage.token("strange"), ...on.place },
    });
    const shop = {
      ...{ name: "prod", public: true, addresses: [on.stage.address], serverFingerprint: "ab".repeat(32) },
      ...on.place,
    };
    assert.match((await on.stage.stack.updateFails(made, shop)).message, /\[LXD_SERVER_IDENTITY\]/);
    assert.ok(await isTrusted("prod"));
    await on.stage.stack.destroy(made);
  });

  it("an image server: its client and its own key go, its images are listed; joined again after that", async () => {
    const joined = { name: "prod", token: await on.stage.token("turn"), ...on.place, setDefault: true };
    const made = await on.stage.stack.create("Remote", joined);
    const pin = { addresses: [on.stage.address], serverFingerprint: await on.stage.fingerprint() };
    const shop = { name: "prod", public: true, ...pin, ...on.place, setDefault: true };
    const turned = await on.stage.stack.update(made, shop);
    assert.deepEqual(await clientsOf("turn"), []);
    assert.ok(!existsSync(join(on.place.configDir, "clientcerts", "prod.key")));
    assert.deepEqual(JSON.parse(await client("image", "list", "prod:", "-f", "json")), []);
    assert.equal(
      await on.stage.stack.plan((await on.stage.stack.refresh(turned)) ?? assert.fail(), shop),
      "same",
    );

    const again = await on.stage.stack.update(turned, { ...joined, token: await on.stage.token("again") });
    assert.ok(await isTrusted("prod"));
    assert.equal((await clientsOf("again")).length, 1);
    await on.stage.stack.destroy(again);
    assert.deepEqual(await clientsOf("again"), []);
    assert.equal(await client("remote", "get-default"), "local\n");
  });

  it("joined with a token that is used up: the image server goes on as before", async () => {
    const pin = { addresses: [on.stage.address], serverFingerprint: await on.stage.fingerprint() };
    const made = await on.stage.stack.create("Remote", { name: "prod", public: true, ...pin, ...on.place });
    const token = await on.stage.token("used");
    await on.stage.view.revokeTokens();
    const { message } = await on.stage.stack.updateFails(made, { name: "prod", token, ...on.place });
    assert.match(message, /\[LXD_TOKEN_REJECTED\]/);
    assert.ok((await tryClient(flavor, on.place.configDir, "image", "list", "prod:")).ok);
    await on.stage.stack.destroy(made);
  });
});
