/** When what expires: a drawing, and all of it in a table. */
import type { DriftReport, Expiry } from "../../report";
import { Markup, markup } from "../markup";
import { grouped, inDays } from "../overview";
import { shownName, shownTime } from "../shown";
import { badge, named, foldedTable, section, time } from "./pieces";

const day = 86_400_000;

/** Spans of days from when the report was made, each as wide as the others: what comes soon needs more room. */
const spans = [
  { title: "expired", from: -365, to: 0 },
  { title: "30 days", from: 0, to: 30 },
  { title: "90 days", from: 30, to: 90 },
  { title: "1 year", from: 90, to: 365 },
  { title: "later", from: 365, to: 3650 },
] as const;

const spanWidth = 190;
const step = 10;
const margin = 20;
const axisGap = 44;
/** How many marks stand one upon the other at most; how many more there are is written above them. */
const highest = 20;

interface Mark {
  readonly expiry: Expiry;
  readonly x: number;
}

export function timeline(report: DriftReport): Markup | undefined {
  const { expiries } = report;
  if (expiries.length === 0) return undefined;
  const rows = expiries.map(
    (expiry) => markup`<tr><th scope="row">${expiry.what}</th><td>${named(expiry.name)}</td>
<td>${expiry.server === undefined ? undefined : named(expiry.server)}</td><td>${time(expiry.expiresAt)}</td>
<td>${expiry.isDue ? badge("expiring", whenOf(expiry, report)) : whenOf(expiry, report)}</td></tr>
`,
  );
  return markup`${section("timeline", "What expires when", drawing(report))}
${foldedTable("expiries", `All that expires: ${expiries.length}`, ["What", "Whose", "Server", "When", "Left"], rows)}`;
}

function drawing(report: DriftReport): Markup {
  const marks = report.expiries.map((expiry) => ({ expiry, x: placeAt(daysLeft(expiry, report)) }));
  const stacks = [...grouped(marks, ({ x }) => String(x)).values()];
  const tallest = Math.min(highest, Math.max(...stacks.map(({ length }) => length)));
  const axis = (tallest + 2) * step + margin;
  const [width, height] = [spans.length * spanWidth + 2 * margin, axis + axisGap];
  const due = report.expiries.filter(({ isDue }) => isDue).length;
  const told = `When certificates and tokens expire: ${report.expiries.length}, of which ${due} within ${inDays(report.expiringDays)} or past. The table below has them all.`;
  return markup`<ul class="legend">
${Object.keys(shapes).map((what) => legendOf(what as Expiry["what"]))}<li><span class="badge expiring">filled</span> within ${inDays(report.expiringDays)}, or past</li>
</ul>
<div class="scrolling" role="region" aria-label="Timeline" tabindex="0">
<svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="timeline-told">
<title id="timeline-told">${told}</title>
${spans.map((_, index) => spanOf(index, axis))}${stacks.map((stack) => stackOf(stack, axis, report))}<line class="axis" x1="${margin}" y1="${axis}" x2="${width - margin}" y2="${axis}"/>
</svg>
</div>`;
}

/** A span's part of the axis. */
function spanOf(index: number, axis: number): Markup | undefined {
  const span = spans[index];
  if (span === undefined) return undefined;
  const x = margin + index * spanWidth;
  return markup`<rect class="span${index === 0 ? " past" : ""}" x="${x}" y="0" width="${spanWidth}" height="${axis}"/>
<text class="span-title" x="${x + spanWidth / 2}" y="${axis + 28}">${index === 0 || index === spans.length - 1 ? span.title : `within ${span.title}`}</text>
`;
}

/** What expires at about the same time, one upon the other. */
function stackOf(stack: readonly Mark[], axis: number, report: DriftReport): Markup {
  const x = stack[0]?.x ?? 0;
  const marks = stack.slice(0, highest).map(({ expiry }, index) => {
    const title = `${expiry.what} of ${shownName(expiry.name)}: ${shownTime(expiry.expiresAt)}, ${whenOf(expiry, report)}`;
    return markup`<g class="mark${expiry.isDue ? " due" : ""}"><title>${title}</title>${shapes[expiry.what](x, axis - (index + 0.5) * step)}</g>
`;
  });
  const more = stack.length - marks.length;
  if (more === 0) return new Markup(marks.map(({ text }) => text).join(""));
  return markup`${marks}<text class="more" x="${x}" y="${axis - (highest + 0.5) * step}">+${more}</text>
`;
}

/** A shape for each kind of thing that expires, around a point. */
const shapes: Record<Expiry["what"], (x: number, y: number) => Markup> = {
  token: (x, y) => markup`<circle cx="${x}" cy="${y}" r="4"/>`,
  "client certificate": (x, y) => markup`<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7"/>`,
  "server certificate": (x, y) => markup`<path d="M${x} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>`,
};

function legendOf(what: Expiry["what"]): Markup {
  return markup`<li><svg class="sign" viewBox="0 0 12 12" aria-hidden="true"><g class="mark">${shapes[what](6, 6)}</g></svg> ${what}</li>
`;
}

function daysLeft({ expiresAt }: Expiry, { generatedAt }: DriftReport): number {
  return (Date.parse(expiresAt) - Date.parse(generatedAt)) / day;
}

/** Where on the axis, in steps, so that what is close together stands one upon the other. */
function placeAt(days: number): number {
  const index = spans.findIndex(({ to }) => days < to);
  const at = index < 0 ? spans.length - 1 : index;
  const { from, to } = spans[at] ?? spans[0];
  const share = Math.min(Math.max((days - from) / (to - from), 0), 1);
  const steps = Math.floor(spanWidth / step);
  return margin + at * spanWidth + (Math.min(Math.floor(share * steps), steps - 1) + 0.5) * step;
}

/** As in `in 12 days`. */
function whenOf(expiry: Expiry, report: DriftReport): string {
  const days = daysLeft(expiry, report);
  return days < 0 ? `expired ${inDays(Math.floor(-days))} ago` : `in ${inDays(Math.floor(days))}`;
}
