/** Releases of Node.js beside the one that runs: npm has each as a package. Kept in the user's cache folder, by version. */
import { dirname, join } from "node:path";
import { inNewFolder, keptFolder } from "./kept-folder.mjs";
import { runNpm } from "./npm.mjs";
import { isProgram, root } from "./run.mjs";
import { say } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

/**
 * @typedef {object} NodeRelease
 * @property {string} version as in "22.12.0"
 * @property {string} binDirectory folder of `node`
 */

/**
 * The newest release of a major version.
 * @param {number} major
 * @returns {Promise<NodeRelease | { reason: string }>}
 */
export async function provideNode(major) {
  const own = process.versions.node;
  if (own.startsWith(`${major}.`)) return { version: own, binDirectory: dirname(process.execPath) };
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  try {
    const version = await newestVersion(`${name}@${major}`);
    const directory = keptFolder(`node-${version}`);
    const binDirectory = join(directory, "bin");
    const isWhole = () => isProgram(join(binDirectory, "node"));
    if (!isWhole()) {
      say(`installing Node.js ${version} (npm package "${name}"); once`);
      await inNewFolder(directory, isWhole, async (folder) => {
        const what = `installing Node.js ${version}`;
        await runNpm(["install", "--prefix", folder, `${name}@${version}`], { what, cwd: folder });
        return join(folder, "node_modules", name);
      });
    }
    return { version, binDirectory };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The newest version in a range that npm has.
 * @param {string} range as in "zod@4"
 */
export async function newestVersion(range) {
  const { stdout } = await runNpm(["view", range, "version", "--json"], {
    what: `npm view ${range}`,
    cwd: root,
  });
  /** @type {string[]} */
  const versions = [JSON.parse(stdout)].flat().filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  return versions.reduce((newest, version) => (isAtLeast(version, newest) ? version : newest));
}
