/** The lifecycle table against real daemons: what the double is believed for. */
import { live, type Way, waysFor } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { type ServerKind, startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import type { FrontName } from "../support/stack-front";
import { startTestSshd, type TestSshd } from "../support/sshd";

for (const kind of ["lxd-daemon", "incus-daemon", "lxd-cluster"] as const) {
  describeWith([kind], `the life of each resource on a real ${kind}`, () => {
    runTable(kind, (way) => way !== "ssh");
  });
}

describeWith(["lxd-daemon", "sshd"], "the life of each resource on a real lxd-daemon", () => {
  let sshd: TestSshd;
  before(async () => {
    sshd = await startTestSshd();
  });
  after(() => sshd.stop());

  runTable(
    "lxd-daemon",
    (way) => way === "ssh",
    () => sshd,
  );
});

// What differs between the fronts is nothing of the server's, so one way in to one of them is enough.
describeWith(["lxd-daemon"], "the life of each resource by the plugin on a real lxd-daemon", () => {
  runTable("lxd-daemon", (way) => way === "unix", undefined, "plugin");
});

/** Every case over these ways in, one after the other on one server. */
function runTable(
  kind: ServerKind,
  isWanted: (way: Way) => boolean,
  sshd?: () => TestSshd,
  front?: FrontName,
): void {
  let server: TestServer;
  before(async () => {
    server = await startServer(kind);
  });
  after(() => server.stop());

  for (const theCase of lifecycleCases) {
    for (const way of waysFor(theCase, kind).filter(isWanted)) {
      it(`${theCase.resource} over ${way}: ${theCase.title}`, () =>
        live(theCase, kind, way, { server, sshd: sshd?.(), front }));
    }
  }
}
