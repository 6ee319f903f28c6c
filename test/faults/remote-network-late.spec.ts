/** What a Remote sent arrives when nobody waits for it any more: what comes of it is not forgotten, on real servers. */
import { strict as assert } from "node:assert";
import { asInputs } from "../support/openssl-pair";
import { codeIn, itFinds } from "../support/faults/finding";
import { type Conduct, type Exchange, passOn } from "../support/faults/front";
import { describeNetwork, impatient } from "../support/faults/network-ground";

describe("Remote and its network", () => {
  describeNetwork((on) => {
    /** Holds back the token, and lets it go to the server when it is told to. */
    function holdToken(): { conduct: Conduct; release: () => Promise<void>; isHeld: () => boolean } {
      let held: Exchange | undefined;
      const onRequest = (exchange: Exchange): Promise<void> | void => {
        if (!exchange.request.what.startsWith("POST ")) return passOn(exchange);
        held = exchange;
      };
      return {
        conduct: { onRequest },
        isHeld: () => held !== undefined,
        release: async () => {
          const said = (await held?.ask()) ?? assert.fail("the token was sent");
          assert.match(said.toString("latin1"), /^HTTP\/1\.1 201 /);
          assert.ok(await on.isTrusted(on.pair), "the server took it");
        },
      };
    }

    itFinds("the token arrives after the run has ended", async () => {
      const { conduct, release } = holdToken();
      return {
        ...{ kind: "fault", fault: "the token arrives after the run has ended", server: on.server },
        ...(await on.join(conduct, { inputs: { timeouts: impatient }, meanwhile: release })),
      };
    });

    itFinds("the token arrives just before that of the next run", async () => {
      const { conduct, release } = holdToken();
      const token = await on.invite();
      const inputs = { name: "edge", token, ...asInputs(on.pair) };
      await on.front.behave(conduct);
      const first = await on.stage.stack.up("Remote", { ...inputs, timeouts: impatient });
      assert.ok(first.message !== undefined);
      await on.front.behave({
        onRequest: async (exchange) => {
          if (exchange.request.what.startsWith("POST ")) await release();
          await passOn(exchange);
        },
      });
      const second = await on.stage.stack.up("Remote", inputs, first.recorded);
      assert.equal(second.message, undefined);
      const outcome = await on.finish(second, inputs);
      return {
        ...{ kind: "fault", fault: "the token arrives just before that of the next run", server: on.server },
        ...{
          happened: `${codeIn(first.message)}, then ${outcome.happened} by the next \`up\``,
          left: outcome.left,
        },
      };
    });

    itFinds("the token arrives after the run has ended, and the Remote is destroyed then", async () => {
      const { conduct, release } = holdToken();
      const token = await on.invite();
      await on.front.behave(conduct);
      const inputs = { name: "edge", token, ...asInputs(on.pair), timeouts: impatient };
      const first = await on.stage.stack.up("Remote", inputs);
      await release();
      await on.front.behave();
      await on.stage.stack.destroy(first.recorded ?? assert.fail(first.message));
      assert.equal(await on.isTrusted(on.pair), false);
      return {
        ...{ kind: "fault", server: on.server, happened: codeIn(first.message ?? "") },
        fault: "the token arrives after the run has ended, and the Remote is destroyed",
        left: (await on.stage.view.clients()).length === 0 ? "no client trusted" : "a client that nobody has",
      };
    });
  });
});
