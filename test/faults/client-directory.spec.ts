/** Client directories in which something is wrong: Remotes on real servers say so, touch nothing and spend no token. */
import { needsClient } from "../support/client-command";
import { type DirectoryFault, meetFault } from "../support/faults/directory-fault";
import {
  besideFaults,
  contentFaults,
  kindFaults,
  lockFaults,
  mountFaults,
} from "../support/faults/directory-faults";
import { type FaultFinding, itFinds } from "../support/faults/finding";
import { needsMounts, unmountAll } from "../support/faults/mounts";
import { setStage, type Stage } from "../support/joined-server";
import { describeWith } from "../support/skip";

describe("Client directory", function () {
  this.timeout(300_000);

  for (const [kind, flavor] of [
    ["lxd-daemon", "lxd"],
    ["incus-daemon", "incus"],
  ] as const) {
    describeWith([kind], `at fault, on a real ${kind}`, () => {
      let stage: Stage;
      before(needsClient(flavor));
      before(async () => {
        stage = await setStage(kind);
      });
      after(() => stage.end());

      /** Starts them all at once, since some wait for a file to become whole; each test tells of one. */
      function meetAll(label: string, faults: readonly DirectoryFault[]): void {
        const found = new Map<DirectoryFault, Promise<FaultFinding>>();
        before(() => {
          for (const [index, fault] of faults.entries()) {
            const finding = meetFault(stage, flavor, fault, `${label}-${index}`);
            // It is looked at in the test of its name.
            finding.catch(() => undefined);
            found.set(fault, finding);
          }
        });
        for (const fault of faults)
          itFinds(fault.fault, async () => {
            const finding = await found.get(fault);
            if (finding === undefined) throw new Error("it was not started");
            return finding;
          });
      }

      meetAll("content", [...contentFaults, ...kindFaults, ...besideFaults, ...lockFaults]);

      describe("on a file system that says no", () => {
        before(needsMounts);
        after(unmountAll);
        meetAll("mount", mountFaults);
      });
    });
  }
});
