/**
 * Drift in GitHub: the commands of the action and of the workflow that is there to copy, run as a runner would run them, on a
 * project that has the package from its archive.
 */
import * as assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { PulumiProject, type Run, runProgram } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const checkout = resolve(__dirname, "../..");

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly "working-directory"?: string;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const workflow = parse(readFileSync(join(checkout, "examples/github-actions/drift.yml"), "utf8")) as {
  jobs: { drift: { steps: readonly Step[] } };
};
const { steps } = workflow.jobs.drift;
const use = steps.find(({ uses }) => uses?.startsWith("./") === true);

describeWith(["pulumi", "lxd-daemon"], "the GitHub action and its workflow", function () {
  this.timeout(300_000);

  let folder: string;
  let server: TestServer;
  let view: ServerView;
  let project: PulumiProject;
  let address: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-action-"));
    const { runNpm } = await import("../../scripts/npm.mjs");
    const args = ["pack", "--ignore-scripts", "--pack-destination", folder];
    await runNpm(args, { what: "packing the package", cwd: checkout });
    const [archive = ""] = readdirSync(folder);
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    address = `127.0.0.1:${await freePort()}`;
    project = await PulumiProject.create(
      `resources:\n  server:\n    type: lxd-access:HttpsAddress\n    properties:\n      address: ${address}\n`,
      { language: "yaml", config: { "lxd-access:socketPath": server.socketPath } },
    );
    const dependencies = { "pulumi-lxd-access": `file:${join(folder, archive)}` };
    project.write("package.json", JSON.stringify({ name: "test", private: true, dependencies }));
    await runNpm(["install", "--package-lock-only", "--ignore-scripts", "--prefer-offline"], {
      what: "npm install",
      cwd: project.directory,
    });
    await project.expect(0, "stack", "init", "prod");
    await project.configure("lxd-access:socketPath", server.socketPath);
    await project.up();
  });

  after(async () => {
    await server.stop();
    project.remove();
    rmSync(folder, { recursive: true });
  });

  it("runs each command of the workflow, which gives the action nothing that it does not take", async () => {
    const commands = steps.filter(({ run }) => run !== undefined);
    assert.equal(commands.length, 1);
    for (const { run = "" } of commands) assert.equal((await bash(run, {})).code, 0);
    const { inputs } = action();
    assert.deepEqual(
      Object.keys(use?.with ?? {}).filter((name) => !Object.hasOwn(inputs, name)),
      [],
    );
  });

  it("succeeds where all is in sync", async () => {
    const { code, output, summary, outputs } = await act(use?.with ?? {});
    assert.equal(code, 0, output);
    assert.match(output, /There is no earlier report .*drift-reports\/drift\.json, so all is new/);
    assert.match(summary, /^#+ .*in sync/im);
    assert.deepEqual(outputs, ["exit-code=0"]);
    const made = readdirSync(join(project.directory, "drift-reports")).sort();
    assert.deepEqual(made, ["drift.html", "drift.json", "drift.md", "drift.xml"]);
  });

  it("fails where something was changed by hand, and says so in the summary and beside the program", async () => {
    await view.setAddress(`127.0.0.1:${await freePort()}`);
    const { code, output, summary, outputs } = await act(use?.with ?? {});
    assert.equal(code, 2, output);
    assert.deepEqual(outputs, ["exit-code=2"]);
    assert.match(output, new RegExp(`^::error .*title=HttpsAddress server.*::.*${address}`, "m"));
    assert.match(summary.replaceAll("&#58;", ":"), new RegExp(`\\| .*address.*${address}`));
  });

  it("does not fail again for what it has told", async () => {
    const { code, output } = await act(use?.with ?? {});
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /^::error/m);
  });

  it("fails again without an earlier report, and passes over what is ignored", async () => {
    assert.equal((await act({ stack: "prod" })).code, 2);
    const ignore = "  type=TrustToken\n\n  type=HttpsAddress,property=address ";
    // Of an input that is empty, as a variable that is not set makes it, the default counts.
    assert.equal((await act({ stack: "\n  prod\n", ignore, expiring: "", reports: "" })).code, 0);
    project.write("ignore.yaml", "ignore: [{ type: HttpsAddress, reason: moved by hand until Friday }]\n");
    assert.equal((await act({ stack: "prod", "ignore-file": "ignore.yaml" })).code, 0);
  });

  it("fails, without a report of an earlier run but what was known, where it cannot be told", async () => {
    const unknown = await act({ stack: "nope" });
    assert.deepEqual([unknown.code, unknown.summary, unknown.outputs], [1, "", ["exit-code=1"]]);
    assert.match(unknown.output, /no stack named 'nope' found/);
    assert.deepEqual(readdirSync(join(project.directory, "drift-reports")), ["drift.json"]);
  });

  it("takes what is given to it for values and never for a script", async () => {
    const inputs = { stack: '$(touch "$REPORTS/hacked")', expiring: '30d"; touch hacked; "' };
    assert.equal((await act(inputs)).code, 1);
    assert.ok(!readdirSync(join(project.directory, "drift-reports")).includes("hacked"));
    assert.ok(!readdirSync(project.directory).includes("hacked"));
  });

  /** The action as the project has it. */
  function action(): Action {
    const path = join(project.directory, String(use?.uses), "action.yml");
    return parse(readFileSync(path, "utf8")) as Action;
  }

  /** Runs the steps of the action, each as a runner would. */
  async function act(
    given: Readonly<Record<string, string>>,
  ): Promise<Run & { summary: string; outputs: string[] }> {
    const { inputs, runs } = action();
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [name, given[name] ?? input.default]),
    );
    const filled = (text: string): string =>
      text.replace(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_all, name: string) => String(values[name]));
    const [step, ...others] = runs.steps;
    assert.deepEqual([runs.using, others], ["composite", []]);
    const env = Object.fromEntries(
      Object.entries(step?.env ?? {}).map(([name, value]) => [name, filled(value)]),
    );
    assert.equal(filled(step?.["working-directory"] ?? ""), ".");
    return bash(step?.run ?? "", env);
  }

  /** Runs a script as a runner runs those of bash. */
  async function bash(
    script: string,
    env: Readonly<Record<string, string>>,
  ): Promise<Run & { summary: string; outputs: string[] }> {
    assert.ok(!script.includes("${{"), "an expression inside of a script");
    const [path, summary, outputs] = ["script.sh", "summary", "outputs"].map((name) => join(folder, name));
    writeFileSync(String(path), script);
    for (const file of [summary, outputs]) writeFileSync(String(file), "");
    const run = await runProgram("bash", ["--noprofile", "--norc", "-eo", "pipefail", String(path)], {
      cwd: project.directory,
      env: {
        ...project.env,
        ...env,
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_OUTPUT: outputs,
        GITHUB_WORKSPACE: project.directory,
        npm_config_ignore_scripts: "true",
        npm_config_prefer_offline: "true",
      },
    });
    const lines = readFileSync(String(outputs), "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return { ...run, summary: readFileSync(String(summary), "utf8"), outputs: lines };
  }
});
