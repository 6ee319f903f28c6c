/** What grows on a server and in a provider process that onboards a client and takes it back 200 times. */
import { strict as assert } from "node:assert";
import { type Finding, itFinds } from "../support/faults/finding";
import { OnboardingCycles, type Remains } from "../support/faults/onboarding-cycles";
import { describeWith } from "../support/skip";

const cycles = 200;
/** Cycles in which code is compiled and what is kept for good is made. */
const warmUp = 80;
/** Cycles whose median counts, at the beginning and at the end of what is compared. */
const windowSize = 20;

type Counted = Exclude<keyof Remains, "listener">;

/** What is measured, and how much more there may be of it at the end: nothing, but for what runtimes do with memory. */
const measures: readonly { name: Counted; measure: string; mayGrow: number; unit?: number }[] = [
  { name: "clients", measure: "clients in the server's trust store", mayGrow: 0 },
  { name: "operations", measure: "running operations of the server", mayGrow: 0 },
  { name: "serverFiles", measure: "files and sockets that the server has open", mayGrow: 2 },
  { name: "sockets", measure: "sockets that the provider has open", mayGrow: 0 },
  { name: "files", measure: "files in the client directory", mayGrow: 0 },
  {
    name: "heap",
    measure: "memory that the provider uses, after a collection of garbage (MiB)",
    mayGrow: 1,
    unit: 1024 ** 2,
  },
  { name: "memory", measure: "memory that the provider's process has (MiB)", mayGrow: 20, unit: 1024 ** 2 },
];

describeWith(["lxd-daemon"], "a soak", function () {
  this.timeout(3_600_000);
  itFinds(`onboards and destroys ${cycles} times`, async () => {
    const seen: Remains[] = [];
    const running = await OnboardingCycles.begin();
    try {
      while (seen.length < cycles) {
        await running.cycle();
        seen.push(await running.remains());
      }
    } finally {
      await running.end();
    }
    const findings = measures.map(({ name, measure, mayGrow, unit = 1 }) => {
      const early = medianOf(seen.slice(warmUp, warmUp + windowSize).map((one) => one[name] / unit));
      const late = medianOf(seen.slice(-windowSize).map((one) => one[name] / unit));
      return { measure, early, late, isGrown: late - early > mayGrow };
    });
    const grown = findings.filter(({ isGrown }) => isGrown);
    assert.deepEqual(grown, [], "what has grown");
    assert.deepEqual(seen.at(-1)?.listener, "");
    return findings.map(({ measure, early, late }): Finding => {
      return { kind: "soak", measure, early: shown(early), late: shown(late) };
    });
  });
});

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
