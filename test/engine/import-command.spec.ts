/** A real LXD that was set up by hand with the real `lxc`, taken over with the real engine by both fronts, and given up again. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needsClient, runClient } from "../support/client-command";
import { entriesIn, secretsIn } from "../support/import-command";
import { makePair } from "../support/openssl-pair";
import { PulumiProject, type Run, runProgram } from "../support/pulumi-project";
import { type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const command = join(__dirname, "../../dist/cli/main.js");
const hostile = '"); process.exit(1); (${x} ключ 🦄';

describeWith(["pulumi", "lxd-daemon"], "a server that was set up by hand, by the real engine", function () {
  this.timeout(300_000);
  before(needsClient("lxd"));

  let server: TestServer;
  let view: ServerView;
  let folder: string;
  let client: string;
  let project: PulumiProject;

  /** The real client of the server's administrator, who names no server. */
  const lxc = (...args: string[]): Promise<string> => runClient("lxd", join(folder, "admin"), ...args);
  const trust = async (name: string, ...options: string[]): Promise<void> => {
    const file = join(folder, "client.crt");
    writeFileSync(file, makePair("client").certificate);
    await lxc("config", "trust", "add", file, "--name", name, ...options);
  };
  const invite = async (name: string): Promise<string> =>
    (await lxc("config", "trust", "add", "--name", name)).trim().split("\n").at(-1) ?? "";

  before(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    folder = mkdtempSync(join(tmpdir(), "lxa-by-hand-"));
    client = join(folder, "client");
    for (const directory of ["client", "admin"]) mkdirSync(join(folder, directory));
    const remotes = `default-remote: here\nremotes:\n  here: { addr: "unix://${server.socketPath}" }\n`;
    writeFileSync(join(folder, "admin", "config.yml"), remotes);

    await view.listen();
    await lxc("project", "create", "web");
    for (const name of ["ci", "ci"]) await trust(name);
    await trust("restricted", "--restricted", "--projects", "web");
    await trust("prometheus", "--type", "metrics");
    await runClient("lxd", client, "remote", "add", "prod", await invite("laptop"));
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  // Destroying what was taken over revokes it.
  beforeEach(() => invite(hostile));
  afterEach(() => view.revokeTokens());
  afterEach(() => {
    project.remove();
  });

  const inProject = (program: string, ...args: string[]): Promise<Run> =>
    runProgram(program, args, { cwd: project.directory, env: project.env });

  /** What was set up, as the server and the real clients tell it, but for the token that waits. */
  const setUpByHand = async (): Promise<unknown> => [
    await view.address(),
    await view.clients(),
    readdirSync(client, { recursive: true }),
    readFileSync(join(client, "config.yml"), "utf8"),
    await runClient("lxd", client, "project", "list", "prod:", "--format", "csv"),
  ];

  const token = "token-process.exit-1-x-ключ";
  const clients = ["client-ci-…", "client-ci-…", "client-laptop", "client-restricted"];
  const cases = [
    {
      front: "dynamic",
      program: "access.ts",
      language: "typescript",
      found: ["listener", ...clients, token, "remote-prod"],
    },
    {
      // Through the remote, whose own client is left out.
      front: "plugin",
      program: "access.yaml",
      language: "yaml",
      found: [
        ...["listener", ...clients.filter((name) => name !== "client-laptop"), token].map(
          (name) => `prod-${name}`,
        ),
        "remote-prod",
      ],
    },
  ] as const;
  for (const { front, program, language, found } of cases) {
    it(`becomes part of a stack by the ${front} front without a change, and leaves it as it was`, async () => {
      const config: Record<string, string> =
        front === "dynamic" ? { "lxd-access:socketPath": server.socketPath } : {};
      const start = language === "yaml" ? "" : "export {};\n";
      project = await PulumiProject.create(start, { language, config, checkTypes: true });
      Object.assign(project.env, { LXD_CONF: client, INCUS_CONF: "nowhere" });
      const before = await setUpByHand();

      const args = ["import", "--front", front, ...(front === "plugin" ? ["--remote", "prod"] : [])];
      const { code, output } = await inProject(process.execPath, command, ...args);
      assert.equal(code, 0, output);
      const { directory } = project;
      const text = readFileSync(join(directory, program), "utf8");
      const secrets = secretsIn(directory);
      assert.equal(secrets.length > 0, front === "dynamic");
      const names = entriesIn(directory).map(({ name }) => name.replace(/-[0-9a-f]{8}$/, "-…"));
      assert.deepEqual(names, found);
      assert.match(output, /"prometheus" .* is of type metrics/);

      // The very commands that it names.
      const [importing = ""] = /^ {2}(pulumi import .*)$/m.exec(output)?.slice(1) ?? [];
      await project.expect(0, ...importing.split(" ").slice(1), "--yes", "--skip-preview");
      project.give(front === "plugin" ? text : 'import "./access";\n');
      await project.expect(0, "preview", "--expect-no-changes");
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
      const again = await project.expect(
        0,
        "import",
        "--file",
        "import.json",
        "--generate-code=false",
        "--yes",
      );
      assert.match(again, new RegExp(`Resources:\\n\\s+${found.length + 1} unchanged\\n`));
      const traces = [output, text, await project.traces()].join("\n");
      for (const secret of secrets) assert.ok(!traces.includes(secret));

      // A second time there is only what has come since.
      const next = join(directory, "next");
      const nothing = await inProject(process.execPath, command, ...args, "--out", next);
      assert.match(
        nothing.output,
        /the stack has it already, as "(prod-)?listener".*There is nothing to take over/s,
      );
      await trust("ci");
      const more = await inProject(process.execPath, command, ...args, "--out", next);
      assert.equal(more.code, 0, more.output);
      const [added, ...others] = entriesIn(next);
      assert.match(added?.name ?? "", /^(prod-)?client-ci$/);
      assert.deepEqual(others, []);
      await view.removeClient(added?.id.split("/").at(-1) ?? "");

      assert.match((await project.run(["destroy", "--yes", "--skip-preview"])).output, /is protected/);
      await project.expect(0, "state", "unprotect", "--all", "--yes");
      await project.destroy();
      assert.deepEqual(await setUpByHand(), before);
      assert.deepEqual(await view.pendingTokens(), [], "a token that was taken over is revoked");
    });
  }
});
