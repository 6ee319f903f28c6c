/** SDKs that Pulumi makes of schema.json, and the tools of their languages. */
import * as assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { runProgram } from "./pulumi-project";

const schema = resolve(__dirname, "../../schema.json");

/** Makes the SDK of a language in a folder, as `pulumi package add` does. */
export async function makeSdk(language: "python" | "go" | "nodejs", folder: string): Promise<void> {
  await succeeds(process.env["LXD_ACCESS_TEST_SDK_GENERATOR"] ?? "", [schema, language, folder], folder);
}

/** Runs a program, which has to succeed; answers what it printed. */
export async function succeeds(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { code, output } = await runProgram(command, args, { cwd, env });
  assert.equal(code, 0, `${command} ${args.join(" ")}:\n${output}`);
  return output;
}

/** A program of the Python environment that `npm run test:languages` made. */
export function pythonProgram(name: string): string {
  return join(process.env["LXD_ACCESS_TEST_PYTHON"] ?? "", "bin", name);
}
