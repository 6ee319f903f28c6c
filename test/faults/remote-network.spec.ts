/** A Remote joins while one of its requests, or the reply to it, comes to grief: fault by step, on real servers. */
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { asInputs } from "../support/openssl-pair";
import { itFinds } from "../support/faults/finding";
import { type Conduct, passOn, type SeenRequest } from "../support/faults/front";
import { type Misbehaviour, misbehaviours } from "../support/faults/misbehaviours";
import { describeNetwork, impatient } from "../support/faults/network-ground";

/** What a join asks, in this order; the first test compares it with what is asked. */
const steps = [
  { title: "the first look", what: "GET /1.0", isAfterToken: false },
  { title: "the token", what: "POST /1.0/certificates", isAfterToken: true },
  { title: "the look after it", what: "GET /1.0", isAfterToken: true },
  { title: "the projects", what: "GET /1.0/projects", isAfterToken: true },
] as const;
type Step = (typeof steps)[number];

describe("Remote and its network", () => {
  describeNetwork((on) => {
    itFinds("nothing happens", async () => {
      const inputs = { name: "edge", token: await on.invite(), ...asInputs(on.pair) };
      const first = await on.stage.stack.up("Remote", inputs);
      const asked = on.front.requests.map(({ what }) => what);
      assert.deepEqual(
        asked,
        steps.map(({ what }) => what),
        "nothing but what is disturbed below",
      );
      const outcome = await on.finish(first, inputs);
      return { ...{ kind: "fault", fault: "none", server: on.server }, ...outcome };
    });

    itFinds(
      "the first look: its reply comes again, and from then on each comes a request too late",
      async () => {
        let former: Buffer | undefined;
        const outcome = await on.join({
          onRequest: async (exchange) => {
            const said = await exchange.ask();
            exchange.write(former ?? said);
            former = said;
          },
        });
        const fault =
          "GET /1.0, the first look: its reply comes again, and each later one a request too late";
        return { ...{ kind: "fault", fault, server: on.server }, ...outcome };
      },
    );

    for (const fault of misbehaviours.filter(({ isCommon }) => isCommon === true))
      for (const lasts of fault.isEndless === true ? [false] : [false, true]) {
        const title = `whose server it is: ${fault.title}${lasts ? ", and from then on" : ""}`;
        // In a directory that is not there yet the server is asked first, as a stranger, whether it is LXD or Incus.
        itFinds(
          title,
          async () => {
            const configDir = on.stage.newDirectory();
            const outcome = await on.join(disturb(steps[0], fault, lasts), {
              always: { configDir },
              inputs: fault.isEndless === true ? { timeouts: impatient } : {},
            });
            for (const file of ["servercerts/edge.crt", "clientcerts/edge.key"])
              assert.ok(!existsSync(join(configDir, file)), `${file} stays`);
            return { ...{ kind: "fault", fault: `GET /1.0, ${title}`, server: on.server }, ...outcome };
          },
          { isLong: true },
        );
      }

    for (const step of steps)
      for (const fault of misbehaviours)
        for (const lasts of [false, true]) {
          if (!isTried(on.server, step, fault, lasts)) continue;
          const title = `${step.title}: ${fault.title}${lasts ? ", and from then on" : ""}`;
          itFinds(
            title,
            async () => ({
              ...{ kind: "fault", fault: `${step.what}, ${title}`, server: on.server },
              ...(await on.join(disturb(step, fault, lasts), {
                inputs: fault.isEndless === true ? { timeouts: impatient } : {},
              })),
            }),
            { isLong: step.title !== "the token" || fault.isCommon !== true },
          );
        }
  });
});

/**
 * What is common is tried everywhere; what is rare has nothing to do with the server's kind and is tried once, and what takes
 * time only before and at the token.
 */
function isTried(server: string, step: Step, fault: Misbehaviour, lasts: boolean): boolean {
  if (fault.isCommon === true) return !lasts || fault.isEndless !== true || step.title === "the token";
  if (server.startsWith("Incus") || lasts || step.title === "the projects") return false;
  return fault.isEndless !== true || step.title === "the first look" || step.title === "the token";
}

/** Has a request of a step come to grief, once or with each of its kind and all that follow. */
function disturb(step: Step, { act }: Misbehaviour, lasts: boolean): Conduct {
  let isHit = false;
  return {
    onRequest: (exchange, seen) => {
      const isDue = isHit ? lasts : isOf(step, exchange.request, seen);
      if (!isDue) return passOn(exchange);
      isHit = true;
      return act(exchange);
    },
  };
}

function isOf(step: Step, { what }: SeenRequest, seen: readonly SeenRequest[]): boolean {
  const hasToken = seen.some((request) => request.what.startsWith("POST "));
  return what === step.what && hasToken === step.isAfterToken;
}
