/**
 * `npm run schema`: writes schema.json, the package schema from which Pulumi makes SDKs for other languages.
 * `npm run check:schema`: whether it is that of today's sources.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { main } from "./ending.mjs";
import { root } from "./run.mjs";
import { compile } from "./setup.mjs";
import { StepError, say } from "./steps.mjs";

const file = join(root, "schema.json");

main(async () => {
  await compile();
  const compiled = pathToFileURL(join(root, "dist", "provider", "schema", "package.js"));
  /** @type {typeof import("../provider/schema/package.js")} */
  const { packageSchema } = await import(compiled.href);
  const schema = packageSchema(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const text = `${JSON.stringify(schema, undefined, 2)}\n`;
  const isSame = existsSync(file) && readFileSync(file, "utf8") === text;
  if (process.argv.includes("--check")) {
    if (!isSame)
      throw new StepError(
        "schema.json is not what the sources make of it: run `npm run schema`, look at what changed, and commit it.",
      );
    say("schema.json is what the sources make of it");
  } else {
    if (!isSame) writeFileSync(file, text);
    say(isSame ? "schema.json was up to date" : "schema.json is written");
  }
  return 0;
});
