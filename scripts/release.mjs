/** `npm run release`: makes the archives of the plugin that Pulumi installs. */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { create } from "tar";
import { bundlePlugin, plugin, pluginFolder } from "./bundle.mjs";
import { atEnd, main } from "./ending.mjs";
import { root } from "./run.mjs";
import { compile } from "./setup.mjs";
import { StepError, say } from "./steps.mjs";

const help = `npm run release [-- OPTIONS]

Makes ${plugin}-v<version>-<os>-<arch>.tar.gz for each platform, and SHA256SUMS. An
archive holds all of the plugin but Node.js. They differ in their names only, and the same sources give the same bytes.

  --out FOLDER   where they go; what is there already is overwritten. Default: dist-release
  --help`;

const platforms = ["darwin", "linux", "windows"].flatMap((os) => [`${os}-amd64`, `${os}-arm64`]);

main(async () => {
  const { out, help: isHelp } = readArguments();
  if (isHelp) {
    console.log(help);
    return 0;
  }
  await compile();
  const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const manifest = { name: plugin, version, license, engines, type: "commonjs" };
  const archive = await packPlugin(manifest);
  const names = platforms.map((platform) => `${plugin}-v${version}-${platform}.tar.gz`);
  const sum = createHash("sha256").update(archive).digest("hex");
  mkdirSync(out, { recursive: true });
  for (const name of names) writeFileSync(join(out, name), archive);
  writeFileSync(join(out, "SHA256SUMS"), names.map((name) => `${sum}  ${name}\n`).join(""));
  say(`${names.length} archives of ${Math.ceil(archive.length / 1024)} kB in ${out}`);
  return 0;
});

function readArguments() {
  const options = /** @type {const} */ ({ out: { type: "string" }, help: { type: "boolean" } });
  try {
    const { values } = parseArgs({ options });
    return { ...values, out: values.out === undefined ? join(root, "dist-release") : resolve(values.out) };
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * @param {object} manifest the plugin's package.json, in which it finds its version
 * @returns {Promise<Buffer>} an archive, the plugin's executable at its root
 */
async function packPlugin(manifest) {
  const folder = mkdtempSync(join(tmpdir(), "lxa-release-"));
  atEnd(`removing ${folder}`, () => rmSync(folder, { recursive: true, force: true }));
  const { code, licenses } = await bundlePlugin();
  const written = {
    "index.js": code,
    "package.json": `${JSON.stringify(manifest, undefined, 2)}\n`,
    "THIRD-PARTY-LICENSES": licenses,
  };
  for (const [name, content] of Object.entries(written)) writeFileSync(join(folder, name), content);
  const copied = [join(pluginFolder, plugin), join(pluginFolder, `${plugin}.cmd`), "schema.json", "LICENSE"];
  for (const file of copied) copyFileSync(join(root, file), join(folder, basename(file)));
  const names = [...Object.keys(written), ...copied.map((file) => basename(file))].sort();
  // Git keeps one bit of a file's mode, and the umask of whoever made the checkout the rest.
  for (const name of names) chmodSync(join(folder, name), name === plugin ? 0o755 : 0o644);
  // Nothing of this machine or this moment: no owner, no time.
  const anonymous = { portable: true, mtime: new Date(0) };
  const pack = create({ cwd: folder, ...anonymous, gzip: { level: 9 }, sync: true }, names);
  return /** @type {Buffer} */ (pack.read());
}
