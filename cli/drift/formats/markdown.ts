/** The report for the summary of a job and for a comment on a pull request, as GitHub and GitLab show Markdown. */
import { createHash } from "node:crypto";
import { printable } from "../../../provider/errors";
import type { DriftReport, Finding, ResourceReport } from "../report";
import {
  findingsByUrn,
  grouped,
  headline,
  kindWords,
  notesOnResources,
  number,
  overviewOf,
  passedOver,
  placeOf,
  type Standing,
  standingOf,
  standingOfReport,
  summary,
  unseenServers,
  valuesOf,
  waysOut,
  whatOf,
} from "./overview";
import { shownMessage, shownName } from "./shown";

/** GitHub takes 65,536 characters in a comment, and more in a summary; the rest is for the sentence that says what is left out. */
const longest = 65_000;

const icons: Record<Standing, string> = {
  drift: "❌",
  untold: "❓",
  expiring: "⏳",
  "passed-over": "➖",
  "in-sync": "✅",
};

/** Lines of which some can be left out. */
interface Section {
  readonly before: readonly string[];
  readonly lines: readonly string[];
  readonly after: readonly string[];
}

export function markdown(report: DriftReport): string {
  const head = [
    marker(report),
    "",
    `## ${icons[standingOfReport(report)]} Drift report: ${headline(report)}`,
    "",
    summary(report),
  ];
  let room = longest - lengthOf(head);
  let leftOut = 0;
  const body = sectionsOf(report).flatMap(({ before, lines, after }) => {
    room -= lengthOf(["", ...before, ...after]);
    const shown = lines.filter((line) => {
      room -= lengthOf([line]);
      return room >= 0;
    });
    leftOut += lines.length - shown.length;
    return shown.length === 0 ? [] : ["", ...before, ...shown, ...after];
  });
  const where = "are left out here for want of room: the formats json and html have them all.";
  const end = leftOut === 0 ? [] : ["", `**${number(leftOut, "line")} ${where}**`];
  return `${[...head, ...body, ...end].join("\n")}\n`;
}

/** With the ends of the lines. */
function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

/** The first line, by which a program finds its comment again: the same in each report on these stacks. Nobody sees it. */
function marker({ stacks }: DriftReport): string {
  const names = stacks.map(({ name }) => name).sort();
  const digest = createHash("sha256").update(JSON.stringify(names)).digest("hex");
  return `<!-- lxd-access drift ${digest.slice(0, 16)} -->`;
}

function sectionsOf(report: DriftReport): Section[] {
  const { drift, untold, expiring, ignored, known } = overviewOf(report);
  const about = (finding: Finding): string[] => [code(shownName(placeOf(finding))), nameOf(finding, report)];
  return [
    {
      ...table(
        `### Drift`,
        ["Where", "Resource", "What", "Expected", "Found"],
        drift.map((finding) => [...about(finding), ...change(finding)]),
      ),
      after: ["", ...waysOut(report)],
    },
    table(
      `### Could not tell`,
      ["Where", "Resource", "What", "Why"],
      untold.map((finding) => [...about(finding), kindWords[finding.kind], code(whatOf(finding))]),
    ),
    table(
      `### Expiring`,
      ["Where", "Resource", "When", "What"],
      expiring.map((finding) => [...about(finding), code(finding.expiresAt ?? ""), code(whatOf(finding))]),
    ),
    {
      before: [],
      lines: [
        ...unseenServers(report).map((name) => `- Not looked at for what nobody manages: ${code(name)}`),
        ...[...notesOnResources(report), ...report.notes.map(shownMessage)].map((note) => `- ${code(note)}`),
      ],
      after: [],
    },
    details(
      `Ignored: ${ignored.length}, known: ${known.length}`,
      ["Where", "Resource", "What", "Why it is no alarm"],
      [...ignored, ...known].map((finding) => [
        ...about(finding),
        [
          kindWords[finding.kind],
          ...(finding.property === undefined ? [] : [code(shownName(finding.property))]),
        ].join(" "),
        code(passedOver(finding)),
      ]),
    ),
    inSync(report),
  ];
}

/** What, expected, and found. */
function change(finding: Finding): string[] {
  const what = kindWords[finding.kind];
  const values = valuesOf(finding);
  if (values === undefined) return [what, "", code(whatOf(finding))];
  const { property, expected, found, reason } = values;
  const because = reason === undefined ? "" : `; ${code(reason)}`;
  return [
    `${what}: ${code(property)}`,
    expected === undefined ? "" : code(expected),
    `${code(found)}${because}`,
  ];
}

function inSync(report: DriftReport): Section {
  const byUrn = findingsByUrn(report);
  const fine = report.resources.filter(({ urn }) => standingOf(byUrn.get(urn) ?? []) === "in-sync");
  const rows = [...grouped(fine, placeOf)].map(([place, resources]) => [
    code(shownName(place)),
    [...grouped(resources, ({ type }) => type)]
      .map(([type, { length }]) => `${length} ${code(shownName(type))}`)
      .join(", "),
  ]);
  return details(`In sync: ${number(fine.length, "resource")}`, ["Where", "Resources"], rows);
}

/** Type and name, and the stack, where there are several. */
function nameOf({ type, name, stack }: Finding | ResourceReport, { stacks }: DriftReport): string {
  const full = code(`${shownName(type)} "${shownName(name)}"`);
  return stack === undefined || stacks.length < 2 ? full : `${full} of ${code(shownName(stack))}`;
}

function table(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): Section {
  const before = [title, "", row(columns), row(columns.map(() => "---"))];
  return { before, lines: rows.map(row), after: [] };
}

/** A table that opens when it is clicked on. */
function details(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): Section {
  const { before, lines } = table(`<details><summary>${title}</summary>`, columns, rows);
  return { before, lines, after: ["", "</details>"] };
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/**
 * A text from elsewhere. In code GitHub sees neither mentions nor issues; what Markdown, HTML or a table could take for its own is
 * written as a character reference, which never has a meaning but its character.
 */
function code(text: string): string {
  const escaped = printable(text).replace(
    /[^A-Za-z0-9 .,/()"\-\u0080-\u{10ffff}]|(?<=www)\./giu,
    (character) => `&#${character.charCodeAt(0)};`,
  );
  return `<code>${escaped}</code>`;
}
