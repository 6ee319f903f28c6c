/** A Remote that was replaced, renamed or moved: its like is made before it is deleted, and has to keep everything. */
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

const profiles: readonly ProfileName[] = ["lxd-5.0", "lxd-6", "incus-6.0"];
const pair = makePair("ci");

for (const profile of profiles) {
  describe(`a Remote and its like, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let folder: string;
    let connection: { socketPath: string };
    let place: { configDir: string; configFlavor: string };

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-moved-"));
      stack = new Stack(folder);
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      await view.listen();
      connection = { socketPath: server.socketPath };
      place = { configDir: "conf", configFlavor: server.flavor };
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    const configFile = (): string => join(folder, "conf", "config.yml");
    const config = () =>
      parse(readFileSync(configFile(), "utf8")) as Record<string, unknown> & {
        remotes: Record<string, object | undefined>;
      };
    const trusted = async (): Promise<string[]> =>
      (await view.clients()).map(({ fingerprint }) => fingerprint);
    const isWhole = async (remote: Recorded): Promise<void> => {
      assert.deepEqual(await trusted(), [pair.fingerprint]);
      assert.ok(config().remotes["prod"] !== undefined);
      const seen = (await stack.refresh(remote)) ?? assert.fail();
      assert.equal(await stack.plan(seen, remote.inputs), "same");
    };
    const inputsWith = (token: unknown): Record<string, unknown> => ({
      ...{ name: "prod", token, setDefault: true, ...place },
      ...{ clientCertificate: pair.certificate, clientKey: pair.privateKey },
    });

    it("replaced: client, entry, key and default stay, and that is said", async () => {
      const inputs = inputsWith(await view.issueToken("ci", { restricted: false, projects: [] }));
      const replaced = await stack.replace(await stack.create("Remote", inputs), inputs);
      await isWhole(replaced);
      assert.equal(config()["default-remote"], "prod");
      if (server.flavor === "incus") assert.ok(existsSync(join(folder, "conf/clientcerts/prod.key")));
      const said = stack.messages.join("\n");
      assert.match(said, /info: The client .* stays trusted by .*, as another Remote of this program has it/);
      assert.match(said, /info: The remote prod stays in .*, as another Remote of this program has it/);
    });

    it("moved together with its TrustToken: the client stays trusted", async () => {
      const invitation = {
        ...{ clientName: "ci", projects: ["default"], clientFingerprint: pair.fingerprint, connection },
      };
      const token = await stack.create("TrustToken", invitation);
      const remote = await stack.create("Remote", inputsWith(token.outputs["token"]));
      const consumed = (await stack.refresh(token)) ?? assert.fail();
      const [, moved] = await stack.replaceAll([
        [consumed, invitation],
        [remote, adopting(remote)],
      ]);
      await isWhole(moved ?? assert.fail());
      assert.match(
        stack.messages.join("\n"),
        /stays trusted by .*, as another TrustToken of this program has it/,
      );
    });

    /** A Remote that needs no token, because its client is trusted. */
    const adopting = ({ outputs }: Recorded): Record<string, unknown> => ({
      ...inputsWith(undefined),
      ...{ addresses: outputs["addresses"], serverFingerprint: outputs["serverFingerprint"] },
    });

    it("an entry that was found, removed by hand and written anew is its own, and goes with it", async () => {
      const first = await stack.create(
        "Remote",
        inputsWith(await view.issueToken("ci", { restricted: false, projects: [] })),
      );
      const found = await stack.create("Remote", adopting(first));
      const { remotes, ...rest } = config();
      const { prod: _prod, ...others } = remotes;
      writeFileSync(configFile(), stringify({ ...rest, "default-remote": "local", remotes: others }));
      const absent = (await stack.refresh(found)) ?? assert.fail();
      assert.equal(await stack.plan(absent, found.inputs), "update");
      const whole = await stack.update(absent, found.inputs);
      await isWhole(whole);
      await stack.destroy(whole);
      assert.equal(config().remotes["prod"], undefined);
    });

    it("that adopted a client leaves it its place when it goes on with another one", async () => {
      const boss = await stack.create("Remote", {
        ...inputsWith(await view.issueToken("boss", { restricted: false, projects: [] })),
        configDir: "boss",
      });
      const { addresses, serverFingerprint } = boss.outputs;
      const known = { name: "prod", addresses, serverFingerprint, ...place, configDir: "boss" };
      const adopted = await stack.create("Remote", known);
      assert.equal(adopted.outputs["enrolled"], false);
      const other = makePair("other");
      mkdirSync(join(folder, "conf"));
      writeFileSync(join(folder, "conf/client.crt"), other.certificate);
      writeFileSync(join(folder, "conf/client.key"), other.privateKey, { mode: 0o600 });
      await assert.rejects(stack.update(adopted, { ...known, ...place }), /there is no token to redeem/);
      const token = await view.issueToken("next", { restricted: false, projects: [] });
      const own = await stack.update(adopted, { ...known, ...place, token });
      assert.equal(own.outputs["enrolled"], true);
      assert.deepEqual(
        (await view.clients()).map(({ name }) => name),
        ["boss", "next"],
      );
      await stack.destroy(own);
      assert.deepEqual(await trusted(), [pair.fingerprint]);
    });

    it("whose client was removed by hand, and trusted again by hand, is in sync and leaves it there", async () => {
      const made = await stack.create(
        "Remote",
        inputsWith(await view.issueToken("ci", { restricted: false, projects: [] })),
      );
      await view.removeClient(pair.fingerprint);
      const out = (await stack.refresh(made)) ?? assert.fail();
      assert.equal(await stack.plan(out, made.inputs), "update");
      await view.trust("boss", pair.certificate);
      for (const seen of [await stack.refresh(out), await stack.update(out, made.inputs)]) {
        assert.equal(seen?.outputs["enrolled"], false);
        assert.equal(await stack.plan(seen, made.inputs), "same");
        await stack.destroy(seen);
        assert.deepEqual(await trusted(), [pair.fingerprint]);
      }
    });

    it("that makes a pair in vain leaves none behind", async () => {
      const token = await view.issueToken("ci", { restricted: false, projects: [] });
      const place = { configDir: "fresh", configFlavor: "incus" };
      server.intercept(({ clientFingerprint }) => (clientFingerprint === undefined ? undefined : "reset"));
      const { recorded } = await stack.createFails("Remote", { name: "prod", token, ...place });
      assert.equal(recorded, undefined);
      assert.ok(!existsSync(join(folder, "fresh/clientcerts/prod.key")));
    });
  });
}
