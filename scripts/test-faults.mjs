/** `npm run test:faults`: runs the fault suite and writes what came of it into docs/reliability.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isEnding, main } from "./ending.mjs";
import { describe, environmentFor, layers, portionsOf, runPortions, summarize } from "./layers.mjs";
import { root } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail, say } from "./steps.mjs";

const help = `npm run test:faults [-- OPTIONS]

Runs all of the fault suite, of which \`npm test\` runs what takes seconds, and writes what each fault came to into
docs/reliability.md. It takes some ten minutes.

  --soak        also onboards and destroys 200 times, and looks for what grows
  --grep TEXT   only tests whose name holds this text; writes nothing
  --help`;

const report = join(root, "docs", "reliability.md");

/** @typedef {import("./mocha-reporter.ts").Passed} Passed */

main(async () => {
  const { soak, grep, help: isHelp } = readArguments();
  if (isHelp) {
    console.log(help);
    return 0;
  }
  const found = await setUp({ ...layers.faults, ...(soak && layers.soak) });
  for (const line of describe(found)) detail(line);
  const env = { ...environmentFor(found), LXD_ACCESS_TEST_THOROUGH: "1" };
  const counts = await runPortions(portionsOf("faults", { size: 1, grep }), { atOnce: 2, env, grep });
  // Alone, since it measures.
  if (soak && !isEnding()) counts.push(...(await runPortions(portionsOf("soak"), { atOnce: 1, env, grep })));
  if (isEnding()) return 1;
  const code = summarize(counts);
  if (code !== 0 || grep !== undefined) return code;
  if (counts.some(({ skipped }) => skipped.length > 0))
    throw new StepError(
      "Some tests were skipped, so docs/reliability.md was left as it is: it tells of all of them.",
    );
  await write(counts.flatMap(({ passed }) => passed));
  say("docs/reliability.md is up to date");
  return 0;
});

function readArguments() {
  try {
    return parseArgs({
      options: { soak: { type: "boolean" }, grep: { type: "string" }, help: { type: "boolean" } },
    }).values;
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/** @param {readonly Passed[]} tests */
async function write(tests) {
  const tables = { faults: faultTables(tests), inputs: inputTable(tests), soak: soakTable(tests) };
  let text = readFileSync(report, "utf8");
  for (const [name, table] of Object.entries(tables)) {
    const marks = new RegExp(`(<!-- ${name} -->\n).*?(\n<!-- /${name} -->)`, "s");
    if (!marks.test(text)) throw new StepError(`docs/reliability.md has no place for ${name}`);
    // A soak that did not run this time keeps what it showed the last time.
    if (table !== "") text = text.replace(marks, (_all, before, after) => `${before}\n${table}\n${after}`);
  }
  const { format, resolveConfig } = await import("prettier");
  writeFileSync(report, await format(text, { ...(await resolveConfig(report)), filepath: report }));
}

/**
 * A table for each outermost suite. What came out the same on LXD and Incus is told once.
 * @param {readonly Passed[]} tests
 */
function faultTables(tests) {
  /** @type {Map<string, Map<string, { cells: string[], servers: Set<string> }>>} */
  const suites = new Map();
  for (const { path, findings } of tests)
    for (const finding of findings) {
      if (finding.kind !== "fault") continue;
      const { fault, server, happened, left } = finding;
      const [suite = "", ...rest] = path.map((title) => title.replaceAll(/(lxd|incus)-daemon/g, "*-daemon"));
      const rows = suites.get(suite) ?? new Map();
      const cells = [fault, happened, left, rest.join(": ")];
      const row = rows.get(cells.join("\n")) ?? { cells, servers: new Set() };
      row.servers.add(server);
      suites.set(suite, rows.set(cells.join("\n"), row));
    }
  return [...suites]
    .map(([suite, rows]) => {
      const head = ["fault", "server", "what happened", "what was left", "test"];
      const lines = [...rows.values()].map(({ cells: [fault = "", ...others], servers }) => [
        fault,
        [...servers].join(", "),
        ...others,
      ]);
      return `### ${suite}\n\n${table(head, lines)}`;
    })
    .join("\n\n");
}

/** @param {readonly Passed[]} tests */
function inputTable(tests) {
  const rows = tests.flatMap(({ path, findings }) =>
    findings.flatMap((finding) =>
      finding.kind === "inputs" ? [[finding.reader, String(finding.cases), path.join(": ")]] : [],
    ),
  );
  return rows.length === 0 ? "" : table(["what was read", "generated inputs", "test"], rows);
}

/** @param {readonly Passed[]} tests */
function soakTable(tests) {
  const rows = tests.flatMap(({ findings }) =>
    findings.flatMap((finding) =>
      finding.kind === "soak" ? [[finding.measure, finding.early, finding.late]] : [],
    ),
  );
  return rows.length === 0 ? "" : table(["measure", "early", "at the end"], rows);
}

/**
 * @param {readonly string[]} head
 * @param {readonly string[][]} rows
 */
function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
