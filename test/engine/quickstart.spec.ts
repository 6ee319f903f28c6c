/** What the README promises of `npm run quickstart`, run as it stands there. */
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { runProgram } from "../support/pulumi-project";
import { describeWith } from "../support/skip";

const root = resolve(__dirname, "../..");

describeWith(["pulumi", "lxd-daemon"], "npm run quickstart", function () {
  this.timeout(300_000);

  const quickstart = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram("npm", ["run", "--silent", "quickstart", "--", ...args], { cwd: root });
  const leftOver = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("lxa-"));

  const mounts = (): string[] =>
    readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes("/lxa-"));

  it("does the main job, lets the real lxc use the remote, finds nothing more to do, and leaves nothing", async () => {
    const before = { files: leftOver(), mounts: mounts() };
    const { code, output } = await quickstart();
    assert.equal(code, 0, output);
    for (const shown of [
      /HttpsAddress server created/,
      /TrustToken invitation created/,
      /Remote remote created/,
      /lxc remote list\n(.*\n)*\| quickstart +\| https:\/\/127\.0\.0\.1:\d+/,
      /lxc list quickstart:\n\+-/,
      /pulumi preview --expect-no-changes\n(.*\n)*.*5 unchanged/,
      /done: no process, mount or file is left/,
    ]) {
      assert.match(output, shown);
    }
    assert.deepEqual({ files: leftOver(), mounts: mounts() }, before);
  });

  it("says what it can do", async () => {
    const { code, output } = await quickstart("--help");
    assert.equal(code, 0);
    for (const option of ["--keep", "--server", "--help"]) assert.ok(output.includes(option), option);
  });

  it("names a wrong option, and begins nothing", async () => {
    const { code, output } = await quickstart("--kep");
    assert.notEqual(code, 0);
    assert.match(output, /--kep/);
  });
});
