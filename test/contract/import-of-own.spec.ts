/** Imports of what a program has already, under another name or by another id: its delete in the same run leaves all. */
import * as assert from "node:assert/strict";
import { type Taken, useImportStage } from "../support/importing";
import { makePair } from "../support/openssl-pair";
import { freePort } from "../support/server-view";
import type { Recorded } from "../support/stack";

const pair = makePair("ci");

for (const kind of ["lxd-6", "incus-6.0"] as const)
  describe(`an import of what another resource has, from the double of ${kind}`, () => {
    const on = useImportStage(kind);

    it("leaves the server listening", async () => {
      const args = { address: `127.0.0.1:${await freePort()}` };
      const made = asTaken(await on.stack.create("HttpsAddress", args), args);
      await on.importer.movesTo("core.https_address", made);
      await on.importer.destroy(made);
      assert.equal(await on.view.address(), "", "another run takes it back");
    });

    it("leaves a token, and the client that joined with it", async () => {
      await on.view.listen();
      const args = { clientName: "ci", projects: ["default"] };
      const made = await on.stack.create("TrustToken", args);
      await on.importer.movesTo("certificate/ci", asTaken(made, args));
      await on.view.redeem(String(made.outputs["token"]), pair);
      const redeemed = (await on.stack.refresh(made)) ?? assert.fail("it is there");
      await on.importer.movesTo("certificate/ci", asTaken(redeemed, args));
      await on.importer.destroy(asTaken(redeemed, args));
      assert.deepEqual(await on.view.clients(), [], "another run removes it");
    });

    it("leaves a remote, its entry and its client", async () => {
      await on.view.listen();
      const token = await on.view.issueToken("ci", { restricted: false, projects: [] });
      const args = { name: "prod", token, configDir: "client", configFlavor: on.server.flavor };
      const made = asTaken(await on.stack.create("Remote", args), args);
      await on.importer.movesTo("prod:client", made);
      await on.importer.destroy(made);
      assert.deepEqual(await on.view.clients(), [], "another run removes it");
    });
  });

/** What the engine knows of a resource that the program made; of outputs that are absent it is told null. */
function asTaken({ name, id, outputs }: Recorded, args: Record<string, unknown>): Taken {
  const state = Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== null));
  return { name, id, args, state };
}
