/** Findings as workflow commands of GitHub Actions, which shows them where the program declares the resource. */
import { posix } from "node:path";
import { printable } from "../../../provider/errors";
import type { DriftReport, Finding } from "../report";
import { changeOf, kindWords, overviewOf } from "./overview";
import { shownMessage, shownName, withoutCommands } from "./shown";

/**
 * One line for each finding that counts, the worst first, since GitHub shows only the first ten errors and warnings of a step.
 * `folder` is the program's, relative to the repository: what GitHub's paths are relative to.
 */
export function annotations(report: DriftReport, folder = ""): string {
  const { drift, untold, expiring } = overviewOf(report);
  const errors = [...drift, ...untold].map((finding) => command("error", finding, folder));
  return [...errors, ...expiring.map((finding) => command("warning", finding, folder))].join("");
}

function command(level: "error" | "warning", finding: Finding, folder: string): string {
  const { kind, type, name, source, property } = finding;
  const properties = {
    ...(source && { file: posix.join(folder, printable(source.file)), line: String(source.line) }),
    title: `${shownName(type)} ${shownName(name)}: ${kindWords[kind]}`,
  };
  const message = property === undefined ? shownMessage(finding.message) : changeOf(finding);
  const listed = Object.entries(properties).map(([key, value]) => `${key}=${escapedProperty(value)}`);
  return withoutCommands(`::${level} ${listed.join(",")}::${escaped(message)}\n`);
}

/** As GitHub takes it apart again. */
function escaped(message: string): string {
  return message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapedProperty(value: string): string {
  return escaped(value).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
