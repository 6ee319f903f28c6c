/** The lifecycle table against the server double, every version it stands in for. */
import { live } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { profileNames } from "../support/double/double";

for (const profile of profileNames) {
  describe(`the life of each resource on the double of ${profile}`, () => {
    for (const theCase of lifecycleCases) {
      if (theCase.when?.(profile) === false) continue;
      for (const way of theCase.ways ?? (["unix", "https"] as const)) {
        it(`${theCase.resource} over ${way}: ${theCase.title}`, () => live(theCase, profile, way));
      }
    }
  });
}
