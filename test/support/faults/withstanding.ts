/** Readers of what comes from outside, given far more of it than they are made for. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { AccessError } from "../../../provider/errors";
import { type InputFinding, isThorough } from "./finding";

/** What a reader made of an input: taken, or refused with words that the user sees. */
export type Verdict = "taken" | { readonly refused: string };

/** How many inputs a reader gets. */
const usualCases = 10_000;
/** How many of them at the most where not all of the suite runs. */
const mostCases = isThorough ? Infinity : 1000;
/** More than this part of them is taken, and refused. Of few it may be little by chance, but not none. */
const leastShare = isThorough ? 0.01 : 0;

/**
 * Has a reader read generated inputs, ten thousand where all of the suite runs, some of which it takes and some of which it refuses. Whatever it
 * throws fails the test, as does a refusal that cannot be shown. `read` may be asked in parallel.
 */
export async function withstands<Given>(
  reader: string,
  inputs: fc.Arbitrary<Given>,
  read: (given: Given) => Verdict | Promise<Verdict>,
  allCases = usualCases,
): Promise<InputFinding> {
  const cases = Math.min(allCases, mostCases);
  const counts = { taken: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(inputs, async (given) => {
      const verdict = await read(given);
      if (verdict !== "taken") requireShowable(verdict.refused);
      counts[verdict === "taken" ? "taken" : "refused"]++;
    }),
    { numRuns: cases, endOnFailure: true },
  );
  assert.ok(
    counts.taken > leastShare * cases && counts.refused > leastShare * cases,
    `${reader}: ${JSON.stringify(counts)}`,
  );
  return { kind: "inputs", reader, cases: counts.taken + counts.refused };
}

/** A message that steers no terminal, and that somebody can read to its end. */
export function requireShowable(message: string): void {
  assert.ok(
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(message),
    `cannot be shown: ${JSON.stringify(message)}`,
  );
  assert.ok(message.length < 9000, `${message.length} characters: ${message.slice(0, 200)}`);
}

/** What a call refuses in plain words; anything else that it throws is a crash. */
export async function verdictOf(call: () => unknown): Promise<Verdict> {
  try {
    await call();
    return "taken";
  } catch (error) {
    return refusalIn(error);
  }
}

/** The refusal that was thrown. Fails where it is none of this provider's. */
function refusalIn(error: unknown): { refused: string } {
  if (!(error instanceof AccessError) || error.errorCode === "BUG") throw error;
  return { refused: error.message };
}

/** Requires that no part of a secret, of twelve characters or more, is in what was said. */
export function requireSecret(secret: string, said: string): void {
  for (let start = 0; start + 12 <= said.length; start++) {
    const part = said.slice(start, start + 12);
    assert.ok(!secret.includes(part), `repeats ${JSON.stringify(part)}: ${said.slice(0, 300)}`);
  }
}
