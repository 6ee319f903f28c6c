/** Failed changes of the address, against real daemons. */
import { failToSet, noLockout, setbackCases } from "../support/setback-cases";
import { describeWith } from "../support/skip";

for (const kind of ["lxd-daemon", "incus-daemon", "lxd-cluster"] as const) {
  describeWith([kind], `a failed change leaves a real ${kind} as it was`, () => {
    for (const theCase of setbackCases) {
      for (const from of ["unset", "set"] as const) {
        it(`${theCase.title}, from ${from}`, () => failToSet(theCase, kind, from));
      }
    }
    it("the last way in is kept, unless it is said otherwise", () => noLockout(kind));
  });
}
