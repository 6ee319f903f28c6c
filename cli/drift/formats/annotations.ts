/** Findings as workflow commands of GitHub Actions, which shows them where the program declares the resource. */
import { printable } from "../../../provider/errors";
import type { DriftReport, Finding } from "../report";
import { kindWords, overviewOf, whatOf } from "./overview";
import { shownName, withoutCommands } from "./shown";

/**
 * One line for each finding that counts, the worst first, since GitHub shows only the first ten errors and warnings of a step. The paths of
 * their sources are to be relative to the repository, as GitHub's are.
 */
export function annotations(report: DriftReport): string {
  const { drift, untold, expiring } = overviewOf(report);
  const errors = [...drift, ...untold].map((finding) => command("error", finding));
  return [...errors, ...expiring.map((finding) => command("warning", finding))].join("");
}

function command(level: "error" | "warning", finding: Finding): string {
  const { kind, type, name, source } = finding;
  const properties = {
    ...(source && { file: printable(source.file), line: String(source.line) }),
    title: `${shownName(type)} ${shownName(name)}: ${kindWords[kind]}`,
  };
  const listed = Object.entries(properties).map(([key, value]) => `${key}=${escapedProperty(value)}`);
  return withoutCommands(`::${level} ${listed.join(",")}::${escaped(whatOf(finding))}\n`);
}

/** As GitHub takes it apart again. */
function escaped(message: string): string {
  return message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapedProperty(value: string): string {
  return escaped(value).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
