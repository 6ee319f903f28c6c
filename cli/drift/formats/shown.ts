/**
 * What comes from servers, stacks and programs, as it is shown: names may be endless, and may hold what steers a terminal
 * or the program that reads a build's log. In full it all is in the JSON.
 */
import { printable } from "../../../provider/errors";

const longestName = 120;
const longestValue = 300;
const longestMessage = 2000;

export function shownName(name: string): string {
  return shown(name, longestName);
}

/** A value of a property, as JSON. */
export function shownValue(value: unknown): string {
  return value === undefined ? "(none)" : shown(JSON.stringify(value), longestValue);
}

export function shownMessage(message: string): string {
  return shown(message, longestMessage);
}

/** Where the program declares it, as in `index.ts:12`. */
export function shownSource({ file, line }: { file: string; line: number }): string {
  return `${shownName(file)}:${line}`;
}

/** A time to the minute. */
export function shownTime(time: string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function shown(text: string, longest: number): string {
  const rest = text.length - longest;
  // What is left of a character that is cut through is escaped, too.
  return rest <= 0 ? printable(text) : `${printable(text.slice(0, longest))}… (${rest} more)`;
}

/**
 * Breaks what GitHub Actions (`##[`), Azure Pipelines (`##vso[`) and TeamCity (`##teamcity[`) take for a command wherever in a line
 * of a log it stands. A line that begins with `::` is one for GitHub, so no line of ours begins with a name.
 */
export function withoutCommands(text: string, hash = String.raw`\u{23}`): string {
  return text.replace(/#(?=#)/g, () => hash);
}
