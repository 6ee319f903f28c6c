/** The package as `npm publish` would send it: it installs and works from its archive, away from this checkout. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { mainJobPrograms } from "../support/main-job-programs";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const checkout = resolve(__dirname, "../..");
const { devDependencies: ours } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

const { typescript: program } = mainJobPrograms;

/** Compiles as an ES module only. */
const moduleProgram = `${program}
const again = await import("pulumi-lxd-access");
export const isSame = again.Remote === Remote;
export const place = import.meta.url;
`;

describeWith(["pulumi", "lxd-daemon"], "the package from its archive", function () {
  this.timeout(600_000);

  let folder: string;
  let archive: string;
  let server: TestServer;
  let view: ServerView;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-archive-"));
    const { runNpm } = await import("../../scripts/npm.mjs");
    // Without the build before it: that replaces dist/, which other tests are using at this moment.
    const args = ["pack", "--ignore-scripts", "--pack-destination", folder];
    await runNpm(args, { what: "packing the package", cwd: checkout });
    const [name] = readdirSync(folder);
    archive = join(folder, String(name));
    server = await startServer("lxd-daemon");
    view = viewOf(server);
  });

  after(async () => {
    rmSync(folder, { recursive: true });
    await server.stop();
  });

  describe("with npm", () => {
    let commonjs: PulumiProject;
    let module: PulumiProject;

    before(async () => {
      commonjs = await project(program, { main: "index.ts" });
      module = await project(moduleProgram, { main: "index.ts", type: "module" });
      // Pulumi compiles ES modules only where a tsconfig.json says so.
      const compilerOptions = {
        target: "ES2022",
        module: "nodenext",
        moduleResolution: "nodenext",
        strict: true,
      };
      module.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["index.ts"] }));
    });

    after(() => {
      commonjs.remove();
      module.remove();
    });

    it("installs in an empty folder, without any package's install script", async () => {
      const { runNpm } = await import("../../scripts/npm.mjs");
      await runNpm(["install", "--ignore-scripts", "--prefer-offline", "--prefix", commonjs.directory], {
        what: "npm install",
        cwd: commonjs.directory,
        env: withoutNpm(process.env),
      });
      assertOnItsOwn(commonjs.directory);
    });

    it("is one file for the engine's process, with the licenses of what is inside", () => {
      const program = `require("pulumi-lxd-access/provider"); console.log(JSON.stringify(Object.keys(require.cache)))`;
      const output = execFileSync(process.execPath, ["--eval", program], {
        cwd: commonjs.directory,
        encoding: "utf8",
      });
      const provider = join(commonjs.directory, "node_modules", "pulumi-lxd-access", "dist", "provider");
      const file = join(provider, "dynamic.js");
      assert.deepEqual(JSON.parse(output), [realpathSync(file)]);
      assert.match(readFileSync(file, "utf8"), /^[\x00-\x7f]+$/, "V8 keeps it in one byte a character");
      const licenses = readFileSync(join(provider, "THIRD-PARTY-LICENSES"), "utf8").split(/^==== /m);
      assert.deepEqual(
        licenses.slice(1).map((license) => license.split(" ")[0]),
        ["undici", "zod"],
      );
      for (const license of licenses.slice(1)) assert.match(license, /^\S+ \d\S* \(MIT\) ====\n\n.{100}/s);
    });

    // That nothing is left to do is the same in every kind of project.
    it("works in a CommonJS project in TypeScript", () =>
      works(commonjs, async () => {
        await commonjs.expect(0, "preview", "--refresh", "--expect-no-changes");
      }));

    it("works in an ES module in TypeScript", async () => {
      // The same dependencies, so a second installation would show nothing.
      renameSync(join(commonjs.directory, "node_modules"), join(module.directory, "node_modules"));
      await works(module, ({ isSame, place }) => {
        assert.equal(isSame, true);
        assert.match(String(place), /^file:.*\/index\.ts$/);
      });
    });
  });

  describe("with npm, for the whole machine", () => {
    it("puts the plugin on PATH, with Pulumi's SDK, and it serves a program in YAML", async () => {
      const prefix = join(folder, "global");
      const { runNpm } = await import("../../scripts/npm.mjs");
      const args = [
        "install",
        "--global",
        "--prefix",
        prefix,
        "--ignore-scripts",
        "--prefer-offline",
        archive,
      ];
      await runNpm(args, { what: "npm install --global", cwd: folder, env: withoutNpm(process.env) });
      const keyOnly = 'resources: { key: { type: "lxd-access:ClientCertificate" } }\n';
      const made = await PulumiProject.create(keyOnly, { language: "yaml" });
      made.env["PATH"] = [join(prefix, "bin"), process.env["PATH"]].join(delimiter);
      try {
        const output = await made.up();
        assert.ok(output.includes(join(prefix, "bin", "pulumi-resource-lxd-access")), output);
        await made.destroy();
      } finally {
        made.remove();
      }
    });
  });

  describe("with pnpm", () => {
    let strict: PulumiProject;

    before(async () => {
      // Without a TypeScript of its own: the one inside Pulumi compiles the program.
      strict = await project(program, { main: "index.ts", devDependencies: {} });
    });

    after(() => {
      strict.remove();
    });

    it("installs in an empty folder", async () => {
      const { run } = await import("../../scripts/run.mjs");
      const pnpm = join(dirname(require.resolve("pnpm")), "bin", "pnpm.cjs");
      const own = join(folder, "pnpm");
      const places = ["DATA", "STATE", "CACHE", "CONFIG"].map((kind) => [`XDG_${kind}_HOME`, own]);
      await run(process.execPath, [pnpm, "install", "--store-dir", join(own, "store")], {
        what: "pnpm install",
        cwd: strict.directory,
        env: { ...withoutNpm(process.env), ...(Object.fromEntries(places) as NodeJS.ProcessEnv) },
      });
      assertOnItsOwn(strict.directory);
      assert.ok(!existsSync(join(strict.directory, "node_modules", "zod")), "nothing is hoisted");
    });

    it("works in a CommonJS project in TypeScript, where nothing but what it names is found", () =>
      works(strict));
  });

  /** A project that depends on the archive, not installed yet. */
  async function project(
    text: string,
    manifest: { main: string; type?: string; devDependencies?: Record<string, string> },
  ): Promise<PulumiProject> {
    const made = await PulumiProject.create(text, {
      install: false,
      checkTypes: true,
      config: {
        "test:address": `127.0.0.1:${await freePort()}`,
        "lxd-access:socketPath": server.socketPath,
      },
    });
    const dependencies = {
      "@pulumi/pulumi": ours["@pulumi/pulumi"],
      "pulumi-lxd-access": `file:${archive}`,
    };
    const { "@types/node": node, "ts-node": tsNode, typescript } = ours;
    const compiler = { "@types/node": node, "ts-node": tsNode, typescript };
    writeFileSync(
      join(made.directory, "package.json"),
      JSON.stringify({
        ...{ name: "test", private: true, dependencies, devDependencies: compiler },
        ...manifest,
      }),
    );
    return made;
  }

  /** Up, and destroy; the server is as before. */
  async function works(
    made: PulumiProject,
    verify?: (outputs: Record<string, unknown>) => void | Promise<void>,
  ): Promise<void> {
    await made.up();
    const outputs = await made.outputs();
    assert.equal(outputs["configState"], "present");
    await verify?.(outputs);
    assert.deepEqual(
      (await view.clients()).map(({ name }) => name),
      ["ci"],
    );
    await made.destroy();
    assert.deepEqual(await view.clients(), []);
    assert.equal(await view.address(), "");
  }
});

/** What npm tells the scripts that it starts is about the checkout. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = /^(npm_(package|lifecycle|config_local_prefix)|INIT_CWD$|NODE_PATH$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}

/** Nothing in the folder leads out of it, and no folder above has packages: so nothing comes from elsewhere. */
function assertOnItsOwn(directory: string): void {
  const own = realpathSync(directory);
  const links = readdirSync(own, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const link of links)
    assert.ok(realpathSync(link).startsWith(own + sep), `${link} leads out of the project`);
  for (let above = dirname(own); above !== dirname(above); above = dirname(above))
    assert.ok(!existsSync(join(above, "node_modules")), `there are packages in ${above}`);
}
