/** What drift means: rules, what is new, and the exit code. */
import { strict as assert } from "node:assert";
import { parseIgnoreFile, parseIgnoreOption } from "../../cli/drift/ignore";
import { judge, type Judgement } from "../../cli/drift/judge";
import {
  counts,
  type DriftReport,
  driftReport,
  type Observation,
  type RawFinding,
} from "../../cli/drift/report";

const now = new Date("2026-11-26T08:00:00Z");
const day = 24 * 60 * 60 * 1000;

const changed: RawFinding = {
  kind: "changed",
  stack: "network/prod",
  urn: "urn:pulumi:prod::network::lxd-access:index:TrustToken::ci",
  name: "ci",
  type: "TrustToken",
  server: "https://127.0.0.1:8443",
  property: "projects",
  expected: ["web"],
  found: ["web", "db"],
  message: "TrustToken ci: projects are web, db and should be web",
};
const unreachable: RawFinding = {
  kind: "unreachable",
  stack: "network/prod",
  urn: "urn:pulumi:prod::network::lxd-access:index:HttpsAddress::edge",
  name: "edge",
  type: "HttpsAddress",
  server: "https://127.0.0.1:9443",
  code: "LXD_UNREACHABLE",
  message: "no answer",
};
const unmanaged: RawFinding = {
  kind: "unmanaged-client",
  name: "eve",
  type: "client",
  server: "https://127.0.0.1:8443",
  found: { fingerprint: "ab".repeat(32) },
  message: "nobody manages the client eve",
};
const expiring: RawFinding = {
  kind: "expiring",
  stack: "network/prod",
  urn: "urn:pulumi:prod::network::lxd-access:index:Remote::r",
  name: "r",
  type: "Remote",
  expiresAt: "2026-12-01T00:00:00Z",
  message: "the client certificate of r expires soon",
};

function seen(...findings: RawFinding[]): Observation {
  const statuses = {
    changed: "changed",
    gone: "gone",
    unreachable: "unreachable",
    failed: "failed",
  } as const;
  return {
    stacks: [{ name: "network/prod", resources: 3 }],
    resources: findings.flatMap(({ kind, stack, urn, name, type, server }) =>
      urn === undefined || stack === undefined
        ? []
        : [
            {
              ...{ stack, urn, name, type, server, id: name, notes: [] },
              status: kind in statuses ? statuses[kind as keyof typeof statuses] : ("in-sync" as const),
            },
          ],
    ),
    servers: [
      { name: "https://127.0.0.1:8443", status: "seen" },
      { name: "https://127.0.0.1:9443", status: "unreachable" },
    ],
    expiries: [],
    findings,
    notes: [],
  };
}

function judged(observation: Observation, given: Partial<Judgement> = {}): DriftReport {
  const usual = { rules: [], previous: undefined, expiringDays: 30, failExpiring: false, now };
  return judge(observation, { ...usual, ...given });
}

const later = (days: number): Date => new Date(now.getTime() + days * day);

describe("the outcome of a drift report", () => {
  const cases: [what: string, findings: RawFinding[], outcome: string, exitCode: number][] = [
    ["nothing", [], "in-sync", 0],
    ["a change", [changed], "drift", 2],
    ["something that is gone", [{ ...changed, kind: "gone" }], "drift", 2],
    ["what nobody manages", [unmanaged], "drift", 2],
    ["a server that does not answer", [unreachable], "unknown", 1],
    ["what could not be told for another reason", [{ ...unreachable, kind: "failed" }], "unknown", 1],
    ["drift beside what could not be told", [unreachable, changed], "drift", 2],
    ["what expires", [expiring], "in-sync", 0],
    ["what expires beside what could not be told", [expiring, unreachable], "unknown", 1],
  ];
  for (const [what, findings, outcome, exitCode] of cases)
    it(`is ${outcome}, exit code ${exitCode}, for ${what}`, () => {
      const report = judged(seen(...findings));
      assert.deepEqual([report.outcome, report.exitCode], [outcome, exitCode]);
      assert.deepEqual(
        driftReport.parse(JSON.parse(JSON.stringify(report))).findings.length,
        findings.length,
      );
    });

  it("is exit code 2 for what expires where that is asked for", () => {
    assert.equal(judged(seen(expiring), { failExpiring: true }).exitCode, 2);
    assert.equal(judged(seen(), { failExpiring: true }).exitCode, 0);
    assert.equal(
      judged(seen(expiring, unreachable), { failExpiring: true }).exitCode,
      1,
      "it could not be told",
    );
  });
});

describe("--new-since", () => {
  it("counts only what the earlier report does not have", () => {
    const first = judged(seen(changed));
    assert.equal(first.exitCode, 2);
    const second = judged(seen(changed), { previous: first, now: later(1) });
    assert.deepEqual([second.exitCode, second.outcome, second.newSince], [0, "in-sync", first.generatedAt]);
    assert.equal(second.findings.length, 1, "what is known stays in the report");
    const third = judged(seen(changed, unmanaged), { previous: second, now: later(2) });
    assert.equal(third.exitCode, 2);
    assert.deepEqual(
      third.findings.filter(counts).map(({ name }) => name),
      ["eve"],
    );
  });

  const others: [what: string, before: RawFinding, after: RawFinding][] = [
    ["another value of the same property", changed, { ...changed, found: ["db"] }],
    ["another property", changed, { ...changed, property: "groups" }],
    ["the same on another server", unmanaged, { ...unmanaged, server: "https://127.0.0.1:7443" }],
    ["another client of the same name", unmanaged, { ...unmanaged, found: { fingerprint: "cd".repeat(32) } }],
    ["another kind of failure", unreachable, { ...unreachable, code: "LXD_TIMEOUT" }],
    ["the same in another stack", changed, { ...changed, stack: "network/dev" }],
  ];
  for (const [what, before, after] of others)
    it(`takes ${what} for new`, () => {
      assert.ok(judged(seen(after), { previous: judged(seen(before)) }).exitCode > 0);
    });

  it("takes the same failure in other words for known", () => {
    const before = judged(seen(unreachable));
    const after = judged(seen({ ...unreachable, message: "no answer within 10.2 s" }), { previous: before });
    assert.equal(after.exitCode, 0);
  });

  it("tells again of what has expired since", () => {
    const before = judged(seen(expiring));
    assert.deepEqual(judged(seen(expiring), { previous: before, now: later(1) }).findings.filter(counts), []);
    const expired = judged(seen(expiring), { previous: before, now: later(10) });
    assert.equal(expired.findings.filter(counts).length, 1);
  });

  it("tells again of what was ignored then and is not any more", () => {
    const before = judged(seen(changed), { rules: [parseIgnoreOption("resource=ci")] });
    assert.equal(before.exitCode, 0);
    assert.equal(judged(seen(changed), { previous: before }).exitCode, 2);
  });

  it("tells again of what was mended and came back", () => {
    const before = judged(seen(changed));
    const mended = judged(seen(), { previous: before });
    assert.deepEqual(mended.remembered, []);
    assert.equal(judged(seen(changed), { previous: mended }).exitCode, 2);
  });

  it("remembers what is known of a server that did not answer for once", () => {
    const silent: RawFinding = { ...changed, kind: "unreachable", property: undefined, code: "LXD_TIMEOUT" };
    const onSilent: RawFinding = { ...unmanaged, server: "https://127.0.0.1:9443" };
    const first = judged(seen(changed, onSilent));
    const second = judged(seen(silent), { previous: first });
    assert.equal(second.exitCode, 1);
    assert.deepEqual(second.remembered.map(({ name }) => name).sort(), ["ci", "eve"]);
    const third = judged(seen(silent), { previous: second });
    assert.equal(third.exitCode, 0);
    const fourth = judged(seen(changed, onSilent), { previous: third });
    assert.equal(fourth.exitCode, 0, "over two reports");
  });
});

describe("--ignore", () => {
  const fitting: [rule: string, finding: RawFinding][] = [
    ["resource=ci", changed],
    ["resource=c*", changed],
    ["resource=urn:pulumi:*::ci", changed],
    ["type=TrustToken", changed],
    ["type=TrustToken,property=projects", changed],
    [" type = TrustToken , resource = ci ", changed],
    ["server=https://127.0.0.1:8443,type=client", unmanaged],
    ["server=*:9443", unreachable],
    ["resource=*", expiring],
  ];
  for (const [rule, finding] of fitting)
    it(`passes over what fits ${JSON.stringify(rule)}`, () => {
      const report = judged(seen(finding), { rules: [parseIgnoreOption(rule)], failExpiring: true });
      assert.equal(report.exitCode, 0);
      assert.equal(report.findings[0]?.ignored?.reason, "--ignore");
    });

  const strange: [rule: string, finding: RawFinding][] = [
    ["resource=c", changed],
    ["resource=i", changed],
    ["resource=.i", changed],
    ["resource=(c*", changed],
    ["type=TrustToken,property=groups", changed],
    ["property=projects", unreachable],
    ["server=https://127.0.0.1:8443", expiring],
  ];
  for (const [rule, finding] of strange)
    it(`leaves what does not fit ${JSON.stringify(rule)}`, () => {
      const report = judged(seen(finding), { rules: [parseIgnoreOption(rule)], failExpiring: true });
      assert.notEqual(report.exitCode, 0);
    });

  for (const wrong of [
    "",
    "ci",
    "name=ci",
    "resource=",
    "resource=a,",
    "resource=a,resource=b",
    "__proto__=x",
  ])
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      assert.throws(
        () => parseIgnoreOption(wrong),
        /--ignore .* is no rule\. Give resource=….*\[INPUT_INVALID\]/s,
      );
    });
});

describe("--ignore-file", () => {
  const rules = parseIgnoreFile(
    "ignore.yaml",
    `# why
ignore:
  - resource: ci
    type: TrustToken
    reason: the team changes its projects until the move
    until: 2026-11-26
  - type: client
    reason: the administrators' own
`,
  );

  it("gives each rule's reason and last day to what it passes over, to the end of that day", () => {
    const report = judged(seen(changed, unmanaged), { rules, now: new Date("2026-11-26T23:59:59Z") });
    assert.equal(report.exitCode, 0);
    assert.deepEqual(
      report.findings.map(({ ignored }) => ignored),
      [
        { reason: "the team changes its projects until the move", until: "2026-11-26" },
        { reason: "the administrators' own", until: undefined },
      ],
    );
    assert.deepEqual(report.notes, []);
  });

  it("follows a rule no more after its last day, and says so", () => {
    const report = judged(seen(changed), { rules, now: new Date("2026-11-27T00:00:00Z") });
    assert.equal(report.exitCode, 2);
    assert.match(report.notes.join(), /"resource=ci,type=TrustToken".*until the move\) ended on 2026-11-26/);
  });

  const wrong: [text: string, complaint: RegExp][] = [
    ["", /the file: /],
    ["ignore: {}", /ignore: /],
    ["ignore: [{ resource: a }]", /ignore\.0\.reason: /],
    ["ignore: [{ resource: a, reason: ' ' }]", /ignore\.0\.reason: must say why/],
    [
      "ignore: [{ reason: all of it }]",
      /ignore\.0: must name what to ignore: resource, type, property, server/,
    ],
    [
      "ignore: [{ resource: a, reason: b, until: tomorrow }]",
      /ignore\.0\.until: must be a day, as in 2027-01-31/,
    ],
    ["ignore: [{ resource: a, reason: b, until: 2026-02-30 }]", /ignore\.0\.until: must be a day/],
    ["ignore: [{ resuorce: a, reason: b }]", /ignore\.0: .*resuorce/],
    ["ignores: []", /the file: .*ignores|ignore: /],
    ["ignore: [", /is no YAML/],
    // The parser takes what grows without end for an attack.
    [`a: &a [1]\nb: &b [*a]\nc: [${"*b,".repeat(200)}]`, /is no YAML: .*alias/],
  ];
  for (const [text, complaint] of wrong)
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseIgnoreFile("ignore.yaml", text),
        (error: Error) =>
          complaint.test(error.message) && /^ignore\.yaml .*\[INPUT_INVALID\]$/s.test(error.message),
      );
    });
});
