/** The report for people who read a terminal or a log. */
import { styleText } from "node:util";
import type { DriftReport, Finding } from "../report";
import {
  grouped,
  headline,
  kindWords,
  notesOnResources,
  number,
  overviewOf,
  placeOf,
  summary,
  toldTogether,
  unseenServers,
  waysOut,
  whatOf,
} from "./overview";
import { shownMessage, shownName, shownSource, shownTime, withoutCommands } from "./shown";

type Style = Exclude<Parameters<typeof styleText>[0], readonly unknown[]>;
type Paint = (style: Style, text: string) => string;

const signs: Record<Finding["kind"], { readonly sign: string; readonly style: Style }> = {
  changed: { sign: "~", style: "red" },
  gone: { sign: "-", style: "red" },
  unreachable: { sign: "?", style: "yellow" },
  failed: { sign: "?", style: "yellow" },
  expiring: { sign: "!", style: "yellow" },
  "unmanaged-client": { sign: "+", style: "red" },
  "unmanaged-token": { sign: "+", style: "red" },
  "unmanaged-listener": { sign: "+", style: "red" },
};

const outcomeStyles = { drift: "red", unknown: "yellow", "in-sync": "green" } as const;

export function text(report: DriftReport, { colour }: { readonly colour: boolean }): string {
  const paint: Paint = (style, words) =>
    colour ? styleText(style, words, { validateStream: false }) : words;
  const { drift, untold, expiring } = overviewOf(report);
  const paragraphs = [
    section("Drift", drift, report, paint),
    section("Could not tell", untold, report, paint),
    section("Expiring", expiring, report, paint),
    remarks(report),
    [`${paint(outcomeStyles[report.outcome], headline(report))}: ${summary(report)}`],
  ];
  const full = paragraphs.filter(({ length }) => length > 0).map((lines) => lines.join("\n"));
  return withoutCommands(`${full.join("\n\n")}\n`);
}

function section(title: string, findings: readonly Finding[], report: DriftReport, paint: Paint): string[] {
  if (findings.length === 0) return [];
  const places = [...grouped(findings, placeOf).values()];
  return [
    paint("bold", title),
    ...places.flatMap((found) => [
      `  ${paint("bold", placeWithName(found[0], report))}`,
      ...toldTogether(found).flatMap((alike) => entry(alike, report, paint)),
    ]),
  ];
}

/** Where it was found: a server by the name that it gives itself, too. A line of ours never begins with a name: see withoutCommands. */
function placeWithName(finding: Finding | undefined, { servers }: DriftReport): string {
  if (finding?.server === undefined) return `Stack ${shownName(finding?.stack ?? "unknown")}`;
  const serverName = servers.find(({ name }) => name === finding.server)?.serverName;
  const inBrackets = serverName === undefined ? "" : ` (${shownName(serverName)})`;
  return `Server ${shownName(finding.server)}${inBrackets}`;
}

function entry(alike: readonly Finding[], report: DriftReport, paint: Paint): string[] {
  const [first] = alike;
  if (first === undefined) return [];
  const { sign, style } = signs[first.kind];
  const whats = first.kind === "changed" ? [what(first, report)] : alike.map((one) => what(one, report));
  const code = first.code === undefined ? "" : ` [${shownName(first.code)}]`;
  return [
    `    ${paint(style, `${sign} ${whats.join(", ")}: ${kindWords[first.kind]}`)}${code}`,
    ...(first.kind === "changed" ? alike : [first]).map((one) => `        ${detail(one, paint)}`),
  ];
}

/** As in `TrustToken "ci" (index.ts:12)`; with its stack, where there are several and the place does not say it. */
function what({ type, name, server, stack, source }: Finding, { stacks }: DriftReport): string {
  const where = [
    ...(server !== undefined && stack !== undefined && stacks.length > 1 ? [shownName(stack)] : []),
    ...(source === undefined ? [] : [shownSource(source)]),
  ];
  return `${shownName(type)} "${shownName(name)}"${where.length > 0 ? ` (${where.join(", ")})` : ""}`;
}

function detail(finding: Finding, paint: Paint): string {
  const line = `· ${whatOf(finding)}`;
  return finding.kind === "changed" ? line : paint("dim", line);
}

/** What can be done, how much was passed over, and what else is to be known. */
function remarks(report: DriftReport): string[] {
  const { ignored, known } = overviewOf(report);
  return [
    ...waysOut(report),
    ...(ignored.length > 0 ? [`Ignored by rules: ${number(ignored.length, "finding")}.`] : []),
    ...(known.length > 0 ? [`Known since ${earlier(report)}: ${number(known.length, "finding")}.`] : []),
    ...unseenServers(report).map((server) => `Not looked at for what nobody manages: ${shownName(server)}.`),
    ...[...notesOnResources(report), ...report.notes.map(shownMessage)].map((note) => `Note: ${note}`),
  ];
}

function earlier({ newSince }: DriftReport): string {
  return newSince === undefined ? "an earlier report" : `the report of ${shownTime(newSince)}`;
}
