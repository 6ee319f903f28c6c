/** The provider's process killed before, in the middle of and after everything that it does for a resource. */
import { strict as assert } from "node:assert";
import { describeCrashes } from "../support/faults/crash-flow";
import { httpsAddressFlows, remoteFlows, trustTokenFlows } from "../support/faults/crash-flows";
import { type Call, DoomedProvider } from "../support/faults/doomed-provider";
import { itFinds, someOf } from "../support/faults/finding";
import { onboardingFlows } from "../support/faults/onboarding-flows";
import { recorded } from "../support/stack";

describe("Crash points", function () {
  this.timeout(600_000);

  for (const [resource, flows] of Object.entries({
    HttpsAddress: httpsAddressFlows,
    TrustToken: trustTokenFlows,
    Remote: remoteFlows,
    "Onboarding with the pair of a client directory": onboardingFlows(false),
    "Onboarding with a ClientCertificate": onboardingFlows(true),
  }))
    describeCrashes(resource, (flow) => {
      for (const [title, make] of someOf(Object.entries(flows))) flow(title, "provider", make);
    });

  describe("ClientCertificate", () => {
    itFinds("does nothing outside its process, so that nothing can be cut off", async () => {
      const resource = "ClientCertificate";
      const points: string[] = [];
      const make = async (call: Call): Promise<object> => {
        const provider = new DoomedProvider();
        try {
          const end = await provider.make(call);
          assert.equal(end.answer?.error, undefined);
          points.push(...end.points);
          return end.answer?.outs ?? {};
        } finally {
          provider.end();
        }
      };
      const [inputs, others] = [{ commonName: "edge" }, { commonName: "edge", validityDays: 30 }];
      const { outputs } = recorded(resource, "id", inputs, await make({ resource, kind: "create", inputs }));
      await make({ resource, kind: "update", id: "id", outputs, inputs: others });
      await make({ resource, kind: "delete", id: "id", outputs });
      assert.deepEqual(points, []);
      return {
        kind: "fault",
        fault: "kill -9 of the provider while a ClientCertificate is created, updated or deleted",
        server: "none",
        happened: `changes of a server or a file to be killed at: ${points.length}`,
        left: "nothing",
      };
    });
  });
});
