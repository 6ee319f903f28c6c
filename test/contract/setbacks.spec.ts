/** Failed changes of the address, against the server double. */
import { profileNames } from "../support/double/double";
import { failToSet, noLockout, setbackCases } from "../support/setback-cases";

for (const profile of profileNames) {
  describe(`a failed change leaves the double of ${profile} as it was`, () => {
    for (const theCase of setbackCases.filter(({ isReal }) => isReal !== true)) {
      for (const from of ["unset", "set"] as const) {
        it(`${theCase.title}, from ${from}`, () => failToSet(theCase, profile, from));
      }
    }
    it("the last way in is kept, unless it is said otherwise", () => noLockout(profile));
  });
}
