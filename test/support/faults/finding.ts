/**
 * What the tests of the fault suite find out. Each such test returns what it saw, the reporter passes it on, and
 * `npm run test:faults` writes it into docs/reliability.md, so that the document says what happened and not what was to.
 */
import { strict as assert } from "node:assert";
import { profileFor, type ServerKind } from "../servers";

/** One fault, and what came of it. Plain phrases, the same in every run: no port, path, time or fingerprint. */
export interface FaultFinding {
  readonly kind: "fault";
  /** What was done to whom: "kill -9 of the provider before POST /1.0/certificates". */
  readonly fault: string;
  /** "LXD 5.0", "Incus 6.0", "LXD 5.21 (double)"; "none" where no server takes part. */
  readonly server: string;
  /** What the user saw: the error's code, or that it went well. */
  readonly happened: string;
  /** What was there afterwards, looked at behind the provider's back. */
  readonly left: string;
}

/** How many generated inputs something withstood. */
export interface InputFinding {
  readonly kind: "inputs";
  /** What read them: "listen address". */
  readonly reader: string;
  readonly cases: number;
}

/** A figure of the soak, near its beginning and at its end. */
export interface SoakFinding {
  readonly kind: "soak";
  readonly measure: string;
  readonly early: string;
  readonly late: string;
}

export type Finding = FaultFinding | InputFinding | SoakFinding;

/** Whether all of the suite runs, as by `npm run test:faults`. `npm test` takes some of what comes in many forms. */
export const isThorough = process.env["LXD_ACCESS_TEST_THOROUGH"] === "1";

/** All of a list, or the first where not all of the suite runs. */
export function someOf<Item>(all: readonly Item[]): readonly Item[] {
  return isThorough ? all : all.slice(0, 1);
}

/** A test that returns what it found out. One that is long is there only where all of the suite runs. */
export function itFinds(
  title: string,
  look: (this: Mocha.Context) => Promise<Finding | Finding[]>,
  { isLong = false } = {},
): void {
  if (isLong && !isThorough) return;
  it(title, async function () {
    const found = await look.call(this);
    // Read by the reporter.
    Object.assign(this.test ?? {}, { findings: [found].flat() });
  });
}

/** What a test found out; nothing for those that do not tell. */
export function findingsOf(test: object): readonly Finding[] {
  const findings: unknown = Reflect.get(test, "findings");
  return Array.isArray(findings) ? (findings as Finding[]) : [];
}

/** A kind of server in a finding: "LXD 5.0", "LXD 5.0, cluster of two", "LXD 6 (double)". */
export function serverNamed(kind: ServerKind): string {
  const [flavor = "", version = ""] = profileFor(kind).split("-");
  const name = `${flavor === "lxd" ? "LXD" : "Incus"} ${version}`;
  if (kind === "lxd-cluster") return `${name}, cluster of two`;
  return kind.endsWith("-daemon") ? name : `${name} (double)`;
}

/** The code of an error, from its message as the user sees it. Fails where there is none: every error has one. */
export function codeIn(message: string): string {
  const code = /\[([A-Z_]+)\]\s*$/.exec(message)?.[1];
  assert.ok(code !== undefined, `no code at the end of: ${message}`);
  return code;
}
