/** The packages that this checkout needs, as its lock file says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, root, run } from "./run.mjs";
import { StepError, say } from "./steps.mjs";

/**
 * Runs npm, the same that started this script where npm did.
 * @param {readonly string[]} args
 * @param {import("./run.mjs").RunOptions} options
 */
export function runNpm(args, options) {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const startedBy = process.env["npm_execpath"] ?? "";
  if (startedBy.endsWith("npm-cli.js")) return run(process.execPath, [startedBy, ...args, ...quiet], options);
  const npm = findProgram("npm");
  if (npm === undefined) throw new StepError("There is no npm on PATH; it comes with Node.js.");
  return run(npm, [...args, ...quiet], options);
}

/** Installs the packages, where what is installed is not what the lock file says. */
export async function installPackages() {
  if (isInstalledAsLocked()) return;
  say("installing the npm packages (npm ci)");
  // No package here needs its install scripts; ssh2's would only compile a faster cipher.
  await runNpm(["ci", "--ignore-scripts"], { what: "installing the npm packages", cwd: root });
}

/**
 * npm writes down what it has installed when it is done, so an interrupted installation is not taken for a whole one,
 * and one made by hand is as good as ours.
 */
function isInstalledAsLocked() {
  const locked = packagesIn(join(root, "package-lock.json"));
  const installed = packagesIn(join(root, "node_modules", ".package-lock.json"));
  if (locked === undefined)
    throw new StepError("package-lock.json cannot be read; is this a whole checkout?");
  if (installed === undefined) return false;
  return Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (path === "") return true;
    // Optional packages are those of other platforms.
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity;
  });
}

/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} LockEntry */

/**
 * @param {string} path of a lock file
 * @returns {Record<string, LockEntry> | undefined} by path in the checkout
 */
function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}
