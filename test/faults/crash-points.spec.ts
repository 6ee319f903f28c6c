/** The provider's process killed before, in the middle of and after everything that it does for a resource. */
import { describeCrashes } from "../support/faults/crash-flow";
import { httpsAddressFlows, remoteFlows, trustTokenFlows } from "../support/faults/crash-flows";
import { onboardingFlows } from "../support/faults/onboarding-flows";

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
      for (const [title, make] of Object.entries(flows)) flow(title, "provider", make);
    });
});
