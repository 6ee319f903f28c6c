/**
 * What `npm test` shows of one layer: mocha's own "spec" report, with the reason beside each skipped test. Each result
 * is sent to the process that started mocha as soon as it is known, so that a crash does not take the count with it.
 * TypeScript, because mocha loads it through ts-node, which lets no .mjs file through.
 */
import { reporters, Runner, type Suite, type Test } from "mocha";
import { type Finding, findingsOf } from "../test/support/faults/finding";

/** A test that passed, where it stands, and what it has found out, where it tells that. */
export interface Passed {
  readonly kind: "passed";
  /** With the titles of the suites around it. */
  readonly title: string;
  /** Titles of the suites around it and its own, the outermost first. */
  readonly path: readonly string[];
  readonly findings: readonly Finding[];
}

/** The result of one test, or that all have run. The reason is why a test was skipped, where it says so. */
export type Result =
  | Passed
  | { readonly kind: "failed" | "skipped"; readonly title: string; readonly reason?: string }
  | { readonly kind: "end" };

export default class LayerReporter extends reporters.Spec {
  constructor(runner: Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } = Runner.constants;
    runner.on(EVENT_TEST_PASS, (test) => {
      send({ kind: "passed", title: test.fullTitle(), path: test.titlePath(), findings: findingsOf(test) });
    });
    // A hook that fails counts like a test: what it was to prepare did not run.
    runner.on(EVENT_TEST_FAIL, (test) => {
      send({ kind: "failed", title: test.fullTitle() });
    });
    runner.on(EVENT_TEST_PENDING, (test) => {
      const reason = reasonOf(test);
      if (reason !== undefined) console.log(`      skipped because ${reason}`);
      send({ kind: "skipped", title: test.fullTitle(), reason });
    });
    runner.on(EVENT_RUN_END, () => {
      send({ kind: "end" });
    });
  }
}

function send(result: Result): void {
  process.send?.(result);
}

/** Mocha has no place for a reason, so a test, or a suite around it, has it in a property of this name. */
function reasonOf(test: Test): string | undefined {
  for (let place: Test | Suite | undefined = test; place !== undefined; place = place.parent) {
    const reason: unknown = Reflect.get(place, "skipReason");
    if (typeof reason === "string") return reason;
  }
  return undefined;
}
