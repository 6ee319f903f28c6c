/**
 * `npm run schema`: writes schema.json, the package schema from which Pulumi makes SDKs for other languages, its example
 * into the page for the Pulumi Registry, the JSON schema of the drift report, and the help of the commands into their pages.
 * `npm run check:schema`: whether all are those of today's sources.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { toJSONSchema } from "zod";
import { main } from "./ending.mjs";
import { root } from "./run.mjs";
import { compile } from "./setup.mjs";
import { StepError, say } from "./steps.mjs";

const page = join("docs", "_index.md");
const driftSchema = join("docs", "drift-report.schema.json");

main(async () => {
  await compile();
  /** @type {typeof import("../provider/schema/package.js")} */
  const { packageSchema } = await import(compiled("provider", "schema", "package.js"));
  /** @type {typeof import("../cli/drift/report.js")} */
  const { driftReport } = await import(compiled("cli", "drift", "report.js"));
  const schema = packageSchema(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const example = exampleIn(schema.resources["lxd-access:index:Remote"]?.description ?? "");
  const texts = {
    "schema.json": `${JSON.stringify(schema, undefined, 2)}\n`,
    [page]: readFileSync(join(root, page), "utf8").replace(/\{\{< chooser .*\/chooser >\}\}/s, () => example),
    ...Object.fromEntries(["drift"].map((command) => withHelp(join("docs", `${command}.md`), command))),
    // What a later report has besides does no harm.
    [driftSchema]: `${JSON.stringify(toJSONSchema(driftReport, { io: "input" }), undefined, 2)}\n`,
  };
  for (const [name, text] of Object.entries(texts)) {
    const file = join(root, name);
    const isSame = existsSync(file) && readFileSync(file, "utf8") === text;
    if (!process.argv.includes("--check")) {
      if (!isSame) writeFileSync(file, text);
      say(isSame ? `${name} was up to date` : `${name} is written`);
    } else if (isSame) say(`${name} is what the sources make of it`);
    else
      throw new StepError(
        `${name} is not what the sources make of it: run \`npm run schema\`, look at what changed, and commit it.`,
      );
  }
  return 0;
});

/**
 * @param {string} page
 * @param {string} command of lxd-access
 */
function withHelp(page, command) {
  const args = [join(root, "dist", "cli", "main.js"), command, "--help"];
  const help = execFileSync(process.execPath, args, { encoding: "utf8" });
  const block = /(?<=<!-- help -->\n).*(?=\n<!-- \/help -->)/s;
  return [
    page,
    readFileSync(join(root, page), "utf8").replace(block, () => `\n\`\`\`text\n${help.trim()}\n\`\`\`\n`),
  ];
}

/** @param {string[]} path of a module in dist/ */
function compiled(...path) {
  return pathToFileURL(join(root, "dist", ...path)).href;
}

/**
 * The first example of a description, with a tab for each language.
 * @param {string} description
 */
function exampleIn(description) {
  const first = description.slice(0, description.indexOf("{{% /example %}}"));
  const programs = [...first.matchAll(/^```(\w+)\n.*?^```$/gms)];
  const tabs = programs.map(
    ([program, language]) => `{{% choosable language ${language} %}}\n\n${program}\n\n{{% /choosable %}}`,
  );
  const languages = programs.map(([, language]) => language).join(",");
  return [`{{< chooser language "${languages}" >}}`, ...tabs, "{{< /chooser >}}"].join("\n\n");
}
