/** The drift report as Markdown, read by a parser of GitHub's dialect. */
import { strict as assert } from "node:assert";
import { type CheerioAPI, load } from "cheerio";
import { render } from "../../cli/drift/formats";
import type { DriftReport, Finding } from "../../cli/drift/report";
import { printable } from "../../provider/errors";
import * as reports from "../support/drift-reports";

const { hostileName: _name, hostile, fleet, ...fixed } = reports;

function markdown(report: DriftReport): string {
  return render("markdown", report, { colour: false });
}

/** Both are modules that only `import()` loads. */
const parser = Promise.all([import("micromark"), import("micromark-extension-gfm")]);

async function shown(report: DriftReport): Promise<CheerioAPI> {
  const [{ micromark }, { gfm, gfmHtml }] = await parser;
  const html = micromark(markdown(report), {
    allowDangerousHtml: true,
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
  });
  return load(html);
}

/** The rows of the table below a heading, or in what opens, with their cells' texts. */
function rowsBelow(document: CheerioAPI, title: string): string[][] {
  const heading = document("h3, summary").filter((_, one) => document(one).text().startsWith(title));
  assert.equal(heading.length, 1, `${heading.length} headings ${title}`);
  const rows = heading.nextAll("table").first().find("tbody tr").toArray();
  return rows.map((row) =>
    document(row)
      .find("td")
      .toArray()
      .map((cell) => document(cell).text()),
  );
}

/** A report on so many changes with hostile texts that they find no room. */
function huge(): DriftReport {
  const report = hostile();
  const findings = Array.from({ length: 500 }, (_, index): Finding[] =>
    report.findings.map((finding) => ({ ...finding, key: `${finding.key}${index}` })),
  ).flat();
  return {
    ...report,
    findings,
    resources: [],
    notes: Array.from({ length: 500 }, () => reports.hostileName),
  };
}

describe("the drift report as Markdown", () => {
  it("begins with the same hidden line for the same stacks, by which its comment is found again", async () => {
    const [marker = ""] = markdown(reports.everyKind).split("\n");
    assert.match(marker, /^<!-- lxd-access drift [0-9a-f]+ -->$/);
    assert.ok(markdown(reports.inSync).startsWith(`${marker}\n`));
    assert.ok(!markdown(fleet(10)).startsWith(`${marker}\n`));
    assert.ok(!(await shown(reports.inSync)).text().includes("<!--"));
  });

  it("has the outcome as its headline", async () => {
    const headlines: Record<string, string> = {};
    for (const [name, report] of Object.entries(fixed)) headlines[name] = (await shown(report))("h2").text();
    assert.deepEqual(headlines, {
      inSync: "✅ Drift report: In sync",
      everyKind: "❌ Drift report: Drift",
      unreachableOnly: "❓ Drift report: Could not tell",
      allIgnored: "✅ Drift report: In sync but for what is ignored or known",
      unseen: "✅ Drift report: In sync",
      nothingNew: "✅ Drift report: In sync but for what is ignored or known",
      expiringFails: "⏳ Drift report: In sync, but something expires",
    });
  });

  it("has a row for each finding that counts", async () => {
    const document = await shown(reports.everyKind);
    const drift = rowsBelow(document, "Drift");
    assert.equal(drift.length, 8);
    assert.deepEqual(
      drift.find(([, , what]) => what === "changed: address"),
      [
        "https://10.0.0.11:8443",
        'HttpsAddress "api" of network/prod',
        "changed: address",
        '"10.0.0.11:8443"',
        '"[::]:8443"',
      ],
    );
    assert.ok(
      drift.some(
        ([where, name, what]) =>
          where === "https://10.0.0.12:8443" && name === 'client "mallory"' && what === "unmanaged",
      ),
    );
    assert.deepEqual(
      rowsBelow(document, "Could not tell").map(([, name]) => name),
      ['Remote "alpha" of clients/prod', 'ClientCertificate "laptop" of clients/prod'],
    );
    assert.equal(rowsBelow(document, "Expiring").length, 1);
  });

  it("has in what opens when it is clicked on what is in sync, and what is ignored or known, and why", async () => {
    const document = await shown(reports.everyKind);
    assert.equal(document("details").length, 2);
    assert.deepEqual(rowsBelow(document, "In sync"), [["https://10.0.0.11:8443", "1 TrustToken"]]);
    assert.deepEqual(
      rowsBelow(document, "Ignored: 1, known: 1").map(([, name, what, why]) => [name, what, why]),
      [
        [
          'TrustToken "old" of network/prod',
          "changed projects",
          "ignored until 2026-04-01 (until the move is done)",
        ],
        ['TrustToken "seen-before" of network/prod', "gone", "known"],
      ],
    );
  });

  it("has no table of drift where nothing counts", async () => {
    for (const report of [reports.inSync, reports.allIgnored, reports.nothingNew])
      assert.equal((await shown(report))("h3").length, 0);
  });

  it("shows hostile names as they are, in code, where nothing of them has a meaning", async () => {
    const document = await shown(hostile());
    // A link, an image or a mention would be a way out of the report; GitHub looks for mentions and issues outside of code only.
    assert.equal(document("a, img, script, b, em, strong, del, h1, input").length, 0);
    assert.equal(document("code code, pre").length, 0);
    const [row = []] = rowsBelow(document, "Drift");
    assert.equal(row.length, 5);
    assert.ok(row[1]?.includes(printable(reports.hostileName.slice(0, 100))), row[1]);
    document("code").remove();
    assert.doesNotMatch(document.text(), /[@#<>]|owned|alert|example/);
  });

  it("finds room in a comment, and says how much is left out", async () => {
    for (const report of [fleet(200), fleet(2000), huge()]) {
      const written = markdown(report);
      assert.ok(written.length < 65_536, `${written.length} characters`);
      assert.ok(Buffer.byteLength(written) < 1024 ** 2);
    }
    assert.ok(!markdown(fleet(10)).includes("left out"));
    const document = await shown(huge());
    const [, leftOut = ""] = /(\d+) lines are left out here/.exec(document.text()) ?? [];
    const kept = document("tbody tr").length + document("body > ul > li").length;
    // Besides the findings there are the notes.
    assert.equal(Number(leftOut) + kept, huge().findings.length + huge().notes.length);
  });
});
