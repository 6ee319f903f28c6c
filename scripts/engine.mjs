/**
 * Finds the Pulumi engine, or brings it: one on PATH, else the official download, else a build from Go modules. What is
 * brought is kept in the user's cache folder, by version.
 */
import { chmodSync, copyFileSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildGoPrograms, findGo, oldestGo } from "./go-programs.mjs";
import { inNewFolder, keptFolder } from "./kept-folder.mjs";
import { runNpm } from "./npm.mjs";
import { findProgram, isProgram, pathFolders, root, run } from "./run.mjs";
import { say } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

/** The version that is brought where none is here. */
export const engineVersion = "3.259.0";
/** The oldest that will do: from here on a refresh of dynamic resources keeps their inputs. */
const oldest = "3.216.0";
const downloadSite = "https://get.pulumi.com/";
/** How long the download's site may take to answer, in milliseconds. */
const siteAnswersWithin = 4000;

/** What has to be beside the engine, or on PATH, for TypeScript programs with dynamic resources. */
const companions = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];

/**
 * @typedef {object} Engine
 * @property {string} command path of `pulumi`
 * @property {string} binDirectory the folder that has to be on PATH
 * @property {string} version as in "3.259.0"
 * @property {string} origin where it comes from, in words
 */

/**
 * Finds the engine, or brings it.
 * @returns {Promise<Engine | { reason: string }>} the reason tells, over several lines, what was tried and what helps
 */
export async function provideEngine() {
  const directory = keptFolder(`pulumi-${engineVersion}`);
  const installed = await engineOnPath();
  if ("command" in installed) return installed;
  const kept = engineIn(directory);
  if (kept !== undefined) return kept;
  /** @type {string[]} */
  const tried = [`a pulumi on PATH: ${installed.reason}`];
  for (const [what, bring] of /** @type {const} */ ([
    ["the official download", download],
    ["a build from Go modules", build],
  ])) {
    const reason = await bring(directory).catch((error) =>
      error instanceof Error ? error.message : String(error),
    );
    const brought = engineIn(directory);
    if (reason === undefined && brought !== undefined) return brought;
    tried.push(`${what}: ${reason ?? "something is missing in it"}`);
  }
  return { reason: explain(tried) };
}

/** @returns {Promise<Engine | { reason: string }>} */
async function engineOnPath() {
  const command = findProgram("pulumi");
  if (command === undefined) return { reason: "there is none" };
  const folders = [dirname(command), dirname(realpathSync(command)), ...pathFolders()];
  const missing = companions.filter((name) => findProgram(name, folders) === undefined);
  // Looked at first: without them, `pulumi` may be a script that would start a download of its own.
  if (missing.length > 0) return { reason: `${command} has no ${missing.join(" and no ")} beside it` };
  // Even this command writes a log into Pulumi's home.
  const home = mkdtempSync(join(tmpdir(), "lxa-"));
  try {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_HOME: home };
    const { stdout } = await run(command, ["version"], { env, cwd: "/", seconds: 20 });
    const found = /^v?(\d+\.\d+\.\d+)/.exec(stdout.trim())?.[1] ?? "";
    if (!isAtLeast(found, oldest))
      return { reason: `${command} is ${found || "of no known version"}, older than ${oldest}` };
    return { command, binDirectory: dirname(command), version: found, origin: command };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * @param {string} directory
 * @returns {Engine | undefined}
 */
function engineIn(directory) {
  const binDirectory = join(directory, "bin");
  if (!["pulumi", ...companions].every((name) => isProgram(join(binDirectory, name)))) return undefined;
  return { command: join(binDirectory, "pulumi"), binDirectory, version: engineVersion, origin: directory };
}

/** @param {string} directory */
function isWhole(directory) {
  return () => engineIn(directory) !== undefined;
}

/**
 * The official download, by the npm package `pulumi`, which does nothing else.
 * @param {string} directory
 * @returns {Promise<string | undefined>} why it was not done
 */
async function download(directory) {
  try {
    await fetch(downloadSite, { method: "HEAD", signal: AbortSignal.timeout(siteAnswersWithin) });
  } catch {
    return `${downloadSite} does not answer`;
  }
  say(`downloading Pulumi ${engineVersion} (npm package "pulumi")`);
  await inNewFolder(directory, isWhole(directory), async (folder) => {
    const what = `downloading Pulumi ${engineVersion}`;
    await runNpm(["install", "--prefix", folder, `pulumi@${engineVersion}`], {
      what,
      cwd: folder,
      seconds: 120,
    });
    const env = { ...process.env, PULUMI_HOME: folder, PULUMI_VERSION: engineVersion, TMPDIR: folder };
    const script = join(folder, "node_modules", "pulumi", "run.js");
    await run(process.execPath, [script, "version"], { what, env, cwd: folder, seconds: 900 });
    return join(folder, "versions", engineVersion);
  });
  return undefined;
}

/**
 * A build from Go modules, for machines that reach a module proxy but not the download.
 * @param {string} directory
 * @returns {Promise<string | undefined>} why it was not done
 */
async function build(directory) {
  const go = await findGo();
  if ("reason" in go) return go.reason;
  say(`building Pulumi ${engineVersion} with Go ${go.version}; once, and it takes some minutes`);
  await inNewFolder(directory, isWhole(directory), async (folder) => {
    const made = await buildGoPrograms(go, programs, folder);
    const script = "pulumi-resource-pulumi-nodejs";
    copyFileSync(join(root, "node_modules", "@pulumi", "pulumi", script), join(made, "bin", script));
    chmodSync(join(made, "bin", script), 0o755);
    return made;
  });
  return undefined;
}

export const engineModule = `require github.com/pulumi/pulumi/pkg/v3 v${engineVersion}
require github.com/pulumi/pulumi-yaml v1.38.1
replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
`;

/** @type {readonly import("./go-programs.mjs").GoProgram[]} */
const programs = [
  {
    name: "pulumi",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    flags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${engineVersion}`,
    requires: engineModule,
  },
  {
    name: "pulumi-language-yaml",
    source: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    requires: engineModule,
  },
  {
    // The language host of the same release has no version that a module proxy serves; this is the last that has one.
    name: "pulumi-language-nodejs",
    source: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    requires: "require github.com/pulumi/pulumi/sdk/v3 v3.68.0\n",
  },
];

/** @param {readonly string[]} tried */
function explain(tried) {
  return [
    `No Pulumi engine ${oldest} or newer is here, and none could be brought:`,
    ...tried.map((line) => `  - ${line.replaceAll("\n", "\n    ")}`),
    "Any one of these helps:",
    "  - install Pulumi (https://www.pulumi.com/docs/install/), so that `pulumi` is on PATH",
    `  - let this machine reach ${downloadSite}`,
    `  - install Go ${oldestGo} or newer, with access to a Go module proxy`,
  ].join("\n");
}
