/** The plugin as a release ships it and as this checkout has it: what the engine is given, and that it runs from there. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { putNodejsHost } from "../support/nodejs-host";
import { PulumiProject, runProgram } from "../support/pulumi-project";
import { describeWith } from "../support/skip";

const checkout = resolve(__dirname, "../..");
const plugin = "pulumi-resource-lxd-access";
const pluginFolder = join(checkout, "provider", "cmd", plugin);
const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as { version: string };

const program = `resources: { key: { type: "lxd-access:ClientCertificate" } }
outputs: { fingerprint: "\${key.fingerprint}" }
`;

describeWith(["pulumi"], "the plugin in a release's archive and in this checkout", function () {
  this.timeout(300_000);

  let folder: string;
  let project: PulumiProject;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-release-"));
    await release("first");
    project = await PulumiProject.create(program, { language: "yaml" });
    // Nothing is on PATH but the engine and Node.js.
    const only = join(folder, "node");
    mkdirSync(only);
    symlinkSync(process.execPath, join(only, "node"));
    const engine = dirname(process.env["LXD_ACCESS_TEST_PULUMI"] ?? "");
    project.env["PATH"] = [only, engine].join(delimiter);
  });

  after(() => {
    project.remove();
    rmSync(folder, { recursive: true });
  });

  it("is there for each platform, with its checksum, and is the same when it is made again", async () => {
    const names = readdirSync(join(folder, "first"));
    const platforms = ["darwin", "linux", "windows"].flatMap((os) => [`${os}-amd64`, `${os}-arm64`]);
    const archives = platforms.map((platform) => `${plugin}-v${version}-${platform}.tar.gz`);
    assert.deepEqual(names.sort(), ["SHA256SUMS", ...archives]);
    const sums = archives.map((name) => `${sha256(join(folder, "first", name))}  ${name}\n`);
    assert.equal(readFileSync(join(folder, "first", "SHA256SUMS"), "utf8"), sums.join(""));
    await release("again", "umask 077;");
    assert.equal(
      readFileSync(join(folder, "again", "SHA256SUMS"), "utf8"),
      readFileSync(join(folder, "first", "SHA256SUMS"), "utf8"),
    );
  });

  it("has the license of everything that is inside", () => {
    const unpacked = unpack();
    const licenses = readFileSync(join(unpacked, "THIRD-PARTY-LICENSES"), "utf8");
    const parts = licenses.split(/^==== /m).slice(1);
    for (const name of ["@grpc/grpc-js", "@pulumi/pulumi", "google-protobuf", "ssh2", "undici", "zod"])
      assert.ok(
        parts.some((part) => part.startsWith(`${name} `)),
        name,
      );
    for (const part of parts) assert.match(part, /^\S+ \d\S* \(.+\) ====\n\n.{100}/s);
    assert.doesNotMatch(licenses, /\(undefined\)/);
  });

  it("is installed by Pulumi and serves a program, with nothing else on PATH than Node.js", async () => {
    const archive = join(folder, "first", `${plugin}-v${version}-linux-amd64.tar.gz`);
    const missing = await project.run(["preview"]);
    assert.notEqual(missing.code, 0, "it comes from elsewhere");
    await project.expect(0, "plugin", "install", "resource", "lxd-access", version, "--file", archive);
    // An engine that flows its log gives plugins options.
    await project.up("--logflow", "--logtostderr", "-v=1");
    assert.match(String((await project.outputs())["fingerprint"]), /^[0-9a-f]{64}$/);
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    await hasSchema("lxd-access");
    await project.destroy();
    rmSync(join(project.directory, ".home", "plugins"), { recursive: true });
  });

  it("serves a program that names its folder in this checkout", async () => {
    project.give(`plugins: { providers: [{ name: lxd-access, path: "${pluginFolder}" }] }\n${program}`);
    await project.expect(0, "preview");
  });

  it("is added to a program by its folder in this checkout", async () => {
    putNodejsHost(join(folder, "node"));
    // It runs npm.
    project.env["PATH"] = [project.env["PATH"], process.env["PATH"]].join(delimiter);
    project.give(program);
    await hasSchema(pluginFolder);
    await project.expect(0, "package", "add", pluginFolder);
    await project.expect(0, "preview");
  });

  it("tells who has not built the checkout what to do first", async () => {
    const bare = join(folder, "bare", "provider", "cmd", plugin);
    cpSync(pluginFolder, bare, { recursive: true });
    const { code, output } = await project.run(["package", "get-schema", join(bare, plugin)]);
    assert.notEqual(code, 0);
    assert.match(output, /this checkout is not built. Run `npm ci && npm run build` in it first/);
  });

  async function hasSchema(source: string): Promise<void> {
    const output = await project.expect(0, "package", "get-schema", source);
    const schema = JSON.parse(output.slice(output.indexOf("\n{\n") + 1)) as { version: string };
    assert.equal(schema.version, version);
  }

  async function release(name: string, before = ""): Promise<void> {
    const command = `${before} exec "$0" scripts/release.mjs --out "$1"`;
    const args = ["-c", command, process.execPath, join(folder, name)];
    const { code, output } = await runProgram("/bin/sh", args, { cwd: checkout });
    assert.equal(code, 0, output);
  }

  function unpack(): string {
    const target = join(folder, "unpacked");
    mkdirSync(target);
    execFileSync("tar", [
      "-xzf",
      join(folder, "first", `${plugin}-v${version}-linux-amd64.tar.gz`),
      "-C",
      target,
    ]);
    return target;
  }
});

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
