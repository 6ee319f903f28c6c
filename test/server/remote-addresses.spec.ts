/** A Remote whose server has several addresses, of which most do not lead to it. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { needsClient, runClient, tryClient } from "../support/client-command";
import { type Double, startDouble } from "../support/double/double";
import { forwardTo } from "../support/forwarder";
import { setStage, type Stage } from "../support/joined-server";
import { type ClientPair, makePair } from "../support/openssl-pair";
import { freePort, viewOf } from "../support/server-view";
import { describeWith } from "../support/skip";

for (const [kind, flavor] of [
  ["lxd-daemon", "lxd"],
  ["incus-daemon", "incus"],
] as const) {
  describeWith([kind], `the addresses of a Remote, on a real ${kind}`, () => {
    let stage: Stage;
    let other: Double;
    let known: ClientPair;
    /** Places where the server is not. */
    let wrong: { dead: string; invalid: string; stranger: string };
    let end = (): Promise<void> => Promise.resolve();

    before(async () => {
      stage = await setStage(kind);
      other = await startDouble("lxd-6");
      end = async () => {
        await stage.end();
        await other.stop();
      };
      known = makePair("known");
      await stage.view.trust("known", known.certificate);
      const stranger = await viewOf(other).listen();
      wrong = { dead: `127.0.0.1:${await freePort()}`, invalid: "lxd.invalid", stranger };
    });
    after(() => end());
    beforeEach(async () => {
      other.requests.length = 0;
      await stage.view.revokeTokens();
    });

    it("in every order, the one that is the pinned server is found, and a stranger hears nothing", async () => {
      const serverFingerprint = await stage.fingerprint();
      const pair = { clientCertificate: known.certificate, clientKey: known.privateKey };
      for (const addresses of orders([...Object.values(wrong), stage.address])) {
        const inputs = { name: "prod", addresses, serverFingerprint, ...pair };
        const made = await stage.stack.create("Remote", inputs);
        assert.equal(made.outputs["address"], stage.address, addresses.join(" "));
        assert.deepEqual(
          made.outputs["addresses"],
          addresses.map((one) => (one.includes(":") ? one : `${one}:8443`)),
        );
      }
      assert.deepEqual(other.requests, []);
    });

    it("a token is redeemed once, at the one that is the server", async () => {
      const addresses = [...Object.values(wrong), stage.address];
      const made = await stage.stack.create("Remote", {
        name: "once",
        token: await stage.token("once"),
        addresses,
      });
      assert.equal(made.outputs["enrolled"], true);
      assert.deepEqual(await stage.view.pendingTokens(), []);
      assert.equal((await stage.view.clients()).filter(({ name }) => name === "once").length, 1);
      const refreshed = (await stage.stack.refresh(made)) ?? assert.fail("it is there");
      assert.equal(await stage.stack.plan(refreshed, made.inputs), "same");
      await stage.stack.destroy(refreshed);
      assert.deepEqual(other.requests, []);
    });

    it("where none is the server, each is named with its reason, and the token is not spent", async () => {
      const inputs = { name: "none", token: await stage.token("none"), addresses: Object.values(wrong) };
      const { message, recorded } = await stage.stack.createFails("Remote", inputs);
      assert.match(message, /None of the 3 addresses answered as the pinned server/);
      assert.match(message, new RegExp(`${wrong.dead}: .*ECONNREFUSED`, "s"));
      assert.match(message, /lxd\.invalid: .*(ENOTFOUND|EAI_AGAIN)/s);
      assert.match(
        message,
        new RegExp(`${wrong.stranger}: .*not the pinned server.*LXD_SERVER_IDENTITY`, "s"),
      );
      assert.equal(recorded, undefined);
      assert.deepEqual(await stage.view.pendingTokens(), ["none"]);
      assert.deepEqual(other.requests, []);
    });

    it("an address in the client's directory that is dead by now is seen as a change, and another one written", async () => {
      const [first, second] = [await forwardTo(stage.address), await forwardTo(stage.address)];
      try {
        const place = { configDir: stage.newDirectory(), configFlavor: flavor };
        const addresses = [first.address, second.address];
        const given = { name: "moved", token: await stage.token("moved"), addresses, ...place };
        const made = await stage.stack.create("Remote", given);
        const same = (await stage.stack.refresh(made)) ?? assert.fail("it is there");
        assert.equal(await stage.stack.plan(same, given), "same");
        await first.close();
        const seen = (await stage.stack.refresh(same)) ?? assert.fail("it is there");
        assert.equal(seen.outputs["configState"], "changed");
        const mended = await stage.stack.update(seen, given);
        const entry = readFileSync(join(place.configDir, "config.yml"), "utf8");
        assert.ok(entry.includes(second.address) && !entry.includes(first.address));
        const whole = (await stage.stack.refresh(mended)) ?? assert.fail("it is there");
        assert.equal(await stage.stack.plan(whole, given), "same");
        await stage.stack.destroy(whole);
      } finally {
        await Promise.all([first.close(), second.close()]);
      }
    });

    it("an address in the client's directory that is only slower than another is no change", async () => {
      const [first, second] = [await forwardTo(stage.address), await forwardTo(stage.address)];
      const silent = createServer();
      try {
        const place = { configDir: stage.newDirectory(), configFlavor: flavor };
        const addresses = [first.address, second.address];
        const given = { name: "slow", token: await stage.token("slow"), addresses, ...place };
        const made = await stage.stack.create("Remote", given);
        await first.close();
        silent.listen(Number(first.address.split(":")[1]), "127.0.0.1");
        await once(silent, "listening");
        const seen = (await stage.stack.refresh(made)) ?? assert.fail("it is there");
        assert.equal(seen.outputs["address"], second.address);
        assert.equal(await stage.stack.plan(seen, given), "same");
        await stage.stack.destroy(seen);
      } finally {
        silent.close();
        await Promise.all([first.close(), second.close()]);
      }
    });

    describe("behind NAT", () => {
      before(needsClient(flavor));

      it("joined through a forwarded port that the token does not know, and used through it", async () => {
        const nat = await forwardTo(stage.address);
        try {
          const { token, inside } = unreachable(await stage.token("nat"), wrong.dead);
          const configDir = stage.newDirectory();
          const place = { configDir, configFlavor: flavor };
          const without = await stage.stack.createFails("Remote", { name: "nat", token, ...place });
          assert.match(without.message, /ECONNREFUSED.*\[LXD_UNREACHABLE\]/s);

          const inputs = { name: "nat", token, addresses: [nat.address], ...place };
          const made = await stage.stack.create("Remote", inputs);
          assert.equal(made.outputs["address"], nat.address);
          assert.deepEqual(inside, [stage.address]);
          const before = nat.connections();
          assert.match(
            await runClient(flavor, configDir, "config", "trust", "list", "nat:", "-f", "csv"),
            /nat/,
          );
          assert.ok(nat.connections() > before, "the real client goes the same way");

          await nat.close();
          assert.equal((await tryClient(flavor, configDir, "list", "nat:")).ok, false);
          const direct = await stage.stack.update(made, { ...inputs, addresses: [stage.address] });
          assert.equal(direct.outputs["configState"], "present");
          assert.deepEqual(JSON.parse(await runClient(flavor, configDir, "list", "nat:", "-f", "json")), []);
          await stage.stack.destroy(direct);
        } finally {
          await nat.close();
        }
      });
    });
  });
}

/** Every order of a list. */
function orders(list: readonly string[]): string[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first) => orders(list.filter((one) => one !== first)).map((rest) => [first, ...rest]));
}

/** A token as a server behind NAT issues it: the addresses in it lead nowhere from here. */
function unreachable(token: string, dead: string): { token: string; inside: string[] } {
  const content = JSON.parse(Buffer.from(token, "base64").toString()) as { addresses: string[] };
  const changed = JSON.stringify({ ...content, addresses: [dead] });
  return { token: Buffer.from(changed).toString("base64"), inside: content.addresses };
}
