/** Client directories in which something is wrong: Remotes on real servers say so, touch nothing and spend no token. */
import { type ClientFlavor, needsClient } from "../support/client-command";
import { type DirectoryFault, meetFault } from "../support/faults/directory-fault";
import {
  besideFaults,
  contentFaults,
  kindFaults,
  lockFaults,
  mountFaults,
  oddities,
} from "../support/faults/directory-faults";
import { diskFaults } from "../support/faults/disk-faults";
import { type FaultFinding, itFinds, someOf } from "../support/faults/finding";
import { meetAsUser, meetWithoutHome, unreadablePackage } from "../support/faults/other-user";
import { needsMounts, unmountAll } from "../support/faults/mounts";
import { setStage, type Stage } from "../support/joined-server";
import { type ServerKind, unavailableReason } from "../support/servers";
import { describeWith } from "../support/skip";

const grounds = someOf([
  { kind: "lxd-daemon", flavor: "lxd" },
  { kind: "incus-daemon", flavor: "incus" },
] as const);
const plain = [...contentFaults, ...kindFaults, ...besideFaults, ...lockFaults, ...oddities];
const mounted = [...mountFaults, ...diskFaults];

describe("Client directory", function () {
  this.timeout(300_000);
  const stages: Stage[] = [];
  const found = new Map<string, Promise<FaultFinding>>();

  // All at once, since some wait for a file to become whole, or for a lock. Each test tells of one.
  before(async () => {
    const there = grounds.filter(({ kind }) => unavailableReason(kind) === undefined);
    await Promise.all(
      there.map(async ({ kind, flavor }) => {
        const stage = await setStage(kind);
        stages.push(stage);
        for (const [index, fault] of [...plain, ...mounted].entries())
          start(flavor + fault.fault, meetFault(stage, flavor, fault, `fault-${index}`));
      }),
    );
  });
  after(async () => {
    await Promise.allSettled(found.values());
    unmountAll();
    await Promise.all(stages.map((stage) => stage.end()));
  });

  for (const { kind, flavor } of grounds)
    describeWith([kind], `at fault, on a real ${kind}`, () => {
      before(needsClient(flavor));
      tellOf(flavor, plain);

      itFinds("files of another user, for one who is not root", async function () {
        const reason = unreadablePackage();
        if (reason !== undefined) {
          console.log(`      skipped: ${reason}`);
          // Read by the reporter of `npm test`.
          Object.assign(this.test ?? {}, { skipReason: reason });
          this.skip();
        }
        return meetAsUser(stageOf(kind), flavor);
      });

      itFinds("a home directory that is not there, for a path that begins with ~", () =>
        meetWithoutHome(stageOf(kind)),
      );

      describe("on a file system of its own", () => {
        before(needsMounts);
        tellOf(flavor, mounted);
      });
    });

  function start(title: string, finding: Promise<FaultFinding>): void {
    found.set(title, finding);
    // A failure is looked at in the test of its name.
    finding.catch(() => undefined);
  }

  function stageOf(kind: ServerKind): Stage {
    const stage = stages.find(({ server }) => server.name === kind);
    if (stage === undefined) throw new Error(`no ${kind} was started`);
    return stage;
  }

  function tellOf(flavor: ClientFlavor, faults: readonly DirectoryFault[]): void {
    for (const { fault } of faults)
      itFinds(fault, async () => {
        const finding = await found.get(flavor + fault);
        if (finding === undefined) throw new Error("it was not started");
        return finding;
      });
  }
});
