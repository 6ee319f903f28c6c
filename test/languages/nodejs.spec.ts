/** The SDK for Node.js that Pulumi makes of schema.json, for programs that use the plugin. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { makeSdk, succeeds } from "../support/language-sdk";
import { describeWith } from "../support/skip";

const modules = resolve(__dirname, "../../node_modules");

describeWith(["languages"], "the Node.js SDK", function () {
  this.timeout(300_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-nodejs-"));
    await makeSdk("nodejs", folder);
    symlinkSync(modules, join(folder, "node_modules"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("passes the compiler", async () => {
    const tsc = join(modules, "typescript", "bin", "tsc");
    await succeeds(process.execPath, [tsc, "--noEmit", "--types", "node", "-p", "."], folder);
  });
});
