/**
 * `npm run check:package`: packs the package as `npm publish` would, and looks at what is in it: only what belongs there,
 * found by every way of resolving modules, with types that belong to the code.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { atEnd, main } from "./ending.mjs";
import { runNpm } from "./npm.mjs";
import { root } from "./run.mjs";
import { compile } from "./setup.mjs";
import { detail, say } from "./steps.mjs";

const documents = ["README.md", "LICENSE", "CHANGELOG.md", "package.json", "schema.json", "action.yml"];
/** The policy pack, which Pulumi runs from this folder as it is. */
const pack = ["PulumiPolicy.yaml", "example-config.json", "index.js", "package.json"].map(
  (name) => `policy-pack/${name}`,
);
/** Of what is bundled into the file that the engine's process loads. */
const licenses = "dist/provider/THIRD-PARTY-LICENSES";
const required = [...documents, ...pack, licenses];

main(async () => {
  await compile();
  const tarball = await makeTarball();
  const { buffer } = new Uint8Array(tarball);
  const files = createPackageFromTarballData(new Uint8Array(tarball));
  const complaints = [
    ...complaintsAboutContent(files),
    ...(await complaintsOfPublint(buffer)),
    ...(await complaintsAboutTypes(files)),
  ];
  for (const complaint of complaints) detail(complaint);
  say(`the package: ${files.listFiles().length} files, ${Math.ceil(tarball.length / 1024)} kB packed`);
  return complaints.length === 0 ? 0 : 1;
});

/** Packs what is compiled, and answers the archive. */
async function makeTarball() {
  const folder = mkdtempSync(join(tmpdir(), "lxa-pack-"));
  atEnd(`removing ${folder}`, () => rmSync(folder, { recursive: true, force: true }));
  const args = ["pack", "--ignore-scripts", "--pack-destination", folder];
  await runNpm(args, { what: "packing the package", cwd: root });
  const [name] = readdirSync(folder);
  if (name === undefined) throw new Error("npm pack made no archive");
  return readFileSync(join(folder, name));
}

/**
 * The code that was compiled from the sources of today and the documents; nothing else, and no hint at more.
 * @param {import("@arethetypeswrong/core").Package} files
 */
function complaintsAboutContent(files) {
  const prefix = `/node_modules/${files.packageName}/`;
  const paths = files.listFiles().map((path) => path.replace(prefix, ""));
  return [
    ...required.filter((path) => !paths.includes(path)).map((path) => `${path} is not in the package`),
    // Pulumi would start the plugin for every program that has the package, and most have no need of it.
    ...(isPlugin(files.readFile(`${prefix}package.json`)) ? ["package.json says that it is a plugin"] : []),
    ...paths.filter((path) => !belongs(path)).map((path) => `${path} does not belong in the package`),
    ...paths
      .filter(
        (path) => path.startsWith("dist/") && files.readFile(prefix + path).includes("sourceMappingURL"),
      )
      .map((path) => `${path} points to a source map, and there is none in the package`),
  ];
}

/** @param {string} manifest */
function isPlugin(manifest) {
  return JSON.parse(manifest).pulumi?.resource === true;
}

/** @param {string} path */
function belongs(path) {
  if (required.includes(path)) return true;
  // Only `npm run schema` needs it.
  if (path.startsWith("dist/provider/schema/")) return false;
  const source = /^dist\/((?:sdk|provider|cli)\/.+?)(?:\.d\.ts|\.js)$/.exec(path)?.[1];
  return source !== undefined && existsSync(join(root, `${source}.ts`));
}

/** @param {ArrayBuffer} tarball */
async function complaintsOfPublint(tarball) {
  const { messages, pkg } = await publint({ strict: true, pack: { tarball } });
  return messages.map(
    (message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
  );
}

/**
 * Types that resolve elsewhere than the code, or to what it is not.
 * @param {import("@arethetypeswrong/core").Package} files
 */
async function complaintsAboutTypes(files) {
  const result = await checkPackage(files);
  if (result.types === false) return ["the package has no types"];
  return result.problems
    .filter((problem) => !isAccepted(problem))
    .map((problem) => `types: ${problem.kind}: ${JSON.stringify(problem)}`);
}

/**
 * `pulumi-lxd-access/provider` is for the engine's process alone, which runs on a Node that knows `exports`. Compilers
 * that do not know them need not find it.
 * @param {import("@arethetypeswrong/core").Problem} problem
 */
function isAccepted(problem) {
  return (
    problem.kind === "NoResolution" &&
    problem.entrypoint === "./provider" &&
    problem.resolutionKind === "node10"
  );
}
