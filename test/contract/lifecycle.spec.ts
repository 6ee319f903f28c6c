/** The lifecycle table against the server double, every version it stands in for. */
import { live, waysFor } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { profileNames } from "../support/double/double";

for (const profile of profileNames) {
  describe(`the life of each resource on the double of ${profile}`, () => {
    for (const theCase of lifecycleCases) {
      for (const way of waysFor(theCase, profile)) {
        it(`${theCase.resource} over ${way}: ${theCase.title}`, () => live(theCase, profile, way));
      }
    }
  });
}
