/** The results as Markdown and SVG. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { StepError } from "../../scripts/steps.mjs";
import { summarize } from "../ground/statistics.mjs";
import { flamePlot } from "./flame-plot.mjs";
import { linesPlot } from "./lines-plot.mjs";
import { waterfallPlot } from "./waterfall-plot.mjs";

/** @typedef {import("../measures.mjs").Figure} Figure */
/** @typedef {import("../measures.mjs").Plot} Plot */
/** @typedef {import("../measures.mjs").Result & { title: string, when: string }} Taken */
/** @typedef {{ isQuick: boolean, machine: Record<string, string | number>, measures: Record<string, Taken> }} Results */

const marks = /(<!-- bench -->\n).*?(\n<!-- \/bench -->)/s;

/**
 * Writes the generated part of a document between its marks, and the plots into a folder of its name beside it.
 * @param {string} file
 * @param {Results} results
 */
export async function writeDocument(file, results) {
  const text = readFileSync(file, "utf8");
  if (!marks.test(text)) throw new StepError(`${file} has no place for the results (<!-- bench -->)`);
  const folder = join(dirname(file), basename(file, extname(file)));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { plots } of Object.values(results.measures))
    for (const plot of plots) writeFileSync(join(folder, `${plot.file}.svg`), draw(plot));
  const filled = text.replace(
    marks,
    (_all, before, after) => `${before}\n${render(results, basename(folder))}\n${after}`,
  );
  const { format, resolveConfig } = await import("prettier");
  writeFileSync(file, await format(filled, { ...(await resolveConfig(file)), filepath: file }));
}

/** @param {Plot} plot */
export function draw(plot) {
  if (plot.kind === "lines") return linesPlot(plot);
  return plot.kind === "waterfall" ? waterfallPlot(plot) : flamePlot(plot);
}

/**
 * @param {Results} results
 * @param {string} folder of the plots, relative to the document
 */
export function render({ isQuick, machine, measures }, folder) {
  const all = Object.values(measures);
  const barred = all.flatMap(({ title, figures }) =>
    figures
      .filter(({ bar }) => bar !== undefined)
      .map((figure) => [title, figure.what, ...figureCells(figure)]),
  );
  const about = Object.entries(machine).map(([what, value]) => `${what} ${value}`);
  return [
    ...(isQuick
      ? ["A quick run: fewer rounds, and fewer resources than those that the bars are meant for.", ""]
      : []),
    `Measured on ${about.join(", ")}.`,
    "",
    "### Bars",
    "",
    table(["measure", "what", "median", "spread", "bar", ""], barred),
    ...all.flatMap((taken) => section(taken, folder)),
  ].join("\n");
}

/**
 * @param {Taken} taken
 * @param {string} folder
 */
function section({ title, when, figures, samples, plots, tables = [], notes = [] }, folder) {
  const others = figures.filter(({ bar }) => bar === undefined);
  const rows = Object.entries(samples).map(([what, { unit, values }]) => {
    const { median, min, max } = summarize(values);
    return [what, `${short(median)} ${unit}`, spread(min, max), String(values.length)];
  });
  return [
    ...["", `### ${title}`, "", `Measured ${when}.`, ...notes.flatMap((note) => ["", note])],
    ...plots.flatMap((plot) => ["", `![${plot.title}](${folder}/${plot.file}.svg)`]),
    ...(others.length === 0
      ? []
      : [
          "",
          table(
            ["what", "figure", "spread"],
            others.map((figure) => [figure.what, ...figureCells(figure).slice(0, 2)]),
          ),
        ]),
    ...tables.flatMap((one) => [
      "",
      `${one.title}:`,
      "",
      table(
        one.head,
        one.rows.map((row) => row.map((cell) => (typeof cell === "number" ? short(cell) : cell))),
      ),
    ]),
    ...[
      "",
      "<details><summary>Samples</summary>",
      "",
      table(["what", "median", "spread", "samples"], rows),
      "",
      "</details>",
    ],
  ];
}

/** @param {Figure} figure */
export function figureCells({ ratio, min, max, unit, bar }) {
  const withUnit = (/** @type {number} */ value) =>
    unit === "" || unit === "×" ? `${short(value)}${unit}` : `${short(value)} ${unit}`;
  const range = min === undefined || max === undefined ? "" : spread(min, max);
  return [
    withUnit(ratio),
    range,
    ...(bar === undefined ? ["", ""] : [`≤ ${withUnit(bar)}`, ratio <= bar ? "met" : "**missed**"]),
  ];
}

/**
 * @param {number} min
 * @param {number} max
 */
function spread(min, max) {
  return `${short(min)} – ${short(max)}`;
}

/** @param {number} value */
function short(value) {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
