/** How `npm test` runs its layers: what a test leaves running ends with the process of that test. */
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the processes in which tests run", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-layers-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("end what a test left running, and are not waited for as long as that runs", async () => {
    const note = join(folder, "pid");
    const spec = join(folder, "leaving.spec.cjs");
    writeFileSync(
      spec,
      `const { spawn } = require("node:child_process");
      it("leaves a process", () => {
        const args = ["--eval", "setInterval(() => undefined, 1000)"];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
        require("node:fs").writeFileSync(${JSON.stringify(note)}, String(child.pid));
        child.unref();
      });`,
    );
    const { runPortions } = await import("../../scripts/layers.mjs");
    const options = { atOnce: 1, env: process.env, grep: "leaves a process" };
    const [count] = await runPortions([{ layer: "unit", files: [spec] }], options);
    assert.deepEqual([count?.passed.length, count?.failed], [1, []]);
    const status = `/proc/${readFileSync(note, "utf8")}/stat`;
    assert.ok(!isAlive(status), "it runs no more");
  });
});

/** Whether a process is there; one that has ended may not have been asked for its exit code yet. */
function isAlive(status: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(status, "utf8"));
  } catch {
    return false;
  }
}
