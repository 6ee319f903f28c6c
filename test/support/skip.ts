/** Skipping tests for which this machine lacks something, with the reason printed. */
import { unavailableReason as serverReason, type ServerKind } from "./servers";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A `describe` that needs something of this machine; where that is missing, its tests are skipped and say why. */
export function describeWith(
  needed: readonly (ServerKind | "pulumi")[],
  title: string,
  body: (this: Mocha.Suite) => void,
): void {
  const reason = needed
    .map((what) => (what === "pulumi" ? engineReason() : serverReason(what)))
    .find((found) => found !== undefined);
  if (reason === undefined) {
    describe(title, body);
    return;
  }
  const suite = describe.skip(`${title} (skipped: ${reason})`, body);
  // Read by the reporter of `npm test`.
  if (suite) Reflect.set(suite, "skipReason", reason);
}

function engineReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_PULUMI_MISSING"];
  if (missing !== undefined) return missing;
  const isOnPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => existsSync(join(folder, "pulumi")));
  return isOnPath ? undefined : "there is no pulumi on PATH; `npm test` finds or builds one";
}
