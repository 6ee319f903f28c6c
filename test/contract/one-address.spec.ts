/** A server has one address, whatever becomes of the resources that set it. */
import * as assert from "node:assert/strict";
import { type Double, profileNames, startDouble } from "../support/double/double";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { Stack } from "../support/stack";

for (const profile of profileNames) {
  describe(`the one address of ${profile}, of which a program has a resource`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let inputs: { address: string; connection: object };
    beforeEach(async () => {
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      stack = new Stack(server.directory);
      inputs = { address: `127.0.0.1:${await freePort()}`, connection: { socketPath: server.socketPath } };
    });
    afterEach(() => server.stop());

    it("replaced by its like: the old one's delete leaves what the new one has set, and says so", async () => {
      const old = await stack.create("HttpsAddress", inputs);
      const replaced = await stack.replace(old, inputs);
      assert.equal(await view.address(), inputs.address);
      assert.match(stack.messages.join("\n"), /info: .* goes on listening on "127\.0\.0\.1:\d+", as another/);
      assert.equal(await stack.plan((await stack.refresh(replaced)) ?? assert.fail(), inputs), "same");
    });

    it("replaced with another address: the new one's is there", async () => {
      const old = await stack.create("HttpsAddress", inputs);
      const other = { ...inputs, address: `127.0.0.1:${await freePort()}` };
      await stack.replace(old, other);
      assert.equal(await view.address(), other.address);
    });

    it("deleted before its like is made: nothing is left over of the old one", async () => {
      await stack.destroy(await stack.create("HttpsAddress", inputs));
      assert.equal(await view.address(), "");
      const again = await stack.create("HttpsAddress", inputs);
      assert.equal(again.outputs["previousAddress"], "");
      await stack.destroy(again);
      assert.equal(await view.address(), "");
    });

    it("twice in one run: the second one is refused before anything is changed by it", async () => {
      const other = { ...inputs, address: `127.0.0.1:${await freePort()}` };
      const results = await stack.createTogether([
        { name: "HttpsAddress", inputs },
        { name: "HttpsAddress", inputs: other },
      ]);
      const [made, ...more] = results.filter((result) => result === "created");
      assert.ok(made !== undefined && more.length === 0);
      const refused = results.find((result) => result !== "created");
      assert.match(
        refused ?? "",
        /another HttpsAddress of this program has set the address of .*\[INPUT_INVALID\]/s,
      );
      const first = results[0] === "created" ? inputs : other;
      assert.equal(await view.address(), first.address);
    });

    it("half-made and finished in the next run, by itself", async () => {
      let isSet = false;
      server.intercept(({ method }) => {
        isSet ||= method === "PATCH";
        return isSet ? "reset after handling" : undefined;
      });
      const { recorded } = await stack.createFails("HttpsAddress", inputs);
      server.intercept(undefined);
      const whole = await stack.update(recorded ?? assert.fail("not recorded"), inputs);
      await stack.destroy(whole);
      assert.equal(await view.address(), "");
    });
  });
}
