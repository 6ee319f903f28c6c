/** The example that does the main job, in each language that the plugin serves: by the real engine, on a real LXD. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runClient } from "./client-command";
import { programFiles, PulumiProject } from "./pulumi-project";
import { freePort, type ServerView, viewOf } from "./server-view";
import { startServer, type TestServer } from "./servers";
import { describeWith } from "./skip";

export type ExampleLanguage = Exclude<keyof typeof programFiles, "typescript">;

/** Folder of the example. */
export function exampleFolder(language: ExampleLanguage): string {
  return resolve(__dirname, "../../examples", language);
}

/** The example's Pulumi.yaml, by the name that its configuration has here. */
function manifestOf(language: ExampleLanguage): string {
  const text = readFileSync(join(exampleFolder(language), "Pulumi.yaml"), "utf8");
  return text.replace(/^name: .*$/m, "name: test");
}

/** The tests of the example. `prepare` gives the project what its program imports. */
export function exampleDoesTheMainJob(
  language: ExampleLanguage,
  needs: Parameters<typeof describeWith>[0],
  prepare: (project: PulumiProject) => Promise<void> = async () => {},
): void {
  describeWith(["pulumi", "lxd-daemon", ...needs], `the example ${language}`, function () {
    this.timeout(600_000);
    let server: TestServer;
    let view: ServerView;
    let project: PulumiProject;
    let address: string;
    const client = (...args: string[]): Promise<string> =>
      runClient("lxd", join(project.directory, "client"), ...args);

    before(async () => {
      server = await startServer("lxd-daemon");
      view = viewOf(server);
      address = `127.0.0.1:${await freePort()}`;
      const text = readFileSync(join(exampleFolder(language), programFiles[language]), "utf8");
      project = await PulumiProject.create(text.replaceAll(/^(?:name|runtime): .*\n/gm, ""), {
        language,
        config: {
          "lxd-access:socketPath": server.socketPath,
          "test:address": address,
          "test:remoteName": "host",
        },
      });
      if (language !== "yaml") project.write("Pulumi.yaml", manifestOf(language));
      await project.configure("test:configDirectory", join(project.directory, "client"));
      await prepare(project);
    });
    after(async () => {
      await server.stop();
      project.remove();
    });

    it("exposes the server, invites a client into one project and joins it", async () => {
      await project.up();
      assert.equal(await view.address(), address);
      const [trusted, ...others] = await view.clients();
      assert.deepEqual([trusted?.name, trusted?.restricted, trusted?.projects], ["host", true, ["default"]]);
      assert.deepEqual([others, await view.pendingTokens()], [[], []]);
      const outputs = await project.outputs();
      assert.deepEqual([outputs["listensOn"], outputs["clientFingerprint"]], [address, trusted?.fingerprint]);
    });

    it("lets lxc use the remote, and has nothing left to do", async () => {
      assert.deepEqual(JSON.parse(await client("list", "host:", "--format", "json")), []);
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    });

    it("exports its secrets and leaves no trace of them", async () => {
      const { token, privateKey } = (await project.outputs()) as { token: string; privateKey: string };
      const { secret } = JSON.parse(Buffer.from(token, "base64").toString()) as { secret: string };
      const keyLines = privateKey.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
      assert.ok(keyLines.length > 1 && secret.length > 32);
      const traces = await project.traces();
      for (const text of [token, secret, ...keyLines])
        assert.ok(!traces.includes(text), "a secret in plain text");
      assert.ok(traces.includes("clientFingerprint"), "the search looks at the state");
    });

    it("takes everything back", async () => {
      await project.destroy();
      assert.deepEqual([await view.address(), await view.clients()], ["", []]);
      assert.doesNotMatch(await client("remote", "list", "--format", "csv"), /^host,/m);
    });
  });
}
