/** What the README promises of `npm run quickstart`, run as it stands there. */
import * as assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runProgram } from "../support/pulumi-project";
import { describeWith } from "../support/skip";

const root = resolve(__dirname, "../..");

describeWith(["pulumi", "lxd-daemon"], "npm run quickstart", function () {
  this.timeout(300_000);

  // Of its own, because other tests leave their files and mounts where everybody does. Short, for the daemon's sockets.
  let temporary: string;
  before(() => {
    temporary = mkdtempSync(join(tmpdir(), "qs-"));
  });
  after(() => {
    rmSync(temporary, { recursive: true });
  });

  const quickstart = (...args: string[]): ReturnType<typeof runProgram> => {
    const env = { ...process.env, TMPDIR: temporary };
    return runProgram("npm", ["run", "--silent", "quickstart", "--", ...args], { cwd: root, env });
  };
  const leftOver = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("lxa-"));
  const mounts = (): string[] =>
    readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(temporary));

  it("does the main job, lets the real lxc use the remote, finds nothing more to do, and leaves nothing", async () => {
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
    assert.match(output, new RegExp(`${temporary}/lxa-`), "that is where it works");
    assert.deepEqual([leftOver(), mounts()], [[], []]);
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
