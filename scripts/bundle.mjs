/** The plugin in one file, with all that it needs but Node.js itself. */
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
 * Bundles the plugin from dist/.
 * @returns {Promise<{ code: Uint8Array, licenses: string }>} `licenses`: of all that is inside and not our own
 */
export async function bundlePlugin() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join(pluginFolder, "index.js")],
    bundle: true,
    platform: "node",
    target: "node20.18",
    // Compiled parts of ssh2, which does without them.
    external: ["cpu-features", "*.node"],
    // They have a file of their own.
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new StepError("bundling the plugin made no file");
  return { code: file.contents, licenses: licensesOf(Object.keys(metafile.inputs)) };
}

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
