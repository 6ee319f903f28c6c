/** A small soak: what it leaves to onboard a client and to take it back, again and again, as far as that is exact. */
import { strict as assert } from "node:assert";
import { type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { OnboardingCycles, type Remains } from "../support/faults/onboarding-cycles";
import { describeWith } from "../support/skip";

describe("Servers", () => {
  describeWith(["lxd-daemon"], "a client that comes and goes", function () {
    this.timeout(180_000);
    itFinds("15 times, by one provider process", async () => {
      const exact = ({ clients, operations, listener, sockets, files }: Remains): object => ({
        ...{ clients, operations, listener, sockets, files },
      });
      const cycles = await OnboardingCycles.begin();
      try {
        await cycles.cycle();
        const first = await cycles.remains();
        assert.deepEqual([first.clients, first.operations, first.listener], [0, 0, ""]);
        for (let n = 1; n < 15; n++) {
          await cycles.cycle();
          assert.deepEqual(exact(await cycles.remains()), exact(first), `after ${n + 1} times`);
        }
        const { clients, operations, listener } = await cycles.remains();
        const finding: FaultFinding = {
          ...{ kind: "fault", server: serverNamed("lxd-daemon"), happened: "done each time" },
          fault:
            "HttpsAddress, TrustToken and Remote are made and destroyed 15 times by one provider process",
          left:
            `${clients} clients, ${operations} operations, ${listener === "" ? "no listener" : "a listener"}; ` +
            "as many sockets and files as after the first time",
        };
        return finding;
      } finally {
        await cycles.end();
      }
    });
  });
});
