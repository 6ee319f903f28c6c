/** Imports from real daemons, from client directories that the real clients have written. */
import { mkdirSync } from "node:fs";
import { needsClient, runClient } from "../support/client-command";
import { describeImports } from "../support/import-cases";
import { describeWith } from "../support/skip";

for (const [kind, flavor] of [
  ["lxd-daemon", "lxd"],
  ["incus-daemon", "incus"],
] as const) {
  describeWith([kind], `an import from a real ${kind}`, () => {
    before(needsClient(flavor));
    describeImports(kind, async (_stage, directory, name, token) => {
      mkdirSync(directory);
      await runClient(flavor, directory, "remote", "add", name, token);
    });
  });
}
