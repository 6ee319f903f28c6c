/**
 * The report as test results in JUnit's format, as Jenkins, GitLab and the reporters for GitHub take it: a suite for each stack and one for
 * the servers, with a test for each resource and server.
 */
import type { DriftReport, Finding } from "../report";
import { lines, type Markup, markup } from "./markup";
import { grouped, kindWords, passedOver, type Standing, standingOf, whatOf } from "./overview";
import { shownMessage, shownName, shownSource } from "./shown";

interface Test {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** Whatever else there is to tell. */
  readonly remarks: readonly string[];
  /** Why it could not be looked at, though no finding says so. */
  readonly unseen?: string;
}

/** How a test ended. */
type Result = "failure" | "error" | "skipped" | "passed";

interface Suite {
  readonly name: string;
  readonly tests: readonly Test[];
}

export function junit(report: DriftReport): string {
  const suites = [
    ...report.stacks.map(({ name }) => ({ name, tests: testsOfResources(name, report) })),
    { name: "servers", tests: testsOfServers(report) },
  ];
  const all = suites.flatMap(({ tests }) => tests);
  const taken = new Set<string>();
  const content = lines(
    suites.map(({ name, tests }) => suiteOf({ name: uniqueName(shownName(name), taken), tests }, report)),
  );
  const document = markup`<testsuites name="lxd-access drift"${countsOf(all, report)}>
${content}
</testsuites>
`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${document.text}`;
}

function testsOfResources(stack: string, { resources, findings }: DriftReport): Test[] {
  const byUrn = grouped(findings, ({ urn }) => urn ?? "");
  return resources
    .filter((resource) => resource.stack === stack)
    .map(({ type, name, urn, notes }) => ({
      name: `${shownName(type)} ${shownName(name)}`,
      findings: byUrn.get(urn) ?? [],
      remarks: notes,
    }));
}

/** The servers, and whatever was found that is about no resource of a stack. */
function testsOfServers({ servers, resources, stacks, findings }: DriftReport): Test[] {
  const known = new Set(stacks.map(({ name }) => name));
  const urns = new Set(resources.filter(({ stack }) => known.has(stack)).map(({ urn }) => urn));
  const others = findings.filter(({ urn }) => urn === undefined || !urns.has(urn));
  const byServer = grouped(others, ({ server }) => server ?? "");
  const names = new Set(servers.map(({ name }) => name));
  return [
    ...servers.map(({ name, status }) => ({
      name: shownName(name),
      findings: byServer.get(name) ?? [],
      remarks: [],
      ...(status !== "seen" && { unseen: `${status}: not looked at for what nobody manages` }),
    })),
    ...others
      .filter(({ server }) => server === undefined || !names.has(server))
      .map((finding) => ({
        name: `${shownName(finding.type)} ${shownName(finding.name)}`,
        findings: [finding],
        remarks: [],
      })),
  ];
}

function suiteOf({ name, tests }: Suite, report: DriftReport): Markup {
  const timestamp = new Date(report.generatedAt).toISOString().replace(/\..*$/, "");
  const taken = new Set<string>();
  const cases = tests.map((test) => caseOf(test, uniqueName(test.name, taken), name, report));
  return markup`  <testsuite name="${name}"${countsOf(tests, report)} skipped="${endingIn("skipped", tests, report)}" time="0" timestamp="${timestamp}">
${lines(cases)}
  </testsuite>`;
}

/** GitLab leaves out a test whose name another has already. */
function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let count = 2; taken.has(unique); count += 1) unique = `${name} (${count})`;
  taken.add(unique);
  return unique;
}

function countsOf(tests: readonly Test[], report: DriftReport): Markup {
  const [failures, errors] = [endingIn("failure", tests, report), endingIn("error", tests, report)];
  return markup` tests="${tests.length}" failures="${failures}" errors="${errors}"`;
}

function endingIn(result: Result, tests: readonly Test[], report: DriftReport): number {
  return tests.filter((test) => resultOf(test, report) === result).length;
}

function resultOf({ findings, unseen }: Test, { failExpiring = false }: DriftReport): Result {
  const results: Record<Standing, Result> = {
    drift: "failure",
    untold: "error",
    expiring: failExpiring ? "failure" : "passed",
    "passed-over": "skipped",
    "in-sync": "passed",
  };
  const result = results[standingOf(findings)];
  return result === "passed" && unseen !== undefined ? "skipped" : result;
}

function caseOf(test: Test, name: string, suite: string, report: DriftReport): Markup {
  const result = resultOf(test, report);
  const alone = (finding: Finding): Result => resultOf({ ...test, findings: [finding] }, report);
  const isReason = (finding: Finding): boolean =>
    result !== "passed" && (alone(finding) === result || alone(finding) === "error");
  const reasons = [
    ...test.findings.filter(isReason).map(sentence),
    ...(result === "skipped" && test.unseen !== undefined ? [test.unseen] : []),
  ];
  const aside = [...test.findings.filter((one) => !isReason(one)).map(sentence), ...test.remarks];
  const children = [
    ...(result === "passed" ? [] : [resultElement(result, reasons)]),
    ...(aside.length === 0 ? [] : [markup`<system-out>${lines(aside.map(shownMessage))}</system-out>`]),
  ];
  return markup`    <testcase name="${name}" classname="${suite}" time="0">${children}</testcase>`;
}

function resultElement(result: Exclude<Result, "passed">, reasons: readonly string[]): Markup {
  const message = shownMessage(reasons.join("; "));
  if (result === "skipped") return markup`<skipped message="${message}"/>`;
  if (result === "failure")
    return markup`<failure type="drift" message="${message}">${lines(reasons)}</failure>`;
  return markup`<error type="could not tell" message="${message}">${lines(reasons)}</error>`;
}

/** A finding in one line. */
function sentence(finding: Finding): string {
  const { kind, source } = finding;
  const where = source === undefined ? "" : ` (${shownSource(source)})`;
  const why = passedOver(finding);
  return `${why === "" ? "" : `${why}: `}${kindWords[kind]}: ${whatOf(finding)}${where}`;
}
