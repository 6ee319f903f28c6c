/** Whose client is a TrustToken's own, to be given rights and taken back, and whose is not. */
import { strict as assert } from "node:assert";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

const profiles: readonly ProfileName[] = ["lxd-5.0", "lxd-6"];
const pair = makePair("ci");

for (const profile of profiles) {
  describe(`the client of a TrustToken, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let inputs: Record<string, unknown>;

    beforeEach(async () => {
      server = await startDouble(profile, { speed: 5 });
      stack = new Stack(server.directory);
      view = viewOf(server);
      await view.listen();
      inputs = { clientName: "ci", projects: ["default"], connection: { socketPath: server.socketPath } };
    });
    afterEach(() => server.stop());

    const refreshed = async (token: Recorded): Promise<Recorded> =>
      (await stack.refresh(token)) ?? assert.fail("it is there");
    const trusted = async (): Promise<string[]> => (await view.clients()).map(({ name }) => name);

    it("that it was told of stays where another TrustToken has it now", async () => {
      const wanted = { ...inputs, clientFingerprint: pair.fingerprint };
      const token = await stack.create("TrustToken", wanted);
      await view.redeem(String(token.outputs["token"]), pair);
      const moved = await stack.replace(await refreshed(token), wanted);
      assert.deepEqual(await trusted(), ["ci"]);
      assert.match(stack.messages.join("\n"), /stays trusted by .*, as another TrustToken of this program/);
      assert.equal(await stack.plan(await refreshed(moved), wanted), "same");
    });

    it("goes with it, whatever Remote has it: nobody would see to its rights any more", async () => {
      const first = await stack.create("TrustToken", {
        ...{ clientName: "ci", restricted: false, connection: inputs["connection"] },
      });
      const given = { name: "prod", token: first.outputs["token"], ...asInputs(pair) };
      const remote = await stack.create("Remote", given);
      const second = await stack.create("TrustToken", { ...inputs, clientName: "ci2" });
      await stack.updateAndDestroy(
        [remote, { ...given, token: second.outputs["token"] }],
        await refreshed(first),
      );
      assert.deepEqual(await trusted(), []);
    });

    for (const [title, isExpected] of [
      ["that was expected", true],
      ["of its name", false],
    ] as const) {
      const wanted = (): Record<string, unknown> => ({
        ...inputs,
        ...(isExpected ? { clientFingerprint: pair.fingerprint } : {}),
      });
      const name = isExpected ? "by-hand" : "ci";

      it(`${title}, and let in by hand while the token waited, is not its own: destroy leaves it`, async () => {
        const token = await stack.create("TrustToken", wanted());
        await view.trust(name, pair.certificate);
        await stack.destroy(token);
        assert.deepEqual(await trusted(), [name]);
        assert.deepEqual(await view.pendingTokens(), []);
      });

      it(`${title}, and let in by hand until the token expired, is not its own either`, async () => {
        const token = await stack.create("TrustToken", wanted());
        await view.trust(name, pair.certificate);
        stack.now = () => new Date(Date.now() + 30 * 24 * 3_600_000);
        const expired = token.outputs["expiresAt"] === null ? token : await refreshed(token);
        await stack.destroy(expired);
        assert.deepEqual(await trusted(), [name]);
      });
    }

    it("that is expected from now on, and trusted, is adopted at once, and the token that waits is revoked", async () => {
      const token = await stack.create("TrustToken", inputs);
      await view.trust("already", pair.certificate);
      const wanted = { ...inputs, clientFingerprint: pair.fingerprint };
      assert.equal(await stack.plan(token, wanted), "update");
      const adopted = await stack.update(token, wanted);
      assert.equal(adopted.outputs["state"], "consumed");
      assert.deepEqual(await view.pendingTokens(), []);
      const [client] = await view.clients();
      assert.deepEqual([client?.name, client?.restricted, client?.projects], ["already", true, ["default"]]);
      assert.equal(await stack.plan(await refreshed(adopted), wanted), "same");
      await stack.destroy(adopted);
      assert.deepEqual(await trusted(), ["already"]);
    });

    it("that was let in by hand while the token waited, and is given other rights by it, is not its own", async () => {
      const token = await stack.create("TrustToken", { ...inputs, clientFingerprint: pair.fingerprint });
      await view.trust("by-hand", pair.certificate);
      const wanted = { ...inputs, projects: [], clientFingerprint: pair.fingerprint };
      const updated = await stack.update(token, wanted);
      assert.equal(updated.outputs["state"], "consumed");
      await stack.destroy(updated);
      assert.deepEqual(await trusted(), ["by-hand"]);
      assert.deepEqual(await view.pendingTokens(), []);
    });

    it("may be two of one name on two servers that show one certificate", async () => {
      const directory = mkdtempSync("/tmp/lxa-clone-");
      for (const file of ["server.crt", "server.key"])
        copyFileSync(join(server.directory, file), join(directory, file));
      const other = await startDouble(profile, { speed: 5, name: "clone", directory });
      try {
        await viewOf(other).listen();
        const made = await stack.createTogether(
          [server, other].map(({ socketPath }) => ({
            name: "TrustToken",
            inputs: { ...inputs, connection: { socketPath } },
          })),
        );
        assert.deepEqual(made, ["created", "created"]);
      } finally {
        await other.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    });
  });
}
