/** The drift report as text, as JSON and as annotations. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { toJSONSchema } from "zod";
import { formats, render } from "../../cli/drift/formats";
import { annotations } from "../../cli/drift/formats/annotations";
import { counts, driftReport, isDrift } from "../../cli/drift/report";
import * as reports from "../support/drift-reports";

const plain = { colour: false };
const all = { ...reports, hostile: reports.hostile(), fleet: reports.fleet(200), empty: reports.fleet(0) };
const { hostileName: _, ...named } = all;

/** What steers a terminal, or turns the writing around. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** What GitHub's runner and others take for a command in a log. */
const commandInLog = /^\s*::|##\[|##vso\[|##teamcity\[/;

describe("the drift report in every format", () => {
  for (const format of formats)
    for (const [name, report] of Object.entries(named))
      it(`steers nothing that reads it: ${format}, ${name}`, () => {
        const shown = render(format, report, plain);
        assert.match(shown, /[^\n]\n$/);
        for (const line of shown.split("\n")) {
          assert.doesNotMatch(line, commandInLog);
          assert.doesNotMatch(line, unprintable);
        }
      });
});

describe("the drift report for people", () => {
  const { inSync, everyKind, unreachableOnly } = reports;

  for (const format of ["text", "markdown", "html"] as const) {
    it(`says what can be done about drift, and only then: ${format}`, () => {
      const ways = [/pulumi up --refresh/, /lxd-access import/];
      const wayOutOf = (report: typeof everyKind): boolean[] =>
        ways.map((way) => way.test(render(format, report, plain)));
      assert.deepEqual(wayOutOf(everyKind), [true, true]);
      const ofStacks = everyKind.findings.filter(({ urn }) => urn !== undefined);
      assert.deepEqual(wayOutOf({ ...everyKind, findings: ofStacks }), [true, false]);
      assert.deepEqual(wayOutOf(unreachableOnly), [false, false]);
      const [first, ...others] = inSync.resources;
      assert.ok(first);
      const away = { ...everyKind, resources: [{ ...first, status: "unreachable" as const }, ...others] };
      assert.match(render(format, away, plain), /LXD_ACCESS_ON_UNREACHABLE=keep pulumi up --refresh/);
      const answering = { ...everyKind, resources: inSync.resources };
      assert.doesNotMatch(render(format, answering, plain), /LXD_ACCESS_ON_UNREACHABLE/);
    });

    it(`tells why values are wrong that do not say it: ${format}`, () => {
      const [first, ...others] = everyKind.findings;
      assert.ok(first);
      const reason = "it is to be replaced 20 days before";
      const finding = { ...first, kind: "changed" as const, property: "expiresAt", found: "soon", reason };
      const shown = render(format, { ...everyKind, findings: [finding, ...others] }, plain);
      assert.ok(shown.includes(reason));
    });

    it(`tells what was noted of resources, though they are in sync: ${format}`, () => {
      const noted = inSync.resources.map((one) => ({
        ...one,
        notes: ["its folder is elsewhere", "also this"],
      }));
      const shown = render(format, { ...inSync, resources: noted }, plain);
      const told = shown.match(/its folder is elsewhere|also this/g) ?? [];
      // HTML has them beside each resource. Elsewhere they would hide what matters.
      assert.equal(told.length, format === "html" ? 8 : 5);
      assert.equal(/3 more notes/.test(shown), format !== "html");
    });
  }
});

describe("the drift report as text", () => {
  const shown = render("text", reports.everyKind, plain);
  const [drift = "", untold = "", expiring = "", remarks = "", summary = ""] = shown.split("\n\n");

  it("is short where all is in sync", () => {
    assert.equal(
      render("text", reports.inSync, plain),
      "In sync: 4 of 4 resources in sync, 2 servers, 2 stacks.\n",
    );
  });

  it("tells drift first, then what could not be told, then what expires", () => {
    assert.match(drift, /^Drift\n/);
    assert.match(untold, /^Could not tell\n/);
    assert.match(expiring, /^Expiring\n/);
    for (const finding of reports.everyKind.findings.filter(counts)) {
      const part = isDrift(finding) ? drift : finding.kind === "expiring" ? expiring : untold;
      assert.ok(part.includes(`${finding.type} "${finding.name}"`), `${finding.kind} is not in ${part}`);
    }
  });

  it("tells each change under its server and resource, with what was expected and found", () => {
    const [, alpha = ""] = drift.split("  Server https://10.0.0.11:8443 (alpha)\n");
    const [, change = ""] = alpha.split('    ~ HttpsAddress "api" (network/prod, index.ts:12): changed\n');
    assert.deepEqual(
      change.split("\n").map((line) => line.trim()),
      [
        '· address: expected "10.0.0.11:8443", found "[::]:8443"',
        '· trustPassword: expected "[secret]", found (none)',
        '· configState.addr: found ":8443"',
        "· certificate: it is another than the stack has",
      ],
    );
  });

  it("tells under the server what nobody manages", () => {
    const [, beta = ""] = drift.split("  Server https://10.0.0.12:8443 (beta)\n");
    const [own = ""] = beta.split("\n  Server ");
    for (const name of ["mallory", "leftover", "10.0.0.12:9443"])
      assert.ok(own.includes(`"${name}": unmanaged`));
  });

  it("only counts what is ignored or known", () => {
    assert.match(remarks, /^Ignored by rules: 1 finding\.$/m);
    assert.match(remarks, /^Known since the report of 2026-02-28 12:00 UTC: 1 finding\.$/m);
    assert.match(remarks, /^Note: The rule for TrustToken web ended on 2026-02-01$/m);
    for (const name of ['"old"', '"seen-before"']) assert.ok(!shown.includes(name));
    assert.match(
      render("text", reports.allIgnored, plain),
      /^Ignored by rules: 8 findings\.\n\nIn sync but for/,
    );
    assert.match(
      render("text", reports.nothingNew, plain),
      /^Known since .*: 8 findings\.\n\nIn sync but for/,
    );
  });

  it("says of which servers nobody could tell what on them is unmanaged, where no finding says so", () => {
    assert.match(
      render("text", reports.unseen, plain),
      /^Not looked at for what nobody manages: https:\/\/10\.0\.0\.11:8443\.\n/,
    );
  });

  it("ends with a line on all of it", () => {
    assert.equal(
      summary,
      "Drift: 3 unmanaged, 1 gone, 1 changed, 1 unreachable, 1 failed, 1 expiring within 30 days, 1 ignored, 1 known; " +
        "1 of 7 resources in sync, 2 servers, 2 stacks.\n",
    );
  });

  it("tells once why a server's resources could not be looked at", () => {
    const away = render("text", reports.unreachableOnly, plain);
    assert.equal(away.split("ECONNREFUSED").length - 1, 1);
    for (const name of ['HttpsAddress "api"', 'TrustToken "ci"', 'Remote "alpha"'])
      assert.ok(away.includes(name));
  });

  it("tells a fleet of 200 servers with less than four lines for each that is not in sync", () => {
    const fleet = reports.fleet(200);
    const troubled = new Set(fleet.findings.map(({ server }) => server));
    const lines = render("text", fleet, plain).split("\n");
    assert.ok(lines.length < 4 * troubled.size, `${lines.length} lines for ${troubled.size} servers`);
    for (const server of troubled)
      assert.equal(lines.filter((line) => line.startsWith(`  Server ${server ?? ""}`)).length, 1);
  });

  it("is the same text in colour, where that is asked for", () => {
    const coloured = render("text", reports.everyKind, { colour: true });
    assert.match(coloured, /\u001b\[31m~ HttpsAddress "api"/);
    assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ""), shown);
    assert.ok(!shown.includes("\u001b"));
  });

  it("shortens what is endless, and says so", () => {
    const longest = Math.max(
      ...render("text", all.hostile, plain)
        .split("\n")
        .map(({ length }) => length),
    );
    assert.ok(longest < 3000, `${longest} characters in a line`);
    assert.match(render("text", all.hostile, plain), /… \(\d+ more\)/);
  });
});

describe("the drift report as JSON", () => {
  const file = resolve(__dirname, "../../docs/drift-report.schema.json");
  const schema: unknown = JSON.parse(readFileSync(file, "utf8"));
  // Every format has a pattern, too.
  const isReport = new Ajv2020({ allErrors: true, validateFormats: false }).compile(schema as object);

  it("is described by docs/drift-report.schema.json (else: npm run schema)", () => {
    assert.deepEqual(schema, JSON.parse(JSON.stringify(toJSONSchema(driftReport, { io: "input" }))));
  });

  for (const [name, report] of Object.entries(named))
    it(`is all of the report, and what the schema describes: ${name}`, () => {
      const written: unknown = JSON.parse(render("json", report, plain));
      assert.deepEqual(written, JSON.parse(JSON.stringify(report)));
      assert.ok(isReport(written), JSON.stringify(isReport.errors));
    });

  it("is not what the schema describes where something is missing or wrong, and is where there is more", () => {
    const { outcome: _outcome, ...rest } = reports.inSync;
    assert.ok(!isReport(rest));
    assert.ok(!isReport({ ...reports.inSync, generatedAt: "yesterday" }));
    assert.ok(isReport({ ...reports.inSync, later: true }));
  });
});

describe("the drift report as annotations", () => {
  /** As the runner takes a workflow command apart. */
  function parsed(line: string): { level: string; message: string; properties: Record<string, string> } {
    const [, level = "", listed = "", message = ""] = /^::(\w+) (.*?)::(.*)$/.exec(line) ?? assert.fail(line);
    const pairs = listed.split(",").map((pair) => {
      const [key = "", ...value] = pair.split("=");
      return [key, unescaped(value.join("=")).replaceAll("%3A", ":").replaceAll("%2C", ",")];
    });
    return {
      level,
      message: unescaped(message),
      properties: Object.fromEntries(pairs) as Record<string, string>,
    };
  }
  const unescaped = (value: string): string =>
    value.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
  const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);

  it("has an error for each drift and each thing that could not be told, and a warning for what expires", () => {
    const levels = linesOf(annotations(reports.everyKind)).map((line) => parsed(line).level);
    assert.deepEqual(levels, [...Array<string>(10).fill("error"), "warning"]);
  });

  it("shows a finding where the program declares the resource", () => {
    const changes = linesOf(annotations(reports.everyKind)).map(parsed);
    assert.deepEqual(
      changes.find(({ message }) => message.startsWith("address")),
      {
        level: "error",
        properties: { file: "index.ts", line: "12", title: "HttpsAddress api: changed" },
        message: 'address: expected "10.0.0.11:8443", found "[::]:8443"',
      },
    );
  });

  it("has none for what is in sync, ignored or known", () => {
    for (const report of [reports.inSync, reports.allIgnored, reports.nothingNew])
      assert.equal(annotations(report), "");
  });

  it("has one line for each finding, whatever names hold", () => {
    const lines = linesOf(annotations(all.hostile));
    assert.equal(lines.length, all.hostile.findings.filter(counts).length);
    for (const line of lines) {
      assert.doesNotMatch(line, unprintable);
      const { level, properties, message } = parsed(line);
      assert.ok(["error", "warning"].includes(level));
      assert.deepEqual(
        Object.keys(properties).filter((key) => !["file", "line", "title"].includes(key)),
        [],
      );
      assert.doesNotMatch(line, /##/);
      // The name's own "%0A" is text, and no end of a line.
      assert.ok(!message.includes("\n"), message);
    }
  });
});
