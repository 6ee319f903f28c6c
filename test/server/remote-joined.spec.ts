/** How a Remote joins a real server, and what the real client then does with it. */
import * as assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { tryClient } from "../support/client-command";
import { asInputs, makePair } from "../support/openssl-pair";
import { describeOnBoth } from "../support/remote-ground";

describeOnBoth("a Remote that joins", (on) => {
  const { flavor, client, isTrusted } = on;

  const keyFile = flavor === "lxd" ? "client.key" : "clientcerts/prod.key";

  for (const [title, pair] of [
    ["a pair that it makes", {}],
    ["a pair that is given", asInputs(makePair("given"))],
  ] as const) {
    it(`with ${title}, in a new directory: it becomes one of the client of the server's kind`, async () => {
      const made = await on.stage.stack.create("Remote", {
        ...{ name: "prod", token: await on.stage.token("kind"), ...pair, configDir: on.place.configDir },
      });
      assert.ok(await isTrusted("prod"));
      assert.equal(readFileSync(join(on.place.configDir, keyFile), "utf8"), made.outputs["clientKey"]);
      await on.stage.stack.destroy(made);
    });
  }

  it("keeps the key for the user alone, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      for (const pair of [{}, asInputs(makePair("given"))]) {
        const directory = on.stage.newDirectory();
        const token = await on.stage.token("mode");
        const place = { configDir: directory, configFlavor: flavor };
        const made = await on.stage.stack.create("Remote", { name: "prod", token, ...pair, ...place });
        assert.equal(statSync(join(directory, keyFile)).mode & 0o777, 0o600);
        await on.stage.stack.destroy(made);
      }
    } finally {
      process.umask(before);
    }
  });

  it("and is replaced by its like: the real client goes on, and nothing is left in the end", async () => {
    const given = { name: "prod", token: await on.stage.token("like"), ...on.place, setDefault: true };
    const replaced = await on.stage.stack.replace(await on.stage.stack.create("Remote", given), given);
    assert.ok(await isTrusted("prod"));
    const seen = (await on.stage.stack.refresh(replaced)) ?? assert.fail("it is there");
    assert.equal(await on.stage.stack.plan(seen, given), "same");
    const { length } = await on.stage.view.clients();
    await on.stage.stack.destroy(seen);
    assert.equal((await on.stage.view.clients()).length, length - 1);
    assert.equal((await tryClient(flavor, on.place.configDir, "query", "prod:/1.0")).ok, false);
  });

  it("with a project, of several that its client may use: the real client works in it and not in the default one", async () => {
    await on.stage.view.createProject("shop");
    await on.stage.view.createProject("web");
    const projects = ["shop", "web"];
    const token = await on.stage.view.issueToken("web", { restricted: true, projects });
    const given = { name: "prod", token, ...on.place };
    const without = await on.stage.stack.create("Remote", given);
    assert.equal((await tryClient(flavor, on.place.configDir, "list", "prod:")).ok, false);
    const made = await on.stage.stack.update(without, { ...given, project: "web" });
    assert.deepEqual([...(made.outputs["projects"] as string[])].sort(), projects);
    assert.deepEqual(JSON.parse(await client("list", "prod:", "-f", "json")), []);
    await client("profile", "create", "prod:made-there");
    const profiles = await on.stage.view.request("GET", "/1.0/profiles?project=web");
    assert.match(JSON.stringify(profiles), /made-there/);
    await on.stage.stack.destroy(made);
  });

  it("the server's certificate as the pin, and another one that is refused before the token is spent", async () => {
    const { environment } = (await on.stage.view.request("GET", "/1.0")) as {
      environment: { certificate: string };
    };
    const given = { name: "prod", token: await on.stage.token("pinned"), ...on.place };
    const strange = makePair("strange").certificate;
    const { message } = await on.stage.stack.createFails("Remote", { ...given, serverCertificate: strange });
    assert.match(message, /\[LXD_SERVER_IDENTITY\]/);
    assert.deepEqual(await on.stage.view.pendingTokens(), ["pinned"]);

    const { certificate: serverCertificate } = environment;
    const made = await on.stage.stack.create("Remote", { ...given, serverCertificate });
    assert.equal(made.outputs["serverFingerprint"], await on.stage.fingerprint());
    assert.equal(
      readFileSync(join(on.place.configDir, "servercerts", "prod.crt"), "utf8"),
      serverCertificate,
    );
    assert.ok(await isTrusted("prod"));
    const seen = (await on.stage.stack.refresh(made)) ?? assert.fail("it is there");
    assert.equal(await on.stage.stack.plan(seen, { ...given, serverCertificate }), "same");
    await on.stage.stack.destroy(seen);
  });
});
