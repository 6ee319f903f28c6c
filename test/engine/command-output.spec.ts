/** The process `lxd-access` where nobody takes what it says. */
import * as assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

const command = join(__dirname, "../../dist/cli/main.js");

describe("the process lxd-access", () => {
  it("ends as it would where its reader has enough", async () => {
    const child = spawn(process.execPath, [command, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.equal(said, "");
  });

  it("tells its version", () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8")) as {
      version: string;
    };
    const { stdout, status } = spawnSync(process.execPath, [command, "--version"]);
    assert.deepEqual([stdout.toString(), status], [`${version}\n`, 0]);
  });

  it("fails, and says so in a line, where what it says is lost on a full disk", function () {
    if (!existsSync("/dev/full")) {
      console.log("      skipped: there is no /dev/full on this machine");
      this.skip();
    }
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [command, "--help"], {
      stdio: ["ignore", full, "pipe"],
    });
    closeSync(full);
    assert.match(stderr.toString(), /^lxd-access: Writing to standard output: ENOSPC.*\n$/);
    assert.equal(status, 1);
  });
});
