/** Names of resources in the program, from what the things are called: readable, the same in each run, and each only once. */
import { createHash } from "node:crypto";
import type { Candidate } from "./survey";

/** Characters. A name goes into the URN, and is read by people. */
const longestName = 60;

/** As much of what tells namesakes apart as nearly always does. */
const shortMark = 8;

/**
 * A name for each, in their order. Those that would have the same one end with what tells them apart, and so does one that would
 * have a name of the stack.
 */
export function namesFor(
  candidates: readonly Pick<Candidate, "resource" | "id" | "words" | "mark">[],
  inStack: readonly string[] = [],
): string[] {
  const unlessOnce = (names: readonly string[], other: (name: string, index: number) => string): string[] => {
    const counts = new Map(inStack.map((name) => [name, 1]));
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return names.map((name, index) => (counts.get(name) === 1 ? name : other(name, index)));
  };
  const plain = candidates.map(({ words }) => plainName(words));
  const short = unlessOnce(plain, (name, index) => {
    const mark = candidates[index]?.mark;
    return mark === undefined ? name : `${name}-${mark.slice(0, shortMark)}`;
  });
  return unlessOnce(short, (name, index) => {
    const { resource = "", id = "" } = candidates[index] ?? {};
    const digest = createHash("sha256")
      .update(JSON.stringify([resource, id]))
      .digest("hex");
    return `${name}-${digest.slice(0, 2 * shortMark)}`;
  });
}

/** Letters without their marks, digits, and hyphens for the rest: what URNs, shells and YAML take as it is. */
function plainName(words: readonly string[]): string {
  const parts = words.map((word) =>
    word
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .normalize("NFC")
      .replace(/[^\p{L}\p{N}_.]+/gu, "-")
      .replace(/^-|-$/g, ""),
  );
  const name = parts.filter((part) => part !== "").join("-");
  return new RegExp(`^.{0,${longestName}}`, "u").exec(name)?.[0] ?? "";
}
