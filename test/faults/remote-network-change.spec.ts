/** A client that takes another pair or leaves, and a token that is issued, while the network misbehaves, on real servers. */
import { strict as assert } from "node:assert";
import { reply } from "../contract/tls-listener";
import { codeIn, itFinds } from "../support/faults/finding";
import { type Exchange, passOn } from "../support/faults/front";
import { type Misbehaviour, misbehaviours } from "../support/faults/misbehaviours";
import { describeNetwork, impatient, type NetworkGround } from "../support/faults/network-ground";
import { asInputs, makePair } from "../support/openssl-pair";
import type { Recorded } from "../support/stack";

type Disturb = (exchange: Exchange) => Promise<void> | void;

describe("Remote and its network", () => {
  describeNetwork((on) => {
    for (const fault of misbehaviours)
      for (const lasts of [false, true]) {
        if (fault.isCommon !== true || (lasts && fault.isEndless === true)) continue;
        const title = `${fault.title}${lasts ? ", and from then on" : ""}`;
        const timeouts = fault.isEndless === true ? { timeouts: impatient } : {};
        const isLong = lasts || on.server.startsWith("Incus");

        itFinds(
          `another pair: ${title}`,
          async () => {
            const { made, inputs } = await joined(on);
            const wanted = { ...inputs, ...asInputs(on.nextPair) };
            await on.front.behave({ onRequest: disturb("PATCH", fault, lasts) });
            const first = await on.stage.stack.up("Remote", { ...wanted, ...timeouts }, made);
            requireOnce(on, "PATCH");
            const outcome = await on.finish(first, wanted);
            return {
              ...{
                kind: "fault",
                fault: `another pair, PATCH /1.0/certificates: ${title}`,
                server: on.server,
              },
              ...{ happened: outcome.happened.replaceAll("joined", "changed"), left: outcome.left },
            };
          },
          { isLong },
        );

        itFinds(
          `leaving: ${title}`,
          async () => {
            const { made, inputs } = await joined(on);
            const patient = await on.stage.stack.update(made, { ...inputs, ...timeouts });
            await on.front.behave({ onRequest: disturb("DELETE", fault, lasts) });
            const happened = await destroyed(on, patient);
            requireOnce(on, "DELETE");
            await on.front.behave();
            if (happened !== "left") await on.stage.stack.destroy(patient);
            const clients = await on.stage.view.clients();
            assert.deepEqual(clients, []);
            return {
              ...{ kind: "fault", fault: `leaving, DELETE /1.0/certificates: ${title}`, server: on.server },
              ...{ happened, left: "no client trusted" },
            };
          },
          { isLong },
        );

        itFinds(
          `a token that is issued: ${title}`,
          async () => {
            const { view, stack } = on.stage;
            await view.trust("admin", on.pair.certificate);
            const connection = {
              ...{ address: on.front.address, serverFingerprint: await on.stage.fingerprint() },
              ...asInputs(on.pair),
            };
            const wanted = { clientName: "guest", restricted: false };
            await on.front.behave({ onRequest: disturb("POST", fault, lasts) });
            const first = await stack.up("TrustToken", {
              ...wanted,
              connection: { ...connection, ...timeouts },
            });
            requireOnce(on, "POST");
            await on.front.behave();
            const inputs = { ...wanted, connection };
            const second =
              first.message === undefined ? first : await stack.up("TrustToken", inputs, first.recorded);
            assert.equal(second.message, undefined);
            const made = second.recorded ?? assert.fail("it is recorded");
            const tokens = await view.pendingTokens();
            assert.deepEqual(tokens, ["guest"], String(first.message));
            const guest = makePair("guest");
            await view.redeem(String(made.outputs["token"]), guest);
            const isIn = await on.isTrusted(guest);
            const seen = (await stack.refresh(made)) ?? assert.fail("its client is there");
            await stack.destroy(seen);
            assert.deepEqual([isIn, await on.isTrusted(guest)], [true, false]);
            assert.deepEqual(await view.pendingTokens(), []);
            return {
              ...{ kind: "fault", fault: `issuing, POST /1.0/certificates: ${title}`, server: on.server },
              happened:
                first.message === undefined
                  ? "issued"
                  : `${codeIn(first.message)}; issued by the next \`up\``,
              left: "one token pending, which lets its client in; after a destroy neither",
            };
          },
          { isLong },
        );
      }

    if (on.server.startsWith("Incus"))
      itFinds("leaving: taken for a stranger for a moment, as while others come and go", async () => {
        const { made } = await joined(on);
        const moment = ["DELETE", "GET"];
        await on.front.behave({
          onRequest: async (exchange) => {
            const [method = ""] = exchange.request.what.split(" ");
            if (method !== moment[0]) return passOn(exchange);
            moment.shift();
            exchange.write(asToStranger(method));
          },
        });
        const happened = await destroyed(on, made);
        assert.deepEqual(moment, []);
        const clients = await on.stage.view.clients();
        assert.deepEqual(clients, []);
        return {
          ...{ kind: "fault", fault: "leaving, taken for a stranger for a moment", server: on.server },
          ...{ happened, left: "no client trusted" },
        };
      });
  });
});

/** What Incus answers a client that it does not know. */
function asToStranger(method: string): string {
  const metadata = { api_extensions: ["certificate_description"], auth: "untrusted" };
  return method === "GET"
    ? reply({ type: "sync", status_code: 200, metadata })
    : reply({ type: "error", error: "not authorized", error_code: 403, metadata: null }, "403 Forbidden");
}

/** A Remote that has joined through the front. */
async function joined(on: NetworkGround): Promise<{ made: Recorded; inputs: Record<string, unknown> }> {
  const inputs = { name: "edge", token: await on.invite(), ...asInputs(on.pair) };
  return { made: await on.stage.stack.create("Remote", inputs), inputs };
}

/** Has the first request of a method come to grief, and what follows it, where that lasts. */
function disturb(method: string, fault: Misbehaviour, lasts: boolean): Disturb {
  let isHit = false;
  return (exchange) => {
    const isDue = isHit ? lasts : exchange.request.what.startsWith(`${method} `);
    if (!isDue) return passOn(exchange);
    isHit = true;
    return fault.act(exchange);
  };
}

function requireOnce({ front }: NetworkGround, method: string): void {
  assert.equal(front.requests.filter(({ what }) => what.startsWith(`${method} `)).length, 1);
}

/** Destroys a Remote: "left", or the code of the error that is in the way. */
async function destroyed(on: NetworkGround, made: Recorded): Promise<string> {
  return on.stage.stack.destroy(made).then(
    () => "left",
    (error: unknown) => codeIn(String(error)),
  );
}
