/** What runs beside an engine, each in one file with all that it needs at once: one is loaded sooner than two hundred, and takes less memory. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./run.mjs";
import { StepError } from "./steps.mjs";

/** Name of the executable. */
export const plugin = "pulumi-resource-lxd-access";
/** The checkout's plugin for the engine, relative to it: what starts the plugin stands here. */
export const pluginFolder = join("provider", "cmd", plugin);

/**
 * Bundles the plugin from dist/, with all that it needs but Node.js itself.
 * @returns {Promise<{ code: Uint8Array, licenses: string }>} `licenses`: of all that is inside and not our own
 */
export function bundlePlugin() {
  // Compiled parts of ssh2, which does without them.
  return bundle(join(pluginFolder, "index.js"), ["cpu-features", "*.node"]);
}

/**
 * Bundles what the engine's process for dynamic resources loads, from its sources. What few resources need is loaded when they do.
 * @returns {Promise<{ code: Uint8Array, licenses: string }>} `licenses`: of all that is inside and not our own
 */
export function bundleDynamicFront() {
  return bundle(join("provider", "dynamic.ts"), ["node-forge", "proper-lockfile", "ssh2", "yaml"]);
}

/**
 * @param {string} entry relative to the checkout
 * @param {string[]} external what stays outside
 */
async function bundle(entry, external) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node20.18",
    // Without comments, some of which would have V8 keep all of the text in two bytes a character.
    ...{ minifyWhitespace: true, lineLimit: 120 },
    external,
    plugins: [clientOfUndici],
    // They have a file of their own.
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new StepError(`bundling ${entry} made no file`);
  return { code: file.contents, licenses: licensesOf(Object.keys(metafile.inputs)) };
}

/**
 * Of undici its client alone, as it puts it together itself: it has no entry for less than all of it, four fifths of which are
 * for browsers' ways of fetching and for tests. Nothing of this is left to the undici that a user has.
 * @type {import("esbuild").Plugin}
 */
const clientOfUndici = {
  name: "client of undici",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: "client" }));
    onLoad({ filter: /./, namespace: "client" }, () => ({
      resolveDir: root,
      contents: `
        Object.assign(require("undici/lib/dispatcher/dispatcher.js").prototype, require("undici/lib/api"));
        exports.Client = require("undici/lib/dispatcher/client.js");
        exports.buildConnector = require("undici/lib/core/connect.js");`,
    }));
  },
};

/** @param {readonly string[]} files relative to the checkout */
function licensesOf(files) {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(folders)].sort().map(licenseOf).join("\n\n");
}

/** @param {string} folder of a package, relative to the checkout */
function licenseOf(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const { name, version, licenses, license = licenses?.[0]?.type } = manifest;
  const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = files.sort().map((file) => readFileSync(join(root, folder, file), "utf8").trim());
  return [`==== ${name} ${version} (${license}) ====`, ...texts].join("\n\n");
}
