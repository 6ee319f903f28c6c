/** The drift report as a page, read as HTML; drift-formats-browser.spec.ts opens it in a browser. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { type CheerioAPI, load } from "cheerio";
import { render } from "../../cli/drift/formats";
import type { DriftReport } from "../../cli/drift/report";
import { printable } from "../../provider/errors";
import * as reports from "../support/drift-reports";

const { hostileName: _name, hostile, fleet, ...fixed } = reports;
const all = { ...fixed, hostile: hostile(), empty: fleet(0), ten: fleet(10), large: fleet(200) };

function html(report: DriftReport): string {
  return render("html", report, { colour: false });
}

function page(report: DriftReport): CheerioAPI {
  return load(html(report));
}

/** The texts of what a selector finds, with single spaces. */
function textsOf(document: CheerioAPI, selector: string): string[] {
  return document(selector)
    .toArray()
    .map((element) => document(element).text().replace(/\s+/g, " ").trim());
}

describe("the drift report as a page", () => {
  for (const [name, report] of Object.entries(all))
    it(`needs nothing from elsewhere, and lets nothing in: ${name}`, () => {
      const document = page(report);
      const policy = document('meta[http-equiv="Content-Security-Policy"]').attr("content") ?? "";
      const digest = createHash("sha256").update(document("style").text()).digest("base64");
      assert.equal(
        policy,
        `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`,
      );
      assert.equal(document("script, img, link, iframe, object, embed, form, b").length, 0);
      assert.doesNotMatch(document("style").text(), /url\(|@import/);
      const attributes = document("*")
        .toArray()
        .flatMap((element) => ("attribs" in element ? Object.entries(element.attribs) : []));
      for (const [attribute, value] of attributes) {
        assert.doesNotMatch(attribute, /^(on|style|src)/);
        if (attribute === "href") assert.match(value, /^#[\w-]+$/);
      }
    });

  for (const [name, report] of Object.entries(all))
    it(`can be found one's way in: ${name}`, () => {
      const document = page(report);
      assert.equal(document("html").attr("lang"), "en");
      assert.equal(document("h1").length, 1);
      const ids = document("[id]")
        .toArray()
        .map((element) => document(element).attr("id"));
      assert.equal(new Set(ids).size, ids.length);
      for (const link of document("a").toArray())
        assert.ok(ids.includes(document(link).attr("href")?.slice(1)), document(link).attr("href"));
      for (const head of document("th").toArray())
        assert.match(document(head).attr("scope") ?? "", /^(col|row|rowgroup)$/);
      // Nothing is said by its colour alone: what has one has a word, too.
      for (const coloured of document(".badge, .cells li").toArray())
        assert.match(document(coloured).text(), /[a-z]{2}/);
    });

  it("shows what drifted by server, with what was expected and found", () => {
    const document = page(reports.everyKind);
    assert.deepEqual(textsOf(document, "#drift tbody th[scope=rowgroup]"), [
      "https://10.0.0.12:8443 (beta)",
      "https://10.0.0.11:8443 (alpha)",
    ]);
    assert.deepEqual(textsOf(document, "#drift tbody:last-child tr:last-child > *"), [
      "HttpsAddress api network/prod, index.ts:12",
      "≠ changed",
      'address: expected "10.0.0.11:8443", found "[::]:8443"trustPassword: expected "[secret]", found (none)' +
        'configState.addr: found ":8443"certificate: it is another than the stack has',
    ]);
    assert.equal(document("#drift tbody tr:has(td)").length, 5);
    assert.equal(document("#untold tbody tr:has(td)").length, 2);
    assert.equal(document("#expiring tbody tr:has(td)").length, 1);
  });

  it("has no table of findings where nothing counts, and tells what was passed over", () => {
    for (const report of [reports.inSync, reports.allIgnored, reports.nothingNew]) {
      const document = page(report);
      assert.equal(document("#drift, #untold, #expiring").length, 0);
      assert.equal(document("#passed-over tbody tr").length, report.findings.length);
      assert.equal(document(".tile.drift, .tile.untold").length, 0);
    }
    assert.deepEqual(textsOf(page(reports.everyKind), "#passed-over td:last-child"), [
      "ignored until 2026-04-01 (until the move is done)",
      "known",
    ]);
  });

  it("has a tile for each server and what is on none, the worst first, each resource in it", () => {
    const document = page(reports.everyKind);
    assert.deepEqual(textsOf(document, ".tile > .badge"), ["≠ drift", "≠ drift", "? could not tell"]);
    assert.deepEqual(textsOf(document, ".tile h3"), [
      "10.0.0.11:8443",
      "10.0.0.12:8443",
      "stack clients/prod",
    ]);
    assert.deepEqual(textsOf(document, ".tile:first-child .cells .unseen"), [
      "HttpsAddress api: changed",
      "TrustToken ci: gone",
      "Remote alpha: unreachable",
      "TrustToken old: changed",
      "TrustToken seen-before: gone",
      "TrustToken fine: in sync",
    ]);
  });

  it("does not show a server as in sync at which nobody could look", () => {
    const document = page(reports.unseen);
    assert.deepEqual(textsOf(document, ".tile:has(h3:contains(10.0.0.11)) > .badge"), ["? could not tell"]);
    assert.deepEqual(textsOf(document, "#notes li"), [
      "Not looked at for what nobody manages: https://10.0.0.11:8443",
    ]);
  });

  for (const size of [10, 200])
    it(`shows ${size} servers at a glance`, () => {
      const report = fleet(size);
      const document = page(report);
      const troubled = new Set(report.findings.map(({ server }) => server));
      assert.equal(document(".tile").length, size);
      assert.equal(document(".tile:not(.in-sync)").length, troubled.size);
      assert.equal(document(".tile a").length, troubled.size);
    });

  it("shows on the axis of time what expires, what is past and what is due", () => {
    const document = page(reports.everyKind);
    const marks = document("svg.timeline .mark").toArray();
    assert.equal(marks.length, 3);
    assert.deepEqual(textsOf(document, "svg.timeline .mark.due > title"), [
      "token of leftover: 2026-02-26 12:00 UTC, expired 3 days ago",
      "client certificate of laptop: 2026-03-13 12:00 UTC, in 12 days",
    ]);
    const spans = document("svg.timeline .span")
      .toArray()
      .map((span) => Number(document(span).attr("x")));
    const [past, soon, later] = ["circle", "rect:not(.span)", "path"].map((shape) =>
      document(`svg.timeline .mark ${shape}`),
    );
    const [at, then] = [Number(past?.attr("cx")), Number(soon?.attr("x"))];
    assert.ok(
      (spans[0] ?? NaN) < at &&
        at < (spans[1] ?? NaN) &&
        (spans[1] ?? NaN) < then &&
        then < (spans[2] ?? NaN),
    );
    assert.ok(Number(/^M(\d+)/.exec(later?.attr("d") ?? "")?.[1]) > (spans[4] ?? NaN));
    assert.deepEqual(textsOf(document, "#expiries tbody td:last-child"), [
      "! expired 3 days ago",
      "! in 12 days",
      "in 3000 days",
    ]);
    assert.equal(page(reports.inSync)("svg").length, 0);
  });

  it("shows hostile names as they are", () => {
    const document = page(hostile());
    const [first = ""] = textsOf(document, ".tile h3");
    assert.ok(first.startsWith(printable(reports.hostileName.slice(0, 100))), first);
  });

  it("has colours that can be told from their ground, in light and in dark", () => {
    const [light = "", dark = ""] = page(reports.inSync)("style")
      .text()
      .split("@media (prefers-color-scheme: dark)");
    for (const scheme of [light, dark.slice(0, dark.indexOf("* {"))]) {
      const colours = new Map(
        [...scheme.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]),
      );
      const standings = ["drift", "untold", "expiring", "passed-over", "in-sync"];
      const pairs = [
        ...["ink", "faint", "link"].flatMap((name) => [
          [name, "paper"],
          [name, "panel"],
        ]),
        ...standings.map((name) => [name, `${name}-paper`]),
      ];
      for (const [ink = "", paper = ""] of pairs) {
        const contrast = contrastOf(colours.get(ink) ?? "", colours.get(paper) ?? "");
        // As WCAG asks for texts (AA).
        assert.ok(contrast >= 4.5, `${ink} on ${paper}: ${contrast}`);
      }
    }
  });
});

/** Of two colours, as WCAG defines it. */
function contrastOf(one: string, other: string): number {
  const [darker, brighter] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b) as [number, number];
  return (brighter + 0.05) / (darker + 0.05);
}

function luminanceOf(colour: string): number {
  const [red = NaN, green = NaN, blue = NaN] = [1, 3, 5].map((start) => {
    const part = parseInt(colour.slice(start, start + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
