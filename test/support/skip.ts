/** Skipping tests for which this machine lacks something, with the reason printed. */
import { unavailableReason as serverReason, type ServerKind } from "./servers";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Skips the tests of the surrounding `describe` where one of these is missing. */
export function skipWithout(...needed: (ServerKind | "pulumi")[]): void {
  before(function () {
    const reason = needed
      .map((what) => (what === "pulumi" ? engineReason() : serverReason(what)))
      .find((found) => found !== undefined);
    if (reason === undefined) return;
    console.log(`      skipped: ${reason}`);
    this.skip();
  });
}

function engineReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_PULUMI_MISSING"];
  if (missing !== undefined) return missing;
  const isOnPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => existsSync(join(folder, "pulumi")));
  return isOnPath ? undefined : "there is no pulumi on PATH; `npm test` finds or builds one";
}
