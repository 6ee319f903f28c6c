/** The real `pulumi` command, asked for what it knows of a stack. It is only ever asked, never told to change anything. */
import { execFile, type ExecFileException } from "node:child_process";
import { refuse } from "../provider/errors";
import type { World } from "./world";

/** Bytes. A stack's state holds every resource that it has. */
const largestAnswer = 1024 * 1024 * 1024;

/** Which project, and which of its stacks. */
export interface StackChoice {
  /** Absolute path of a folder with a Pulumi.yaml in it or above it; a stack that names its own project needs none. */
  readonly directory: string;
  /** As `pulumi --stack` takes it. Undefined is the one that is selected. */
  readonly stack: string | undefined;
}

/**
 * The deployment of a stack as `pulumi stack export` writes it, secrets in plain text: it stays in memory, and is never printed.
 * CONFIG_INVALID where `pulumi` is not there, or refuses: no such stack, no access to its backend, a wrong passphrase.
 */
export function exportStack(choice: StackChoice, world: World): Promise<unknown> {
  return askForJson(["stack", "export", "--show-secrets"], "Reading", choice, world);
}

/** The configuration of a stack, as `pulumi config --json` writes it, secrets in plain text. CONFIG_INVALID as {@link exportStack}. */
export function readStackConfig(choice: StackChoice, world: World): Promise<unknown> {
  return askForJson(["config", "--json", "--show-secrets"], "Reading the configuration of", choice, world);
}

async function askForJson(
  args: readonly string[],
  doing: string,
  { directory, stack }: StackChoice,
  { environment }: World,
): Promise<unknown> {
  const name = stack === undefined ? "the selected stack" : `the stack ${stack}`;
  const chosen = stack === undefined ? [] : ["--stack", stack];
  const what = `${doing} ${name} in ${directory}`;
  const text = await new Promise<string>((done, fail) => {
    const options = { cwd: directory, env: environment, maxBuffer: largestAnswer };
    execFile("pulumi", [...args, ...chosen, "--non-interactive"], options, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else fail(new Error(describeFailure(error, stderr), { cause: error }));
    });
  }).catch((error: unknown) =>
    refuse("CONFIG_INVALID", `${what}: ${error instanceof Error ? error.message : String(error)}`),
  );
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // What it said may hold secrets.
    return refuse(
      "CONFIG_INVALID",
      `${what}: \`pulumi ${args.join(" ")}\` answered with something that is no JSON`,
    );
  }
}

/** What `pulumi` said is its own last word; what it printed to standard output may hold secrets. */
function describeFailure(error: ExecFileException, stderr: string): string {
  if (error.code === "ENOENT")
    return "there is no `pulumi` on PATH, or no such folder. Install Pulumi, or correct --cwd";
  const said = stderr.trim().replace(/^error: /, "");
  return said === "" ? error.message : `pulumi said: ${said}`;
}
