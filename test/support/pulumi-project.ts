/** A Pulumi project of its own, run by the real CLI on a file backend in a throwaway folder. */
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** What a command answered. */
export interface Run {
  readonly code: number;
  /** What it printed, standard output and error in their order of arrival. */
  readonly output: string;
}

/** Exit code of the CLI for changes where none were expected. */
export const exitChanges = 7;

const root = resolve(__dirname, "../..");

/** The file of a program, by its language. */
export const programFiles = {
  typescript: "index.ts",
  yaml: "Pulumi.yaml",
  python: "__main__.py",
  go: "main.go",
  java: "src/main/java/app/App.java",
};

export class PulumiProject {
  /** Everything that every command printed. */
  transcript = "";
  /** The file of the program. */
  private program = programFiles.typescript;

  private constructor(
    readonly directory: string,
    /** What commands find in their environment; a test may add to it. */
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * Makes a project with a program, and its stack `test`. `config` is by full name (`lxd-access:socketPath`).
   * `install: false` leaves node_modules to the caller; otherwise it is this checkout's. Types are checked on request.
   * In YAML the program is Pulumi.yaml without name and runtime. What serves other languages than TypeScript is this
   * checkout's plugin on PATH; the packages that a program in them imports are left to the caller.
   */
  static async create(
    program: string,
    options: {
      config?: Record<string, string>;
      install?: boolean;
      checkTypes?: boolean;
      main?: string;
      language?: keyof typeof programFiles;
    } = {},
  ): Promise<PulumiProject> {
    const directory = mkdtempSync(join(tmpdir(), "lxa-stack-"));
    const project = new PulumiProject(directory, {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(directory, ".state")}`,
      PULUMI_HOME: join(directory, ".home"),
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_DISABLE_REGISTRY_RESOLVE: "true",
      // Programs are type-checked by `npm run verify`; here that would only cost time.
      PULUMI_NODEJS_TRANSPILE_ONLY: String(options.checkTypes !== true),
      // Nothing is found that a project has not got itself.
      NODE_PATH: "",
      TMPDIR: join(directory, ".tmp"),
    });
    for (const folder of [".state", ".home", ".tmp"]) mkdirSync(join(directory, folder));
    const { language = "typescript" } = options;
    if (language !== "typescript") {
      project.putPluginOnPath();
      project.write("Pulumi.yaml", `name: test\nruntime: ${language}\n`);
    } else {
      if (options.install !== false) symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
      project.write("Pulumi.yaml", "name: test\nruntime: nodejs\n");
      if (options.install !== false)
        project.write("package.json", '{ "name": "test", "main": "index.ts" }\n');
    }
    project.program = options.main ?? programFiles[language];
    project.give(program);
    // As users may write it by hand, which takes no command for each value; JSON is YAML.
    const { config = {} } = options;
    if (Object.keys(config).length > 0) project.write("Pulumi.test.yaml", JSON.stringify({ config }));
    try {
      await project.expect(0, "stack", "init", "test");
    } catch (error) {
      project.remove();
      throw error;
    }
    return project;
  }

  write(file: string, text: string): void {
    const path = join(this.directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Puts another program in the place of the one that is there. */
  give(program: string): void {
    const head = this.program === "Pulumi.yaml" ? "name: test\nruntime: yaml\n" : "";
    this.write(this.program, head + program);
  }

  /** Has the engine find this checkout's plugin, as `npm install --global` would. */
  private putPluginOnPath(): void {
    const folder = join(this.directory, ".bin");
    mkdirSync(folder);
    const main = join(root, "dist", "provider", "plugin", "main.js");
    const script = `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`;
    writeFileSync(join(folder, "pulumi-resource-lxd-access"), script, { mode: 0o755 });
    this.env["PATH"] = `${folder}:${this.env["PATH"] ?? ""}`;
  }

  /** Runs `pulumi` and requires an exit code. */
  async expect(code: number, ...args: string[]): Promise<string> {
    const run = await this.run(args);
    assert.equal(run.code, code, `pulumi ${args.join(" ")}:\n${run.output}`);
    return run.output;
  }

  /** Runs `pulumi`; `input` is its standard input. */
  async run(args: readonly string[], input?: string): Promise<Run> {
    const command = process.env["LXD_ACCESS_TEST_PULUMI"] ?? "pulumi";
    const options = { cwd: this.directory, env: this.env, input };
    const done = await runProgram(command, [...args, "--non-interactive"], options);
    this.transcript += done.output;
    return done;
  }

  /** Sets a value of the stack's configuration, which goes through standard input and is never an argument. */
  async configure(key: string, value: string, kind: "plain" | "secret" = "plain"): Promise<void> {
    const done = await this.run(["config", "set", ...(kind === "secret" ? ["--secret"] : []), key], value);
    assert.equal(done.code, 0, done.output);
  }

  /** Applies the program; the plan is not shown first. */
  up(...args: string[]): Promise<string> {
    return this.expect(0, "up", "--yes", "--skip-preview", ...args);
  }

  destroy(): Promise<string> {
    return this.expect(0, "destroy", "--yes", "--skip-preview");
  }

  /** The stack's outputs, secrets shown. */
  async outputs(): Promise<Record<string, unknown>> {
    const run = await this.run(["stack", "output", "--json", "--show-secrets"]);
    // Shown on purpose, so not part of what must hold no secret.
    this.transcript = this.transcript.slice(0, -run.output.length);
    return JSON.parse(run.output) as Record<string, unknown>;
  }

  /** Everything that a user could find lying about: what was printed, the exported stack and every file of the state. */
  async traces(): Promise<string> {
    const exported = await this.run(["stack", "export"]);
    return [
      this.transcript,
      exported.output,
      ...filesUnder(join(this.directory, ".state")),
      ...filesUnder(join(this.directory, ".tmp")),
    ].join("\n");
  }

  /** Removes the folder; what the stack made elsewhere has to be destroyed before. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { input = "", ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Run> {
  const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined); // a program that does not read it
  child.stdin.end(input);
  let output = "";
  const collect = (chunk: Buffer): void => void (output += chunk.toString("utf8"));
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const code = await new Promise<number>((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => {
      done(status ?? -1);
    });
  });
  return { code, output };
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}
