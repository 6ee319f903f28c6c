/** `npm run bench`: measures how fast the package is, beside what people use today and beside Pulumi's own floor. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isEnding, main } from "../scripts/ending.mjs";
import { root } from "../scripts/run.mjs";
import { setUp } from "../scripts/setup.mjs";
import { StepError, detail, say } from "../scripts/steps.mjs";
import { measures } from "./measures.mjs";
import { figureCells, writeDocument } from "./report/document.mjs";

const help = `npm run bench [-- OPTIONS]

Measures with real servers, the real engine and a network that is slow on purpose, each thing beside its baseline in turn. Writes
bench/results.json and docs/performance.md with its plots. A bar that is missed is told, and is no failure of the run.

  --quick       fewer rounds and fewer resources, under two minutes; writes bench/results-quick.json, and no document
  --only NAME   only this measure (may be given several times); the others keep what they have in the results:
                ${measures.map(({ name }) => name).join(", ")}
  --help`;

/** @typedef {import("./report/document.mjs").Results} Results */

main(async () => {
  const { quick: isQuick, only, help: isHelp } = readArguments();
  if (isHelp) {
    console.log(help);
    return 0;
  }
  const wanted = measures.filter(({ name, onlyInFull }) =>
    only.length > 0 ? only.includes(name) : !(isQuick && onlyInFull),
  );
  const found = await setUp({ pulumi: true, lxd: true, incus: true, sshd: true });
  const { pulumi: engine, lxd, incus, reasons } = found;
  if (engine === undefined) throw new StepError(`The bench needs the Pulumi engine. ${reasons.pulumi}`);
  if (lxd === undefined) throw new StepError(`The bench needs LXD: ${reasons.lxd}`);
  const machine = {
    LXD: lxd.version,
    ...(incus !== undefined && { Incus: incus.version }),
    Pulumi: engine.version,
    "its SDK": JSON.parse(readFileSync(join(root, "node_modules/@pulumi/pulumi/package.json"), "utf8"))
      .version,
    Node: process.versions.node,
    cores: cpus().length,
    processor: cpus()[0]?.model ?? arch(),
    kernel: release(),
  };
  const file = join(root, "bench", isQuick ? "results-quick.json" : "results.json");
  const results = { ...readResults(file), isQuick, machine };
  for (const { name, title, measure } of wanted) {
    say(`measuring: ${title} (${name})`);
    const taken = await measure({ isQuick, found, engine });
    if (isEnding()) return 1;
    for (const figure of taken.figures) detail(`${figure.what}: ${figureCells(figure).join("  ").trimEnd()}`);
    results.measures[name] = {
      title,
      when: new Date().toISOString().slice(0, 16).replace("T", " "),
      ...taken,
    };
    results.measures = inOrder(results.measures);
    // Written after each, so that what was measured is not lost with what fails later.
    writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
  }
  if (!isQuick) await writeDocument(join(root, "docs", "performance.md"), results);
  const missed = Object.values(results.measures)
    .flatMap(({ figures }) => figures)
    .filter(({ ratio, bar }) => bar !== undefined && !(ratio <= bar));
  say(`${missed.length === 0 ? "every bar is met" : `${missed.length} bars are missed`}; see ${file}`);
  return 0;
});

function readArguments() {
  const { values } = parse();
  const only = values.only ?? [];
  const unknown = only.filter((name) => !measures.some((one) => one.name === name));
  if (unknown.length > 0)
    throw new StepError(
      `There is no measure ${unknown.join(", ")}; there are ${measures.map(({ name }) => name).join(", ")}.`,
    );
  return { quick: values.quick === true, help: values.help === true, only };
}

function parse() {
  const flag = /** @type {const} */ ({ type: "boolean" });
  try {
    return parseArgs({ options: { quick: flag, only: { type: "string", multiple: true }, help: flag } });
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * What earlier runs have measured.
 * @param {string} file
 * @returns {Pick<Results, "measures">}
 */
function readResults(file) {
  if (!existsSync(file)) return { measures: {} };
  const { measures: earlier } = JSON.parse(readFileSync(file, "utf8"));
  return { measures: earlier };
}

/** @param {Results["measures"]} taken */
function inOrder(taken) {
  const entries = measures.flatMap(({ name }) => {
    const one = taken[name];
    return one === undefined ? [] : [/** @type {const} */ ([name, one])];
  });
  return Object.fromEntries(entries);
}

/**
 * @param {string} _key
 * @param {unknown} value
 */
function rounded(_key, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Math.round(value * 1000) / 1000 : value;
}
