/** What was found, in tables. */
import type { DriftReport, Finding } from "../../report";
import { type Markup, markup } from "../markup";
import {
  findingsByUrn,
  grouped,
  kindWords,
  overviewOf,
  passedOver,
  placeOf,
  toldTogether,
} from "../overview";
import { type Standing, standingOf, valuesOf, whatOf } from "../overview";
import { shownMessage, shownName, shownSource } from "../shown";
import { anchorOf, badge, code, foldedTable, named, scrolling, section, time } from "./pieces";

/** Findings that stand alike, by the place where they were found. */
export function findingsSection(
  standing: Standing,
  title: string,
  findings: readonly Finding[],
  report: DriftReport,
): Markup | undefined {
  if (findings.length === 0) return undefined;
  const groups = [...grouped(findings, placeOf)].map(
    ([place, found]) => markup`<tbody>
<tr><th scope="rowgroup" colspan="3" id="${anchorOf(standing, place)}">${placeName(place, report)}</th></tr>
${toldTogether(found).map((alike) => rowOf(standing, alike, report))}</tbody>
`,
  );
  return section(
    standing,
    `${title} (${findings.length})`,
    scrolling(
      title,
      markup`<table class="findings">
<thead><tr><th scope="col">Resource</th><th scope="col">What</th><th scope="col">Details</th></tr></thead>
${groups}</table>`,
    ),
  );
}

function rowOf(standing: Standing, alike: readonly Finding[], report: DriftReport): Markup | undefined {
  const [first] = alike;
  if (first === undefined) return undefined;
  const isOne = first.kind === "changed";
  return markup`<tr>
<th scope="row">${(isOne ? [first] : alike).map((finding) => resourceOf(finding, report))}</th>
<td>${badge(standing, kindWords[first.kind])}</td>
<td>${(isOne ? alike : [first]).map((finding) => markup`<p>${detail(finding)}</p>`)}</td>
</tr>
`;
}

function detail(finding: Finding): Markup {
  const values = valuesOf(finding);
  if (values !== undefined) {
    const expected = values.expected === undefined ? undefined : markup`expected ${code(values.expected)}, `;
    const reason = values.reason === undefined ? undefined : `; ${values.reason}`;
    return markup`${code(values.property)}: ${expected}found ${code(values.found)}${reason}`;
  }
  const { code: errorCode, expiresAt } = finding;
  const when = expiresAt === undefined ? undefined : markup`${time(expiresAt)}: `;
  return markup`${when}${whatOf(finding)} ${errorCode === undefined ? undefined : named(errorCode)}`;
}

/** What it is called, and where it comes from. */
function resourceOf({ type, name, stack, source }: Finding, { stacks }: DriftReport): Markup {
  const from = [
    ...(stack !== undefined && stacks.length > 1 ? [shownName(stack)] : []),
    ...(source === undefined ? [] : [shownSource(source)]),
  ];
  const origin = from.length === 0 ? undefined : markup`<small>${from.join(", ")}</small>`;
  return markup`<p>${shownName(type)} ${named(name)} ${origin}</p>`;
}

/** A server by the name that it gives itself, too. */
function placeName(place: string, { servers }: DriftReport): Markup {
  const serverName = servers.find(({ name }) => name === place)?.serverName;
  return markup`<bdi>${shownName(place)}</bdi>${serverName === undefined ? undefined : markup` (${named(serverName)})`}`;
}

/** What is no alarm, and why. */
export function passedOverSection(report: DriftReport): Markup | undefined {
  const { ignored, known } = overviewOf(report);
  if (ignored.length + known.length === 0) return undefined;
  const rows = [...ignored, ...known].map(
    (
      finding,
    ) => markup`<tr><td>${named(placeOf(finding))}</td><th scope="row">${resourceOf(finding, report)}</th>
<td>${kindWords[finding.kind]} ${finding.property === undefined ? undefined : named(finding.property)}</td>
<td>${passedOver(finding)}</td></tr>
`,
  );
  return foldedTable(
    "passed-over",
    `Ignored: ${ignored.length}, known: ${known.length}`,
    ["Where", "Resource", "What", "Why it is no alarm"],
    rows,
  );
}

/** All resources, with what was told while they were looked at. */
export function resourcesSection(report: DriftReport): Markup | undefined {
  if (report.resources.length === 0) return undefined;
  const byUrn = findingsByUrn(report);
  const rows = report.resources.map((resource) => {
    const { stack, type, name, status, notes: told } = resource;
    const standing = standingOf(byUrn.get(resource.urn) ?? []);
    return markup`<tr><td>${named(placeOf(resource))}</td><td>${named(stack)}</td><th scope="row">${type} ${named(name)}</th>
<td>${badge(standing, status === "in-sync" ? undefined : kindWords[status])}</td><td>${told.map((note) => markup`<p>${shownMessage(note)}</p>`)}</td></tr>
`;
  });
  return foldedTable(
    "resources",
    `All resources: ${report.resources.length}`,
    ["Where", "Stack", "Resource", "Status", "Told meanwhile"],
    rows,
  );
}
