/**
 * The report as one HTML file that needs nothing else: no script, no network, which its content security policy rules out. It follows the
 * reader's choice of light and dark, and can be printed. What a colour says, a sign and a word say too.
 */
import { createHash } from "node:crypto";
import type { DriftReport } from "../report";
import { findingsSection, passedOverSection, resourcesSection } from "./html/findings";
import { fleet } from "./html/fleet";
import { badge, named, section, time } from "./html/pieces";
import { style } from "./html/style";
import { timeline } from "./html/timeline";
import { type Markup, markup } from "./markup";
import {
  headline,
  inDays,
  number,
  overviewOf,
  standingOfReport,
  summary,
  unseenServers,
  waysOut,
} from "./overview";
import { shownMessage, shownName } from "./shown";

export function html(report: DriftReport): string {
  const digest = createHash("sha256").update(style.text).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
  const { drift, untold, expiring } = overviewOf(report);
  const standing = standingOfReport(report);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Drift report: ${headline(report)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Drift report</h1>
<p class="outcome">${badge(standing, headline(report))}</p>
<p>${summary(report)}</p>
${waysOut(report).map((way) => markup`<p>${way.replaceAll("`", "")}</p>\n`)}
${facts(report)}
${contents(report)}
</header>
<main>
${findingsSection("drift", "Drift", drift, report)}
${findingsSection("untold", "Could not tell", untold, report)}
${findingsSection("expiring", `Expiring within ${inDays(report.expiringDays)}`, expiring, report)}
${notes(report)}
${fleet(report)}
${timeline(report)}
${passedOverSection(report)}
${resourcesSection(report)}
</main>
</body>
</html>
`.text;
}

function facts({ generatedAt, newSince, stacks }: DriftReport): Markup {
  const compared =
    newSince === undefined ? undefined : markup`<dt>Compared with</dt><dd>${time(newSince)}</dd>`;
  const names = stacks.map(
    ({ name, resources }) => markup`<li>${named(name)} (${number(resources, "resource")})</li>`,
  );
  return markup`<dl class="facts">
<dt>Made</dt><dd>${time(generatedAt)}</dd>
${compared}
<dt>Stacks</dt><dd><ul>${names}</ul></dd>
</dl>`;
}

/** Where to find what. */
function contents(report: DriftReport): Markup {
  const { drift, untold, expiring } = overviewOf(report);
  const parts = [
    { id: "drift", title: `Drift (${drift.length})`, isThere: drift.length > 0 },
    { id: "untold", title: `Could not tell (${untold.length})`, isThere: untold.length > 0 },
    { id: "expiring", title: `Expiring (${expiring.length})`, isThere: expiring.length > 0 },
    { id: "fleet", title: "The fleet", isThere: report.servers.length + report.resources.length > 0 },
    { id: "timeline", title: "What expires when", isThere: report.expiries.length > 0 },
    { id: "resources", title: "All resources", isThere: report.resources.length > 0 },
  ];
  const links = parts
    .filter(({ isThere }) => isThere)
    .map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>\n`);
  return markup`<nav aria-label="Contents"><ul>
${links}</ul></nav>`;
}

function notes(report: DriftReport): Markup | undefined {
  const all = [
    ...unseenServers(report).map((name) => `Not looked at for what nobody manages: ${shownName(name)}`),
    ...report.notes.map(shownMessage),
  ];
  if (all.length === 0) return undefined;
  return section("notes", "Notes", markup`<ul>${all.map((note) => markup`<li>${note}</li>`)}</ul>`);
}
