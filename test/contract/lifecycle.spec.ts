/** The lifecycle table against the server double, every version it stands in for, by both fronts. */
import { live, waysFor } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { profileNames } from "../support/double/double";

for (const front of ["dynamic", "plugin"] as const) {
  for (const profile of profileNames) {
    describe(`the life of each resource by the ${front} front on the double of ${profile}`, () => {
      for (const theCase of lifecycleCases) {
        for (const way of waysFor(theCase, profile)) {
          it(`${theCase.resource} over ${way}: ${theCase.title}`, () =>
            live(theCase, profile, way, { front }));
        }
      }
    });
  }
}
