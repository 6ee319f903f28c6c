/** Patterns with which a configuration names things. */

/** Whether a pattern means all of a name. `*` stands for any text, also none. Upper and lower case are the same. */
export function matchesAll(name: string, pattern: string): boolean {
  return regexOf(pattern, "isu").test(name);
}

/** As {@link matchesAll}, for names that are others in another case: of projects, and of resources. */
export function matchesExactly(name: string, pattern: string): boolean {
  return regexOf(pattern, "su").test(name);
}

/** Whether a pattern with `*` means all of a name, or one without is a word in it: "prod" is one in "web-prod-01". */
export function matchesWord(name: string, pattern: string): boolean {
  if (pattern.includes("*") || matchesAll(name, pattern)) return matchesAll(name, pattern);
  return name.match(/\p{L}+|\p{N}+/gu)?.some((word) => matchesAll(word, pattern)) ?? false;
}

function regexOf(pattern: string, flags: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, flags);
}
