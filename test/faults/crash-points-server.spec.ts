/** The daemon of a server killed before and after everything that the provider asks of it. */
import { describeCrashes } from "../support/faults/crash-flow";
import { httpsAddressFlows, trustTokenFlows } from "../support/faults/crash-flows";
import { onboardingFlows } from "../support/faults/onboarding-flows";

describe("Crash points", function () {
  this.timeout(600_000);

  describeCrashes("The server", (flow) => {
    for (const [title, make] of Object.entries(httpsAddressFlows))
      if (!title.includes("destroyed") && !title.includes("over"))
        flow(`HttpsAddress ${title}`, "server", make);
    // What becomes of one that was redeemed is in the Onboarding.
    for (const [title, make] of Object.entries(trustTokenFlows))
      if (title.includes("waits")) flow(`TrustToken ${title}`, "server", make);
    for (const [title, make] of Object.entries(onboardingFlows(true)))
      flow(`Onboarding ${title}`, "server", make);
  });
});
