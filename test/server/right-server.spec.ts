/** What a restricted client is shown, and hidden, by real daemons. */
import { hiddenIsNotGone } from "../support/hidden-case";
import { describeWith } from "../support/skip";

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describeWith([kind], `hidden is not gone, on a real ${kind}`, () => {
    it("a client that may not administer: an error that names the missing right, also with keep", () =>
      hiddenIsNotGone(kind));
  });
}
