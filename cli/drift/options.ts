/** What `lxd-access drift` can be told. */
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { messageOf, refuse } from "../../provider/errors";
import type { StackChoice } from "../pulumi";
import { type Format, formats } from "./formats";
import { type IgnoreRule, parseIgnoreOption } from "./ignore";

/** A format, and the file that takes it; standard output where there is none. */
export interface Output {
  readonly format: Format;
  readonly file: string | undefined;
}

/** As commander makes them of the arguments. */
export interface GivenOptions {
  readonly cwd: readonly string[];
  readonly stack: readonly NamedStack[];
  readonly expiring: number;
  readonly failExpiring?: boolean;
  readonly format: readonly Output[];
  readonly annotate?: boolean;
  readonly ignore: readonly IgnoreRule[];
  readonly ignoreFile?: string;
  readonly newSince?: string;
}

/** A stack, and how many folders were named before it. */
interface NamedStack {
  readonly name: string;
  readonly after: number;
}

const help = `
Exit code: 0 in sync, 2 drift, 1 where it could not be told. Drift wins. What expires is 0 unless --fail-expiring.
What counts is what no rule ignores and, with --new-since, what is new.

Examples:
  lxd-access drift
  lxd-access drift --stack prod --stack staging --expiring 14d
  lxd-access drift --format text --format json=drift.json --new-since drift.json
  lxd-access drift --format markdown="$GITHUB_STEP_SUMMARY" --annotate
  lxd-access drift --cwd network --stack prod --cwd clients --stack prod
  lxd-access drift --ignore type=TrustToken,property=projects --ignore type=client,resource=admin-*`;

/** The command, without what it does. */
export function driftOptions(): Command {
  const cwd: string[] = [];
  const folder = (path: string): string[] => {
    cwd.push(path);
    return cwd;
  };
  const stack = (name: string, earlier: readonly NamedStack[]): NamedStack[] => [
    ...earlier,
    { name, after: cwd.length },
  ];
  return new Command("drift")
    .description(
      "Reads stacks with the real `pulumi`, looks at every server and client directory of their resources, and reports what is " +
        "otherwise than the stacks say, what could not be told, what expires, and what nobody manages. Changes nothing.",
    )
    .addOption(
      new Option("--cwd <folder>", "folder of the Pulumi project (repeatable)")
        .argParser(folder)
        .default([], "here"),
    )
    .addOption(
      new Option(
        "--stack <name>",
        "stack of the project (repeatable); of several --cwd, of the one before it",
      )
        .argParser(stack)
        .default([], "the selected one"),
    )
    .addOption(
      new Option("--expiring <time>", "tell what expires within this time, as in 30d, 4w or 12h")
        .argParser(days)
        .default(30, "30d"),
    )
    .option("--fail-expiring", "exit with 2 where something expires within that time")
    .addOption(
      new Option(
        "--format <format[=file]>",
        `${formats.join(", ")}; without a file to standard output (repeatable)`,
      )
        .argParser(output)
        .default([], "text"),
    )
    .option("--annotate", "write ::error and ::warning lines for GitHub to standard error")
    .addOption(
      new Option(
        "--ignore <rule>",
        "pass over what fits: resource=NAME, type=TYPE, property=NAME, server=NAME, with commas for all of several; * stands " +
          "for anything (repeatable)",
      )
        .argParser((text: string, earlier: readonly IgnoreRule[]) => [...earlier, parseIgnoreOption(text)])
        .default([], "none"),
    )
    .option("--ignore-file <file>", "rules in YAML, each with a reason and perhaps a last day")
    .option("--new-since <file>", "report only what an earlier report (--format json) does not have")
    .addHelpText("after", help)
    .allowExcessArguments(false);
}

/** The stacks that were asked for, each once. INPUT_INVALID where it cannot be told of which project one is. */
export function stackChoices({ cwd, stack }: GivenOptions, here: string): StackChoice[] {
  const folders = cwd.length === 0 ? [here] : cwd.map((path) => resolve(here, path));
  const isOneProject = folders.length === 1;
  const stray = stack.find(({ after }) => after === 0);
  if (!isOneProject && stray !== undefined)
    refuse(
      "INPUT_INVALID",
      `--stack ${stray.name}: of several projects name the folder (--cwd) before its stacks`,
    );
  return folders.flatMap((directory, index) => {
    const own = isOneProject ? stack : stack.filter(({ after }) => after === index + 1);
    const names = own.length === 0 ? [undefined] : [...new Set(own.map(({ name }) => name))];
    return names.map((name) => ({ directory, stack: name }));
  });
}

/** Where the formats go. INPUT_INVALID where two go to one place, or a file's folder is not there. */
export async function outputsOf({ format }: GivenOptions, here: string): Promise<Output[]> {
  const outputs: Output[] = format.map(({ format: name, file }) => ({
    format: name,
    file: file === undefined ? undefined : resolve(here, file),
  }));
  const places = outputs.map(({ file }) => file);
  const twice = places.findIndex((file, index) => places.indexOf(file) < index);
  if (twice !== -1)
    refuse(
      "INPUT_INVALID",
      `--format: two formats go to ${places[twice] ?? "standard output"}. Name a file: --format json=FILE`,
    );
  for (const file of places) if (file !== undefined) await requireFolder(dirname(file));
  return outputs.length === 0 ? [{ format: "text", file: undefined }] : outputs;
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) =>
    refuse("INPUT_INVALID", `--format: nothing can be written to ${folder}: ${messageOf(error)}`),
  );
  if (!found.isDirectory()) refuse("INPUT_INVALID", `--format: ${folder} is no folder`);
}

function output(text: string, earlier: readonly Output[]): Output[] {
  const [, name = "", file] = /^([^=]*)(?:=(.+))?$/s.exec(text) ?? [];
  const format = formats.find((one) => one === name);
  if (format === undefined)
    throw new InvalidArgumentError(`There are ${formats.join(", ")}, each perhaps with =FILE.`);
  return [...earlier, { format, file }];
}

const hoursIn: Readonly<Record<string, number>> = { h: 1, d: 24, w: 7 * 24 };

/** A time as days. */
function days(text: string): number {
  const [, amount, unit = "d"] = /^(\d{1,6})([hdw])?$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError("It is a whole number and h, d or w, as in 30d.");
  return (Number(amount) * (hoursIn[unit] ?? 24)) / 24;
}
