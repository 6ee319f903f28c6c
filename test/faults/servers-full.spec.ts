/** A server whose disk is full, so that it cannot keep what it is told. */
import { strict as assert } from "node:assert";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listeningSockets } from "../support/facts/listening-sockets";
import { codeIn, type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { mountMemory, needsMounts, unmountAll } from "../support/faults/mounts";
import { freePort, viewOf } from "../support/server-view";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

for (const flavor of ["lxd", "incus"] as const) {
  const kind = `${flavor}-daemon` as const;
  describe("Servers", () => {
    describeWith([kind], `whose disk is full: ${kind}`, () => {
      before(needsMounts);

      itFinds("an HttpsAddress that is to be moved", async () => {
        const disk = mkdtempSync(join(tmpdir(), "lxa-full-"));
        mountMemory(disk, { size: "96m", inodes: 2000 });
        try {
          const { startDaemon } = await import("../../scripts/daemon.mjs");
          const daemon = await startDaemon({ flavor, directory: join(disk, "d") });
          try {
            const view = viewOf(daemon);
            const stack = new Stack(disk);
            const connection = { socketPath: daemon.socketPath };
            const there = { address: await view.listen(), connection };
            const moved = { address: `127.0.0.1:${await freePort()}`, connection };
            const made = await stack.create("HttpsAddress", there);
            fill(join(disk, "rest"));

            const { recorded = assert.fail(), message = assert.fail() } = await stack.up(
              "HttpsAddress",
              moved,
              made,
            );
            assert.match(message, /disk is full/);
            assert.equal(await view.address(), there.address);
            assert.deepEqual(listeningSockets(daemon.pid), [there.address]);

            rmSync(join(disk, "rest"));
            await daemon.restart();
            assert.deepEqual(listeningSockets(daemon.pid), [there.address]);
            const again = await stack.update(recorded, moved);
            assert.equal(await stack.plan(again, moved), "same");
            assert.deepEqual(listeningSockets(daemon.pid), [moved.address]);
            const finding: FaultFinding = {
              ...{ kind: "fault", server: serverNamed(kind), happened: codeIn(message) },
              fault: "the server's disk is full when its listener is to be moved",
              left: "value and listener as before; with room, and restarted, the next run moves it",
            };
            return finding;
          } finally {
            await daemon.stop();
          }
        } finally {
          // The daemon may have mounted something inside.
          unmountAll();
          rmSync(disk, { recursive: true });
        }
      });
    });
  });
}

/** Leaves no room on the disk of this file. */
function fill(file: string): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(file, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  }
}
