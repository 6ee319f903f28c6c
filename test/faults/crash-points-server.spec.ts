/** The daemon of a server killed before and after everything that the provider asks of it. */
import { describeCrashes } from "../support/faults/crash-flow";
import { httpsAddressFlows, trustTokenFlows } from "../support/faults/crash-flows";
import { someOf } from "../support/faults/finding";
import { onboardingFlows } from "../support/faults/onboarding-flows";

describe("Crash points", function () {
  this.timeout(600_000);

  describeCrashes("The server", (flow) => {
    const settings = Object.entries(httpsAddressFlows).filter(([title]) => !/destroyed|over/.test(title));
    for (const [title, make] of someOf(settings)) flow(`HttpsAddress ${title}`, "server", make);
    // What becomes of one that was redeemed is in the Onboarding.
    const waiting = Object.entries(trustTokenFlows).filter(([title]) => title.includes("waits"));
    for (const [title, make] of someOf(waiting)) flow(`TrustToken ${title}`, "server", make);
    for (const [title, make] of someOf(Object.entries(onboardingFlows(true))))
      flow(`Onboarding ${title}`, "server", make);
  });
});
