/** What a Remote sent arrives when nobody waits for it any more: what comes of it is not forgotten, on real servers. */
import { strict as assert } from "node:assert";
import { asInputs } from "../support/openssl-pair";
import { codeIn, itFinds } from "../support/faults/finding";
import { type Conduct, type Exchange, passOn } from "../support/faults/front";
import { describeNetwork, impatient } from "../support/faults/network-ground";
import type { Recorded } from "../support/stack";

type Inputs = Record<"former" | "wanted", Record<string, unknown>>;

/** Holds back the request of a method, and lets it go to the server when it is told to. */
function hold(method: string): { conduct: Conduct; release: () => Promise<void> } {
  let held: Exchange | undefined;
  const onRequest = (exchange: Exchange): Promise<void> | void => {
    if (!exchange.request.what.startsWith(`${method} `)) return passOn(exchange);
    held = exchange;
  };
  const release = async (): Promise<void> => {
    const said = (await held?.ask()) ?? assert.fail("it was sent");
    assert.match(said.toString("latin1"), /^HTTP\/1\.1 20[0-2] /, "the server did it");
  };
  return { conduct: { onRequest }, release };
}

describe("Remote and its network", () => {
  describeNetwork((on) => {
    itFinds("the token arrives after the run has ended", async () => {
      const { conduct, release } = hold("POST");
      return {
        ...{ kind: "fault", fault: "the token arrives after the run has ended", server: on.server },
        ...(await on.join(conduct, { inputs: { timeouts: impatient }, meanwhile: release })),
      };
    });

    itFinds("the token arrives just before that of the next run", async () => {
      const { conduct, release } = hold("POST");
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
      const { conduct, release } = hold("POST");
      const token = await on.invite();
      await on.front.behave(conduct);
      const inputs = { name: "edge", token, ...asInputs(on.pair), timeouts: impatient };
      const first = await on.stage.stack.up("Remote", inputs);
      await release();
      await on.front.behave();
      await on.stage.stack.destroy(first.recorded ?? assert.fail(first.message));
      assert.equal(await on.isTrusted(on.pair), false);
      assert.deepEqual(await on.stage.view.clients(), []);
      return {
        ...{ kind: "fault", server: on.server, happened: codeIn(first.message ?? "") },
        fault: "the token arrives after the run has ended, and the Remote is destroyed",
        left: "no client trusted",
      };
    });

    describe("another pair", () => {
      /** A Remote whose pair is changed in a run that does not see how that ends. */
      async function change(): Promise<
        { half: Recorded; code: string; release: () => Promise<void> } & Inputs
      > {
        const { stack } = on.stage;
        const former = { name: "edge", token: await on.invite(), ...asInputs(on.pair) };
        const made = await stack.create("Remote", former);
        const wanted = { ...former, ...asInputs(on.nextPair) };
        const { conduct, release } = hold("PATCH");
        await on.front.behave(conduct);
        const { message, recorded } = await stack.up("Remote", { ...wanted, timeouts: impatient }, made);
        const code = codeIn(message ?? assert.fail("it was to fail"));
        await on.front.behave();
        return { half: recorded ?? assert.fail("it is there"), code, release, former, wanted };
      }

      for (const isLate of [true, false]) {
        const arrives = isLate ? "arrives after the run has ended" : "never arrives";
        for (const [title, goal] of [
          ["the next run wants it, too", "wanted"],
          ["the next run wants the former one", "former"],
        ] as const)
          itFinds(`${arrives}, and ${title}`, async () => {
            const { half, code, release, ...inputs } = await change();
            if (isLate) await release();
            const second = await on.stage.stack.up("Remote", inputs[goal], half);
            assert.equal(second.message, undefined);
            const { left } = await on.finish(second, inputs[goal]);
            const fault = `another pair ${arrives}, and ${title}`;
            return {
              kind: "fault",
              fault,
              server: on.server,
              happened: `${code}; done by the next \`up\``,
              left,
            };
          });

        itFinds(`${arrives}, and the Remote is destroyed`, async () => {
          const { half, code, release } = await change();
          if (isLate) await release();
          await on.stage.stack.destroy(half);
          const clients = await on.stage.view.clients();
          assert.deepEqual(clients, []);
          const fault = `another pair ${arrives}, and the Remote is destroyed`;
          return { kind: "fault", fault, server: on.server, happened: code, left: "no client trusted" };
        });
      }
    });

    itFinds("the client's leave arrives after the run has ended", async () => {
      const { stack, view } = on.stage;
      const inputs = { name: "edge", token: await on.invite(), ...asInputs(on.pair), timeouts: impatient };
      const made = await stack.create("Remote", inputs);
      const { conduct, release } = hold("DELETE");
      await on.front.behave(conduct);
      const code = await stack.destroy(made).then(
        () => assert.fail("it was to fail"),
        (error: unknown) => codeIn(String(error)),
      );
      await on.front.behave();
      await release();
      await stack.destroy(made);
      assert.deepEqual(await view.clients(), []);
      const fault = "the client's leave arrives after the run has ended";
      return { kind: "fault", fault, server: on.server, happened: code, left: "no client trusted" };
    });

    itFinds("the order for a token arrives after the run has ended", async () => {
      const { stack, view } = on.stage;
      await view.trust("admin", on.pair.certificate);
      const { conduct, release } = hold("POST");
      await on.front.behave(conduct);
      const serverFingerprint = await on.stage.fingerprint();
      const connection = { address: on.front.address, serverFingerprint, ...asInputs(on.pair) };
      const order = { clientName: "guest", restricted: false };
      const impatiently = { ...order, connection: { ...connection, timeouts: impatient } };
      const first = await stack.up("TrustToken", impatiently);
      await on.front.behave();
      await release();
      assert.deepEqual([await view.pendingTokens(), first.recorded], [["guest"], undefined]);
      const made = await stack.create("TrustToken", { ...order, connection });
      const tokens = await view.pendingTokens();
      assert.deepEqual(tokens, ["guest"]);
      await stack.destroy(made);
      assert.deepEqual(await view.pendingTokens(), []);
      return {
        ...{
          kind: "fault",
          server: on.server,
          happened: `${codeIn(first.message ?? "")}; issued by the next \`up\``,
        },
        fault: "the order for a token arrives after the run has ended",
        left: "one token pending; after a destroy none",
      };
    });
  });
});
