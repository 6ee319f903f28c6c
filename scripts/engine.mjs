/**
 * Finds the Pulumi engine, or brings it: one on PATH, else the official download, else a build from Go modules. What is
 * brought is kept in the user's cache folder, by version.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { runNpm } from "./npm.mjs";
import { findProgram, isProgram, pathFolders, root, run } from "./run.mjs";
import { say } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

/** The version that is brought where none is here. */
const version = "3.259.0";
/** The oldest that will do: from here on a refresh of dynamic resources keeps their inputs. */
const oldest = "3.216.0";
const oldestGo = "1.25";
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
  const directory = join(cacheFolder(), `pulumi-${version}`);
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

/** Where engines are kept: the user's cache folder. */
function cacheFolder() {
  const given = process.env["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".cache"), "pulumi-lxd-access");
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
  const isWhole = ["pulumi", ...companions].every((name) => isProgram(join(binDirectory, name)));
  if (!isWhole) return undefined;
  return { command: join(binDirectory, "pulumi"), binDirectory, version, origin: directory };
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
  say(`downloading Pulumi ${version} (npm package "pulumi")`);
  await inNewFolder(directory, async (folder) => {
    const what = `downloading Pulumi ${version}`;
    await runNpm(["install", "--prefix", folder, `pulumi@${version}`], { what, cwd: folder, seconds: 120 });
    const env = { ...process.env, PULUMI_HOME: folder, PULUMI_VERSION: version, TMPDIR: folder };
    const script = join(folder, "node_modules", "pulumi", "run.js");
    await run(process.execPath, [script, "version"], { what, env, cwd: folder, seconds: 900 });
    return join(folder, "versions", version);
  });
  return undefined;
}

/**
 * A build from Go modules, for machines that reach a module proxy but not the download.
 * @param {string} directory
 * @returns {Promise<string | undefined>} why it was not done
 */
async function build(directory) {
  const go = findProgram("go", [...pathFolders(), "/usr/local/go/bin"]);
  if (go === undefined) return `there is no go ${oldestGo} or newer on PATH`;
  const env = { ...process.env, HOME: homedir(), GOWORK: "off" };
  const { stdout } = await run(go, ["version"], { env, cwd: "/" });
  const found = /go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1] ?? "";
  if (!isAtLeast(found, oldestGo)) return `${go} is ${found}, older than ${oldestGo}`;
  say(`building Pulumi ${version} with Go ${found}; once, and it takes some minutes`);
  await inNewFolder(directory, async (folder) => {
    // Go keeps what it is working on in TMPDIR, and leaves it there when it is ended.
    const own = { ...env, TMPDIR: folder };
    const made = join(folder, "made");
    mkdirSync(join(made, "bin"), { recursive: true });
    for (const { name, source, flags, requires } of programs) {
      const place = join(folder, name);
      mkdirSync(place);
      writeFileSync(join(place, "go.mod"), `module engine\n\ngo ${oldestGo}\n\n${requires}`);
      // `go install` refuses modules with replacements, so each is built from a module of ours that requires it.
      const args = ["build", "-mod=mod", "-buildvcs=false", "-ldflags", `-s -w ${flags}`.trim()];
      const what = `building ${name}`;
      say(what);
      await run(go, [...args, "-o", join(made, "bin", name), source], { what, env: own, cwd: place });
    }
    const script = "pulumi-resource-pulumi-nodejs";
    copyFileSync(join(root, "node_modules", "@pulumi", "pulumi", script), join(made, "bin", script));
    chmodSync(join(made, "bin", script), 0o755);
    return made;
  });
  return undefined;
}

/** @typedef {{ name: string, source: string, flags: string, requires: string }} GoProgram */

const engineModule = `require github.com/pulumi/pulumi/pkg/v3 v${version}
require github.com/pulumi/pulumi-yaml v1.38.1
replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
`;

/** @type {readonly GoProgram[]} */
const programs = [
  {
    name: "pulumi",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    flags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
    requires: engineModule,
  },
  {
    name: "pulumi-language-yaml",
    source: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    flags: "",
    requires: engineModule,
  },
  {
    // The language host of the same release has no version that a module proxy serves; this is the last that has one.
    name: "pulumi-language-nodejs",
    source: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    flags: "",
    requires: "require github.com/pulumi/pulumi/sdk/v3 v3.68.0\n",
  },
];

/**
 * Makes an engine's folder whole or not at all: in a folder of its own, which then takes its name. So neither an abort
 * nor a second process that does the same can leave a part.
 * @param {string} directory
 * @param {(folder: string) => Promise<string>} make returns the folder, inside the given one, that becomes `directory`
 */
async function inNewFolder(directory, make) {
  mkdirSync(dirname(directory), { recursive: true });
  removeAbandoned(dirname(directory));
  const folder = mkdtempSync(`${directory}${unfinished}`);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const made = await make(folder);
    if (engineIn(directory) !== undefined) return;
    rmSync(directory, { recursive: true, force: true });
    renameSync(made, directory);
  } finally {
    remove();
    process.off("exit", remove);
  }
}

const unfinished = ".unfinished-";

/**
 * Removes what killed processes left behind: whatever has not been touched for an hour.
 * @param {string} cache
 */
function removeAbandoned(cache) {
  for (const name of readdirSync(cache).filter((name) => name.includes(unfinished))) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}

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
