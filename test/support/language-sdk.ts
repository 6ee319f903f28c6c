/** SDKs that Pulumi makes of schema.json, and the tools of their languages. */
import * as assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runProgram } from "./pulumi-project";

const schema = resolve(__dirname, "../../schema.json");

/** Makes the SDK of a language in a folder, as `pulumi package add` does. */
export async function makeSdk(language: "python" | "go" | "nodejs" | "java", folder: string): Promise<void> {
  if (language === "java") {
    // It takes an absolute folder for one below the current.
    const options = ["--schema", schema, "--out", ".", "--build", "none"];
    await succeeds("pulumi-java-gen", ["generate", ...options], folder);
    // What the package asks for when it is loaded; otherwise a build by Gradle writes it.
    const resources = join(folder, "src", "main", "resources", "com", "pulumi", "lxd-access");
    mkdirSync(resources, { recursive: true });
    const { version } = JSON.parse(readFileSync(schema, "utf8")) as { version: string };
    writeFileSync(join(resources, "version.txt"), version);
    return;
  }
  await succeeds(process.env["LXD_ACCESS_TEST_SDK_GENERATOR"] ?? "", [schema, language, folder], folder);
}

/** The programs of a language in the documents of schema.json. */
export function documentedPrograms(language: "python" | "go" | "java"): string[] {
  const { resources, functions } = JSON.parse(readFileSync(schema, "utf8")) as Record<
    "resources" | "functions",
    Record<string, { description: string }>
  >;
  const programs = [...Object.values(resources), ...Object.values(functions)].flatMap(({ description }) =>
    [...description.matchAll(/^```(\w+)\n(.*?)^```/gms)].flatMap(([, found, program = ""]) =>
      found === language ? [program] : [],
    ),
  );
  assert.ok(programs.length > 4, `${language}: the documents have ${programs.length} programs`);
  return programs;
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
