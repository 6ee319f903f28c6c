/** The report for programs, as docs/drift-report.schema.json describes it. */
import { printable } from "../../../provider/errors";
import type { DriftReport } from "../report";
import { withoutCommands } from "./shown";

/** All of it as it is. What steers a terminal or a build's log is escaped, which is the same text in JSON. */
export function json(report: DriftReport): string {
  const escaped = JSON.stringify(report, undefined, 2).replace(/[^\n\x20-\x7e]/g, (unit) =>
    printable(unit) === unit ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${withoutCommands(escaped, String.raw`\u0023`)}\n`;
}
