/** The main job by both fronts on given versions of Node.js and Pulumi's SDK; `npm run test:versions` gives them. */
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { mainJobPrograms } from "../support/main-job-programs";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** Versions of Node.js and of the SDK, and the folder in which the package is installed with it. */
const { LXD_ACCESS_TEST_NODE: node = "", LXD_ACCESS_TEST_SDK: sdk = "" } = process.env;
const installed = process.env["LXD_ACCESS_TEST_INSTALLED"] ?? "";

describeWith(["pulumi", "lxd-daemon"], `Node.js ${node} and @pulumi/pulumi ${sdk}`, function () {
  this.timeout(600_000);

  let server: TestServer;
  let view: ServerView;

  before(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
  });
  after(() => server.stop());

  it("are installed once, and so is what the package has in common with the SDK", () => {
    const files = readdirSync(join(installed, "node_modules"), { recursive: true, encoding: "utf8" });
    const versionsOf = (name: string): string[] =>
      files
        .filter((file) => `/node_modules/${file}`.endsWith(`/node_modules/${name}/package.json`))
        .map((file) => readFileSync(join(installed, "node_modules", file), "utf8"))
        .map((text) => (JSON.parse(text) as { version: string }).version);
    assert.deepEqual(versionsOf("@pulumi/pulumi"), [sdk]);
    for (const name of ["google-protobuf", "@grpc/grpc-js"]) assert.equal(versionsOf(name).length, 1, name);
  });

  it("do the main job by a TypeScript program", () => doesTheMainJob("typescript", "/cmd/dynamic-provider"));

  it("do the main job by the plugin", () => plugin(join(installed, "node_modules", ".bin")));

  it("do the main job by the plugin of a release's archive", () =>
    plugin(process.env["LXD_ACCESS_TEST_PLUGIN"] ?? ""));

  async function plugin(folder: string): Promise<void> {
    await doesTheMainJob("yaml", join(folder, "pulumi-resource-lxd-access"), [folder]);
  }

  /** Up, nothing left to do, destroy. `provider` is in the path of the program that has to do it. */
  async function doesTheMainJob(
    language: keyof typeof mainJobPrograms,
    provider: string,
    folders: readonly string[] = [],
  ): Promise<void> {
    const address = `127.0.0.1:${await freePort()}`;
    const project = await PulumiProject.create(mainJobPrograms[language], {
      language,
      install: false,
      config: { "test:address": address, "lxd-access:socketPath": server.socketPath },
    });
    try {
      symlinkSync(join(installed, "node_modules"), join(project.directory, "node_modules"));
      if (language === "typescript")
        project.write("package.json", JSON.stringify({ name: "test", main: "index.ts" }));
      // Without this checkout's plugin.
      project.env["PATH"] = [...folders, process.env["PATH"]].join(delimiter);
      const processes = join(project.directory, "processes");
      const note = "`${process.version} ${process.argv[1]}\\n`";
      const hook = join(project.directory, "hook.cjs");
      writeFileSync(hook, `require("node:fs").appendFileSync(${JSON.stringify(processes)}, ${note});`);
      project.env["NODE_OPTIONS"] = `--require ${hook}`;

      await project.up();
      assert.equal(await view.address(), address);
      assert.deepEqual(
        (await view.clients()).map(({ name }) => name),
        ["ci"],
      );
      assert.equal((await project.outputs())["configState"], "present");
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
      await project.destroy();
      assert.deepEqual([await view.address(), await view.clients()], ["", []]);

      const lines = readFileSync(processes, "utf8").trim().split("\n");
      assert.deepEqual([...new Set(lines.map((line) => line.split(" ")[0]))], [`v${node}`]);
      assert.ok(
        lines.some((line) => line.includes(provider)),
        lines.join("\n"),
      );
    } finally {
      project.remove();
    }
  }
});
