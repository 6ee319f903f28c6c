/** The drift report as test results. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type CheerioAPI, load } from "cheerio";
import { validateXML } from "xmllint-wasm";
import { render } from "../../cli/drift/formats";
import type { DriftReport } from "../../cli/drift/report";
import * as reports from "../support/drift-reports";

const schema = readFileSync(resolve(__dirname, "../fixtures/junit.xsd"), "utf8");

function junit(report: DriftReport): string {
  return render("junit", report, { colour: false });
}

/** How the test of a resource or a server ended, and what it says. */
function resultOf(document: CheerioAPI, suite: string, name: string): Record<string, string> {
  const tests = document(`testsuite[name="${suite}"] > testcase[name="${name}"]`);
  assert.equal(tests.length, 1, `${tests.length} tests ${name} in ${suite}`);
  const children = tests.children().toArray();
  return Object.fromEntries(
    children.map((child) => [child.tagName, document(child).attr("message") ?? document(child).text()]),
  );
}

describe("the drift report as JUnit's XML", () => {
  const { hostileName: _name, hostile, fleet, ...fixed } = reports;
  const all = { ...fixed, hostile: hostile(), fleet: fleet(200), empty: fleet(0) };

  for (const [name, report] of Object.entries(all))
    it(`is valid, and its counts are true: ${name}`, async () => {
      const written = junit(report);
      const { valid, errors } = await validateXML({
        xml: [{ fileName: "report.xml", contents: written }],
        schema: [{ fileName: "junit.xsd", contents: schema }],
      });
      assert.ok(valid, JSON.stringify(errors));
      const document = load(written, { xml: true });
      const whole = document("testsuites");
      const tests = report.resources.length + report.servers.length;
      // What was found where no server is has a test of its own.
      assert.equal(document("testcase").length, name === "hostile" ? tests + 1 : tests);
      for (const [attribute, element] of Object.entries({
        tests: "testcase",
        failures: "failure",
        errors: "error",
      })) {
        assert.equal(whole.attr(attribute), String(document(element).length));
        for (const suite of document("testsuite")
          .toArray()
          .map((one) => document(one)))
          assert.equal(suite.attr(attribute), String(suite.find(element).length));
      }
    });

  it("has a failure for drift, an error for what could not be told, and skips what is ignored or known", () => {
    const document = load(junit(reports.everyKind), { xml: true });
    const api = resultOf(document, "network/prod", "HttpsAddress api");
    assert.deepEqual(Object.keys(api), ["failure"]);
    assert.match(
      api["failure"] ?? "",
      /address: expected "10\.0\.0\.11:8443", found "\[::\]:8443" \(index\.ts:12\)/,
    );
    assert.match(api["failure"] ?? "", /trustPassword: expected "\[secret\]", found \(none\)/);
    assert.match(resultOf(document, "network/prod", "TrustToken ci")["failure"] ?? "", /^gone: /);
    assert.match(resultOf(document, "clients/prod", "Remote alpha")["error"] ?? "", /ECONNREFUSED/);
    assert.match(
      resultOf(document, "network/prod", "TrustToken old")["skipped"] ?? "",
      /^ignored until 2026-04-01 \(until the/,
    );
    assert.match(
      resultOf(document, "network/prod", "TrustToken seen-before")["skipped"] ?? "",
      /^known: gone/,
    );
    assert.deepEqual(resultOf(document, "network/prod", "TrustToken fine"), {});
  });

  it("has a failure for a server with something that nobody manages, and tells all of it", () => {
    const document = load(junit(reports.everyKind), { xml: true });
    const { failure = "" } = resultOf(document, "servers", "https://10.0.0.12:8443");
    for (const name of ["mallory", "leftover", "10.0.0.12:9443"]) assert.ok(failure.includes(name), failure);
    assert.deepEqual(resultOf(document, "servers", "https://10.0.0.11:8443"), {});
  });

  it("tells what expires without failing for it, unless that was asked for", () => {
    const { failExpiring: _asked, ...unasked } = reports.expiringFails;
    const passed = resultOf(
      load(junit({ ...unasked, exitCode: 0 }), { xml: true }),
      "clients/prod",
      "ClientCertificate laptop",
    );
    assert.deepEqual(Object.keys(passed), ["system-out"]);
    assert.match(
      passed["system-out"] ?? "",
      /^expiring: the client certificate of "laptop" expires in 12 days/,
    );
    const failed = resultOf(
      load(junit(reports.expiringFails), { xml: true }),
      "clients/prod",
      "ClientCertificate laptop",
    );
    assert.deepEqual(Object.keys(failed), ["failure"]);
  });

  it("does not pass a server at which nobody could look", () => {
    const document = load(junit(reports.unreachableOnly), { xml: true });
    assert.deepEqual(Object.keys(resultOf(document, "servers", "https://10.0.0.11:8443")), ["skipped"]);
  });

  it("has neither failures nor errors where all is ignored, or nothing is new", () => {
    for (const report of [reports.allIgnored, reports.nothingNew, reports.inSync]) {
      const document = load(junit(report), { xml: true });
      assert.equal(document("failure, error").length, 0);
      assert.equal(document("skipped").length, report === reports.inSync ? 0 : 3);
    }
  });
});
