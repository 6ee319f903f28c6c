/** The quickstart's Pulumi stack: the root Pulumi.yaml, with its state, its configuration and Pulumi's home in one folder. */
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isolatedEnvironment } from "./environment.mjs";
import { root, run } from "./run.mjs";

const name = "quickstart";
/** Destroying a stack of four resources takes seconds; a server that does not answer must not hold up the end. */
const destroyWithin = 180;

/**
 * @typedef {object} Stack
 * @property {NodeJS.ProcessEnv} env what Pulumi runs with
 * @property {Record<string, string>} variables what a shell needs to look at the stack by hand
 * @property {() => Promise<unknown>} up
 * @property {() => Promise<unknown>} previewWithoutChanges fails where there are changes
 * @property {() => Promise<unknown>} destroy works while the script is being ended, too
 */

/**
 * The stack in a folder; one that {@link createStack} made, by this process or an earlier one.
 * @param {import("./engine.mjs").Engine} engine
 * @param {string} folder
 * @returns {Stack}
 */
export function stackIn(engine, folder) {
  const variables = {
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_HOME: join(folder, "home"),
    PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "passphrase"),
  };
  const env = {
    ...isolatedEnvironment(engine),
    ...variables,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_DISABLE_REGISTRY_RESOLVE: "true",
    TMPDIR: join(folder, "tmp"),
  };
  const config = ["--stack", name, "--config-file", configFile(folder), "--non-interactive"];
  /** @type {(what: string, args: readonly string[], options?: import("./run.mjs").RunOptions) => Promise<unknown>} */
  const pulumi = (what, args, options) =>
    run(engine.command, [...args, ...config], {
      what,
      env,
      cwd: root,
      show: true,
      ownSession: true,
      ...options,
    });
  return {
    env,
    variables,
    up: () => pulumi("pulumi up", ["up", "--yes", "--skip-preview"]),
    previewWithoutChanges: () => pulumi("pulumi preview", ["preview", "--expect-no-changes"]),
    destroy: () =>
      pulumi("pulumi destroy", ["destroy", "--yes", "--skip-preview", "--remove"], {
        whileEnding: true,
        seconds: destroyWithin,
      }),
  };
}

/**
 * Makes the stack, with a passphrase that nobody is told.
 * @param {import("./engine.mjs").Engine} engine
 * @param {string} folder an existing one
 * @param {{ config: Record<string, string>, secrets: Record<string, string> }} settings by full name, as in
 *   "lxd-access:socketPath"; secrets are encrypted and never in a process's arguments
 * @returns {Promise<Stack>}
 */
export async function createStack(engine, folder, { config, secrets }) {
  for (const part of ["state", "home", "tmp", "project"]) mkdirSync(join(folder, part), { mode: 0o700 });
  writeFileSync(join(folder, "passphrase"), randomBytes(24).toString("hex"), { mode: 0o600 });
  const stack = stackIn(engine, folder);
  // A new stack's settings are written beside its Pulumi.yaml, so this one stands in for the checkout's.
  const cwd = join(folder, "project");
  writeFileSync(join(cwd, "Pulumi.yaml"), "name: lxd-access-quickstart\nruntime: nodejs\n");
  const what = "creating the stack";
  await run(engine.command, ["stack", "init", name, "--non-interactive"], { what, env: stack.env, cwd });
  const lines = Object.entries(config).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
  appendFileSync(configFile(folder), `config:\n${lines.join("")}`);
  for (const [key, input] of Object.entries(secrets)) {
    const args = ["config", "set", "--secret", "--stack", name, "--config-file", configFile(folder), key];
    await run(engine.command, args, { what, env: stack.env, cwd, input });
  }
  return stack;
}

/** @param {string} folder */
function configFile(folder) {
  return join(folder, "project", `Pulumi.${name}.yaml`);
}
