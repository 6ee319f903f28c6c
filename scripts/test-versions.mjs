/** `npm run test:versions`: the package and the plugin on the oldest and newest versions of what they run with. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { extract } from "tar";
import { atEnd, isEnding, main } from "./ending.mjs";
import { describe, environmentFor, layers, portionsOf, runPortions, summarize } from "./layers.mjs";
import { newestVersion, provideNode } from "./nodes.mjs";
import { runNpm } from "./npm.mjs";
import { root, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail, say } from "./steps.mjs";

const help = `npm run test:versions [-- OPTIONS]

Installs the package from its archive with the oldest and the newest @pulumi/pulumi of its peer range, and has each do
the main job on a real LXD, on each major version of Node.js that is supported: by a TypeScript program, by the plugin,
and by that of a release's archive. Some minutes; the first run installs what is not here.

  --node MAJOR    only this major version of Node.js; may be given several times
  --sdk VERSION   this version of @pulumi/pulumi instead of the oldest and the newest; may be given several times
  --help`;

const nodes = [20, 22, 24];
const sdk = "@pulumi/pulumi";

/** @typedef {import("./layers.mjs").Count} Count */

main(async () => {
  const { node: wantedNodes, sdk: wantedSdks, help: isHelp } = readArguments();
  if (isHelp) {
    console.log(help);
    return 0;
  }
  const found = await setUp(layers.versions);
  for (const line of describe(found)) detail(line);
  const folder = mkdtempSync(join(tmpdir(), "lxa-versions-"));
  atEnd(`removing ${folder}`, () => rmSync(folder, { recursive: true, force: true }));
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const archive = await pack(folder);
  const plugin = await unpackPlugin(folder);
  const sdks = wantedSdks ?? (await ends(manifest.peerDependencies[sdk]));
  const releases = await Promise.all(
    (wantedNodes ?? nodes.map(String)).map(async (major) => ({
      version: major,
      ...(await provideNode(Number(major))),
    })),
  );
  const given = environmentFor(found);
  /** @type {Count[]} */
  const counts = [];
  const rows = [];
  for (const version of sdks) {
    const installed = await install(join(folder, version), version, archive, manifest);
    for (const release of releases) {
      if (isEnding()) return 1;
      const combination = `Node.js ${release.version.padEnd(9)} ${sdk} ${version.padEnd(9)}`;
      if ("reason" in release) {
        rows.push(`${combination} skipped: ${release.reason.split("\n")[0]}`);
        continue;
      }
      say(combination);
      const env = {
        ...given,
        PATH: [release.binDirectory, given["PATH"]].join(delimiter),
        LXD_ACCESS_TEST_NODE: release.version,
        LXD_ACCESS_TEST_SDK: version,
        LXD_ACCESS_TEST_INSTALLED: installed,
        LXD_ACCESS_TEST_PLUGIN: plugin,
      };
      const [count] = await runPortions(portionsOf("versions"), { atOnce: 1, env, grep: undefined });
      if (count === undefined) continue;
      counts.push(count);
      const { passed, failed, skipped } = count;
      rows.push(`${combination} ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
    }
  }
  for (const row of rows) detail(row);
  return summarize([
    {
      layer: "versions",
      passed: counts.flatMap(({ passed }) => passed),
      failed: counts.flatMap(({ failed }) => failed),
      skipped: counts.flatMap(({ skipped }) => skipped),
      seconds: counts.reduce((sum, { seconds }) => sum + seconds, 0),
    },
  ]);
});

function readArguments() {
  const several = /** @type {const} */ ({ type: "string", multiple: true });
  try {
    return parseArgs({ options: { node: several, sdk: several, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/** @param {string} folder */
async function pack(folder) {
  await runNpm(["pack", "--ignore-scripts", "--pack-destination", folder], {
    what: "packing the package",
    cwd: root,
  });
  const [archive] = readdirSync(folder);
  return join(folder, String(archive));
}

/**
 * Unpacks the plugin from a release's archive.
 * @param {string} folder
 */
async function unpackPlugin(folder) {
  const [release, plugin] = [join(folder, "release"), join(folder, "plugin")];
  await run(process.execPath, [join(root, "scripts", "release.mjs"), "--out", release]);
  const archive = readdirSync(release).find((name) => name.includes(`-${process.platform}-`));
  if (archive === undefined)
    throw new StepError(`There is no archive of the plugin for ${process.platform}.`);
  mkdirSync(plugin);
  await extract({ file: join(release, archive), cwd: plugin });
  return plugin;
}

/**
 * The oldest and the newest version of a range.
 * @param {string} range as in "^3.216.0"
 */
async function ends(range) {
  return [range.replace("^", ""), await newestVersion(`${sdk}@${range}`)];
}

/**
 * Installs the package from its archive, as a user's project would.
 * @param {string} folder
 * @param {string} version of Pulumi's SDK
 * @param {string} archive
 * @param {{ name: string, devDependencies: Record<string, string> }} manifest
 */
async function install(folder, version, archive, { name, devDependencies }) {
  const { "@types/node": types, "ts-node": tsNode, typescript } = devDependencies;
  const dependencies = {
    [sdk]: version,
    [name]: `file:${archive}`,
    "@types/node": types,
    "ts-node": tsNode,
    typescript,
  };
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  const what = `installing ${sdk} ${version}`;
  say(what);
  await runNpm(["install", "--ignore-scripts", "--prefer-offline"], { what, cwd: folder });
  return folder;
}
