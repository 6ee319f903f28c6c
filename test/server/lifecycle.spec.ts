/** The lifecycle table against real daemons: what the double is believed for. */
import { live } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { describeWith } from "../support/skip";

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describeWith([kind], `the life of each resource on a real ${kind}`, () => {
    for (const theCase of lifecycleCases) {
      if (theCase.when?.(kind) === false) continue;
      for (const way of theCase.ways ?? (["unix", "https"] as const)) {
        it(`${theCase.resource} over ${way}: ${theCase.title}`, () => live(theCase, kind, way));
      }
    }
  });
}
