/** `lxd-access drift` as people run it in a project. */
import * as assert from "node:assert/strict";
import { dirname } from "node:path";
import { type DriftReport, driftReport } from "../../cli/drift/report";
import { run } from "../../cli/lxd-access";
import type { PulumiProject } from "./pulumi-project";

/** Runs it, and answers its report and what it said meanwhile. */
export async function driftIn(
  project: PulumiProject,
  ...args: readonly string[]
): Promise<{ report: DriftReport; said: string }> {
  const pulumi = process.env["LXD_ACCESS_TEST_PULUMI"];
  const folders = [...(pulumi === undefined ? [] : [dirname(pulumi)]), project.env["PATH"] ?? ""];
  let out = "";
  let said = "";
  const code = await run(["drift", "--format", "json", ...args], {
    environment: { ...project.env, PATH: folders.join(":") },
    directory: project.directory,
    now: () => new Date(),
    out: (text) => void (out += text),
    err: (text) => void (said += text),
    isTerminal: { out: false, err: false },
  });
  assert.match(out, /^\{/, said);
  const report = driftReport.parse(JSON.parse(out));
  assert.equal(code, report.exitCode);
  return { report, said };
}
