/** What of a report matters, in the order in which it matters: the same for all formats for people. */
import { counts, type DriftReport, type Finding, isDrift } from "../report";
import { shownMessage, shownName, shownValue } from "./shown";

/** How a resource or a server stands, after what was found of it: the worst first. */
export const standings = ["drift", "untold", "expiring", "passed-over", "in-sync"] as const;
export type Standing = (typeof standings)[number];

/** Each standing in words. */
export const standingWords: Record<Standing, string> = {
  drift: "drift",
  untold: "could not tell",
  expiring: "expiring",
  "passed-over": "ignored or known",
  "in-sync": "in sync",
};

/** What was found, in words that stand behind a resource, or before a client. */
export const kindWords: Record<Finding["kind"], string> = {
  changed: "changed",
  gone: "gone",
  unreachable: "unreachable",
  failed: "failed",
  expiring: "expiring",
  "unmanaged-client": "unmanaged",
  "unmanaged-token": "unmanaged",
  "unmanaged-listener": "unmanaged",
};

export interface Overview {
  readonly drift: readonly Finding[];
  /** What could not be told. */
  readonly untold: readonly Finding[];
  readonly expiring: readonly Finding[];
  /** What a rule says to pass over. */
  readonly ignored: readonly Finding[];
  /** What the report before had already. */
  readonly known: readonly Finding[];
}

export function overviewOf({ findings }: DriftReport): Overview {
  const counting = findings.filter(counts);
  return {
    drift: counting.filter(isDrift),
    untold: counting.filter((finding) => standingOf([finding]) === "untold"),
    expiring: counting.filter((finding) => standingOf([finding]) === "expiring"),
    ignored: findings.filter(({ ignored }) => ignored !== undefined),
    known: findings.filter((finding) => finding.ignored === undefined && !finding.isNew),
  };
}

/** How something stands of which this was found. */
export function standingOf(findings: readonly Finding[]): Standing {
  const counting = findings.filter(counts);
  if (counting.some(isDrift)) return "drift";
  if (counting.some(({ kind }) => kind === "unreachable" || kind === "failed")) return "untold";
  if (counting.length > 0) return "expiring";
  return findings.length > 0 ? "passed-over" : "in-sync";
}

/** The findings of each resource, by its URN. */
export function findingsByUrn({ findings }: DriftReport): ReadonlyMap<string, readonly Finding[]> {
  return grouped(findings, ({ urn }) => urn ?? "");
}

/** Why a finding is no alarm, as in `ignored until 2027-01-31 (REASON)`; empty where it is one. */
export function passedOver({ ignored, isNew }: Finding): string {
  if (ignored !== undefined) {
    const until = ignored.until === undefined ? "" : ` until ${ignored.until}`;
    return `ignored${until} (${shownMessage(ignored.reason)})`;
  }
  return isNew ? "" : "known";
}

/** The values of a change, and what is wrong with them where they do not say it. */
interface Values {
  readonly property: string;
  readonly expected?: string;
  readonly found: string;
  readonly reason?: string;
}

/** The values of a change, where it has any. */
export function valuesOf({ kind, property, expected, found, reason }: Finding): Values | undefined {
  if (kind !== "changed" || property === undefined) return undefined;
  if (expected === undefined && found === undefined) return undefined;
  const because = reason === undefined ? {} : { reason: shownMessage(reason) };
  const values = { property: shownName(property), found: shownValue(found), ...because };
  return expected === undefined ? values : { ...values, expected: shownValue(expected) };
}

/** What was found, in words that stand beside its name. */
export function whatOf(finding: Finding): string {
  const { kind, property } = finding;
  const values = valuesOf(finding);
  if (values === undefined) {
    const of = kind === "changed" && property !== undefined ? `${shownName(property)}: ` : "";
    return `${of}${shownMessage(reasonOf(finding))}`;
  }
  const expected = values.expected === undefined ? "" : `expected ${values.expected}, `;
  const reason = values.reason === undefined ? "" : `; ${values.reason}`;
  return `${values.property}: ${expected}found ${values.found}${reason}`;
}

/** The sentence of a finding without the name that many begin with. */
function reasonOf({ type, name, message }: Finding): string {
  const label = `${type} ${name}: `;
  return message.startsWith(label) ? message.slice(label.length) : message;
}

/** Values in groups of the same key, in the order in which the keys are met. */
export function grouped<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): ReadonlyMap<string, readonly Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

/**
 * Findings in groups that are told as one: the properties of one resource, and what could not be told for the same reason, since a
 * server that is away takes all its resources with it.
 */
export function toldTogether(findings: readonly Finding[]): (readonly Finding[])[] {
  const groups = grouped(findings, (finding) => {
    const { kind, urn, key, code } = finding;
    if (kind === "changed") return `${kind} ${urn ?? key}`;
    if (kind !== "unreachable" && kind !== "failed") return key;
    return JSON.stringify([kind, code, reasonOf(finding)]);
  });
  return [...groups.values()];
}

/** Where it was found: the server or, of what is on none, the stack. */
export function placeOf({ server, stack }: Pick<Finding, "server" | "stack">): string {
  return server ?? (stack === undefined ? "elsewhere" : `stack ${stack}`);
}

/** The servers of which nobody could tell what on them is unmanaged, and of which no finding that counts says so. */
export function unseenServers(report: DriftReport): string[] {
  const told = new Set(overviewOf(report).untold.map(({ server }) => server));
  return report.servers
    .filter(({ name, status }) => status !== "seen" && !told.has(name))
    .map(({ name }) => name);
}

/** Of the notes on resources so many are shown where they do not stand beside their resource, or they would hide what matters. */
const mostNotes = 5;

/** What was told of resources while they were looked at, such as that a client directory is not on this machine. */
export function notesOnResources({ resources }: DriftReport): string[] {
  const all = resources.flatMap(({ type, name, notes }) =>
    notes.map((note) => `${shownName(type)} ${shownName(name)}: ${shownMessage(note)}`),
  );
  const more = all.length - mostNotes;
  if (more <= 0) return all;
  return [
    ...all.slice(0, mostNotes),
    `${number(more, "more note")} on resources, in the formats json and html`,
  ];
}

/** What can be done about drift, as sentences in which commands are in backticks. */
export function waysOut(report: DriftReport): string[] {
  const { drift } = overviewOf(report);
  const isOfStack = ({ urn }: Finding): boolean => urn !== undefined;
  // Else a refresh ends at what does not answer, such as a remote whose server was given another address.
  const isAway = report.resources.some(({ status }) => status === "unreachable");
  const command = `${isAway ? "LXD_ACCESS_ON_UNREACHABLE=keep " : ""}pulumi up --refresh`;
  return [
    ...(drift.some(isOfStack) ? [`\`${command}\` puts back what is changed or gone.`] : []),
    ...(drift.every(isOfStack)
      ? []
      : [
          "What is unmanaged can be taken over (`lxd-access import`), removed on its server, or ignored with a reason (`--ignore-file`).",
        ]),
  ];
}

/** The outcome in a few words, as a headline. */
export function headline(report: DriftReport): string {
  const { expiring, ignored, known } = overviewOf(report);
  if (report.outcome === "drift") return "Drift";
  if (report.outcome === "unknown") return "Could not tell";
  if (expiring.length > 0) return "In sync, but something expires";
  return ignored.length + known.length > 0 ? "In sync but for what is ignored or known" : "In sync";
}

/** How the whole report stands. */
export function standingOfReport(report: DriftReport): Standing {
  if (report.outcome === "drift") return "drift";
  if (report.outcome === "unknown") return "untold";
  return overviewOf(report).expiring.length > 0 ? "expiring" : "in-sync";
}

/** The whole report in one line, without its headline. */
export function summary(report: DriftReport): string {
  const { drift, untold, expiring, ignored, known } = overviewOf(report);
  const found = [
    ...countsOfKinds([...drift, ...untold]),
    ...(expiring.length > 0 ? [`${expiring.length} expiring within ${inDays(report.expiringDays)}`] : []),
    ...(ignored.length > 0 ? [`${ignored.length} ignored`] : []),
    ...(known.length > 0 ? [`${known.length} known`] : []),
  ];
  const { resources, servers, stacks } = report;
  const inSync = resources.filter(({ status }) => status === "in-sync").length;
  const size = [
    `${inSync} of ${number(resources.length, "resource")} in sync`,
    number(servers.length, "server"),
    number(stacks.length, "stack"),
  ];
  return `${found.length === 0 ? "" : `${found.join(", ")}; `}${size.join(", ")}.`;
}

function countsOfKinds(findings: readonly Finding[]): string[] {
  // A resource of which several properties changed is one that changed.
  const what = new Map(findings.map((finding) => [`${finding.kind} ${finding.urn ?? finding.key}`, finding]));
  const byWord = grouped([...what.values()], ({ kind }) => kindWords[kind]);
  return [...byWord].map(([word, { length }]) => `${length} ${word}`);
}

/** As in `1 server` and `2 servers`. */
export function number(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

export function inDays(days: number): string {
  return number(days, "day");
}
