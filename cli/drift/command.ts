/** `lxd-access drift`: whether the world is still as stacks say. It only looks. */
import { lstatSync, realpathSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import { codeOf, messageOf, refuse } from "../../provider/errors";
import { parseJson } from "../../provider/json";
import { writeNewFiles } from "../new-file";
import { findProject } from "../program-folder";
import { exportStack, type StackChoice } from "../pulumi";
import type { World } from "../world";
import { render } from "./formats";
import { annotations } from "./formats/annotations";
import { type IgnoreRule, parseIgnoreFile } from "./ignore";
import { judge } from "./judge";
import { observe, type ProjectStack } from "./observe";
import { driftOptions, type GivenOptions, type Output, outputsOf, stackChoices } from "./options";
import { Progress } from "./progress";
import { type DriftReport, driftReport } from "./report";
import { readStack } from "./stack";

export function driftCommand(world: World, exit: (code: number) => void): Command {
  return driftOptions().action(async (options: GivenOptions) => {
    exit(await drift(options, world));
  });
}

/** Whatever is wrong with what was asked is told before anything is looked at. */
async function drift(options: GivenOptions, world: World): Promise<number> {
  const outputs = await outputsOf(options, world.directory);
  const rules = [...options.ignore, ...(await readRules(options, world))];
  const previous = await readPrevious(options, world);
  const choices = stackChoices(options, world.directory);
  const stacks = eachOnce(await Promise.all(choices.map((choice) => readProjectStack(choice, world))));
  const { expiring: expiringDays, failExpiring = false } = options;
  const progress = new Progress(world);
  const seen = await observe(stacks, { expiringDays }, world, progress.show).finally(() => {
    progress.end();
  });
  const report = judge(seen, { rules, previous, expiringDays, failExpiring, now: world.now() });
  if (options.annotate === true) world.err(annotations(await fromWorkspace(report, stacks, world)));
  await write(outputs, report, world);
  return report.exitCode;
}

async function readProjectStack(choice: StackChoice, world: World): Promise<ProjectStack> {
  const { directory } = choice;
  const stack = readStack(await exportStack(choice, world), choice.stack);
  const project = await findProject(directory);
  // Relative client directories start in the folder of the stack's own program.
  if (project?.name !== undefined && stack.resources.length > 0 && !stack.name.startsWith(`${project.name}/`))
    refuse(
      "INPUT_INVALID",
      `--stack ${String(choice.stack)}: ${stack.name} is a stack of another project than the one in ${project.folder}, which is ` +
        `${project.name}. Name the folder of its project (--cwd)`,
    );
  return { stack, directory };
}

/** A stack may be named in several ways, and its project's folder by any that is below it. */
function eachOnce(stacks: readonly ProjectStack[]): ProjectStack[] {
  return [...new Map(stacks.map((one) => [one.stack.name, one])).values()];
}

async function readRules({ ignoreFile }: GivenOptions, world: World): Promise<IgnoreRule[]> {
  if (ignoreFile === undefined) return [];
  const path = resolve(world.directory, ignoreFile);
  const text = await readFile(path, "utf8").catch((error: unknown) =>
    refuse("INPUT_INVALID", `--ignore-file: ${path} cannot be read: ${messageOf(error)}`),
  );
  return parseIgnoreFile(path, text);
}

/** The report to compare with; none where there is no such file, as there is none the first time. */
async function readPrevious({ newSince }: GivenOptions, world: World): Promise<DriftReport | undefined> {
  if (newSince === undefined) return undefined;
  const path = resolve(world.directory, newSince);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    return refuse("INPUT_INVALID", `--new-since: ${path} cannot be read: ${messageOf(error)}`);
  });
  if (text === undefined) {
    world.err(`There is no earlier report ${path}, so all is new.\n`);
    return undefined;
  }
  const parsed = driftReport.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // As after an update of this package: a job that keeps its report would fail for good.
  world.err(`${path} is no report of this release (--format json), so all is new.\n`);
  return undefined;
}

async function write(outputs: readonly Output[], report: DriftReport, world: World): Promise<void> {
  for (const { format, file } of outputs) {
    const isColoured = file === undefined && world.isTerminal.out && !world.environment["NO_COLOR"];
    const text = render(format, report, { colour: isColoured });
    if (file === undefined) {
      world.out(text);
      continue;
    }
    await writeReport(file, text);
  }
}

/** Whole or not at all, as the next run may read it; what is no file of its own, a device or a link, is written as it is. */
async function writeReport(file: string, text: string): Promise<void> {
  const there = lstatSync(file, { throwIfNoEntry: false });
  if (there === undefined || there.isFile())
    return writeNewFiles([{ path: file, content: text, mode: 0o666 }], true);
  await writeFile(file, text).catch((error: unknown) =>
    refuse("INPUT_INVALID", `Writing ${file}: ${messageOf(error)}`),
  );
}

/** GitHub takes the paths of annotations from the top of the repository. */
async function fromWorkspace(
  report: DriftReport,
  stacks: readonly ProjectStack[],
  { environment: { GITHUB_WORKSPACE: workspace } }: World,
): Promise<DriftReport> {
  if (workspace === undefined || workspace === "") return report;
  const top = whereItIs(workspace);
  const folders = new Map<string | undefined, string>();
  for (const { stack, directory } of stacks)
    folders.set(stack.name, relative(top, whereItIs((await findProject(directory))?.folder ?? directory)));
  const findings = report.findings.map((finding) => {
    const folder = folders.get(finding.stack);
    if (finding.source === undefined || folder === undefined) return finding;
    const file = join(folder, finding.source.file).split(sep).join("/");
    return { ...finding, source: { ...finding.source, file } };
  });
  return { ...report, findings };
}

/** One folder may have several paths, by links. */
function whereItIs(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
