/** The way in that an HttpsAddress uses, and addresses that move between hosts, on real daemons. */
import * as assert from "node:assert/strict";
import { ExtraAddresses, needsExtraAddresses } from "../support/extra-addresses";
import { listeningSockets } from "../support/facts/listening-sockets";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

const moving = "198.51.100.11";

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describeWith([kind], `the way in to a real ${kind}`, () => {
    const machine = new ExtraAddresses();
    let server: TestServer;
    let view: ServerView;
    let stack: Stack;
    before(needsExtraAddresses);
    before(async () => {
      server = await startServer(kind);
      view = viewOf(server);
    });
    beforeEach(() => {
      stack = new Stack(server.directory);
    });
    after(async () => {
      // Nothing was started where the tests are skipped.
      await (server as TestServer | undefined)?.stop();
    });
    afterEach(async () => {
      machine.removeAll();
      for (const { fingerprint } of await view.clients()) await view.removeClient(fingerprint);
      await view.setAddress("");
    });

    it("moved away from the connection in use: the change stays, and where the server answers now is said", async () => {
      const { address, connection } = await openHttps(server);
      const wanted = `127.0.0.1:${await freePort()}`;
      const made = await stack.create("HttpsAddress", { address: wanted, connection });
      assert.equal(await view.address(), wanted);
      assert.equal(made.outputs["previousAddress"], address);
      assert.match(
        stack.messages.join("\n"),
        new RegExp(
          `^warning: https://${address}, which the connection .* names, no longer listens; the server now answers on ${wanted}\\. Change`,
        ),
      );
    });

    it("on every interface: its addresses come and go with those of the machine, the token's stay", async () => {
      machine.add(`${moving}/32`);
      const connection = { socketPath: server.socketPath };
      const port = await freePort();
      const listener = await stack.create("HttpsAddress", { address: `:${port}`, connection });
      const token = await stack.create("TrustToken", { clientName: "ci", projects: [], connection });
      const own = `${moving}:${port}`;
      assert.ok((token.outputs["addresses"] as string[]).includes(own));
      assert.deepEqual(token.outputs["addresses"], listener.outputs["addresses"]);
      machine.remove(`${moving}/32`);
      const [without, same] = await stack.refreshTogether([listener, token]);
      assert.ok(!(without?.outputs["addresses"] as string[]).includes(own));
      assert.deepEqual(same?.outputs["addresses"], token.outputs["addresses"]);
      assert.equal(await stack.plan(without ?? assert.fail(), listener.inputs), "same");
      await stack.destroy(token);
    });

    it("an address that does not answer from here: `verify` says so; what was set is recorded", async () => {
      machine.add(`${moving}/32`);
      const address = `${moving}:${await freePort()}`;
      const connection = { socketPath: server.socketPath };
      const made = await stack.create("HttpsAddress", { address, verify: true, connection });
      machine.moveAway(`${moving}/32`);
      const floating = { address, floating: true, verify: true, connection };
      const { message, recorded } = await stack.updateFails(made, floating);
      assert.match(
        message,
        /listens, but does not answer from here on every address: .*198\.51\.100\.11:\d+.*\[PARTIAL\]/s,
      );
      const unfinished = recorded ?? assert.fail("not recorded");
      assert.equal(await stack.plan(unfinished, floating), "update");
      // Nor is the listener taken down for another look, also after a refresh.
      const refreshed = (await stack.refresh(unfinished)) ?? assert.fail("it is there");
      const again = await stack.updateFails(refreshed, floating);
      assert.match(again.message, /does not answer from here on every address.*\[PARTIAL\]/s);
      assert.equal(await view.address(), address);
      assert.deepEqual(listeningSockets(server.pid), [address]);
      // Found as it is wanted there is nothing to record.
      const found = await stack.createFails("HttpsAddress", floating);
      assert.match(found.message, /does not answer from here on every address.*\[LXD_UNREACHABLE\]/s);
      assert.equal(found.recorded, undefined);
    });

    it("an address that has moved to another host: kept where it is said to be floating, refused where it is not", async () => {
      machine.add(`${moving}/32`);
      const address = `${moving}:${await freePort()}`;
      const connection = { socketPath: server.socketPath };
      const made = await stack.create("HttpsAddress", { address, floating: true, connection });
      machine.remove(`${moving}/32`);
      const kept = await stack.update(made, { address, floating: true, allowLockout: true, connection });
      assert.equal(await view.address(), address);
      assert.deepEqual(listeningSockets(server.pid), [address]);
      const refreshed = (await stack.refresh(kept)) ?? assert.fail("it is there");
      assert.equal(await stack.plan(refreshed, kept.inputs), "same");
      await assert.rejects(
        stack.update(refreshed, { address, connection }),
        /does not have 198\.51\.100\.11\. It has .*floating: true.*\[INPUT_INVALID\]/s,
      );
      assert.equal(await view.address(), address);
      await stack.destroy(refreshed);
      assert.equal(await view.address(), "");
    });
  });
}
