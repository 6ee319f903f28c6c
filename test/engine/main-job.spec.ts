/** The main job by the real engine on a real LXD: expose, invite, join; drift by hand with `lxc`; take everything back. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mainJobPrograms } from "../support/main-job-programs";
import { exitChanges, PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

for (const language of ["typescript", "yaml"] as const) mainJob(language);

function mainJob(language: keyof typeof mainJobPrograms): void {
  const program = mainJobPrograms[language];
  const front = language === "yaml" ? "the plugin" : "the dynamic front";

  describeWith(["pulumi", "lxd-daemon"], `the main job by ${front}: expose, invite, join`, function () {
    this.timeout(300_000);

    let server: TestServer;
    let view: ServerView;
    let project: PulumiProject;
    let port: number;
    const lxc = (...args: string[]): string =>
      execFileSync("lxc", args, {
        env: { ...process.env, LXD_CONF: join(project.directory, "lxc"), LXD_DIR: server.directory },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });

    before(async () => {
      server = await startServer("lxd-daemon");
      view = viewOf(server);
      port = await freePort();
      project = await PulumiProject.create(program, {
        language,
        config: { "test:address": `127.0.0.1:${port}`, "lxd-access:socketPath": server.socketPath },
      });
    });

    after(async () => {
      await server.stop();
      project.remove();
    });

    it("is previewed without asking any server", async () => {
      const offline = await PulumiProject.create(program, {
        language,
        config: { "test:address": "10.0.0.11", "lxd-access:socketPath": "/nonexistent/unix.socket" },
      });
      try {
        const output = await offline.expect(0, "preview");
        assert.match(output, /\+ 5 to create/);
      } finally {
        offline.remove();
      }
    });

    it("is done by one `pulumi up`", async () => {
      await project.up();
      assert.equal(await view.address(), `127.0.0.1:${port}`);
      const [client] = await view.clients();
      assert.deepEqual([client?.name, client?.restricted, client?.projects], ["ci", true, ["default"]]);
      assert.deepEqual(await view.pendingTokens(), []);
      const outputs = await project.outputs();
      assert.equal(outputs["clientFingerprint"], client?.fingerprint);
      assert.equal(outputs["configState"], "present");
    });

    it("gives a remote that the real lxc uses as it is", () => {
      const listed = JSON.parse(lxc("remote", "list", "--format", "json")) as Record<
        string,
        { Addr: string; Project: string }
      >;
      assert.equal(listed["prod"]?.Addr, `https://127.0.0.1:${port}`);
      assert.equal(listed["prod"].Project, "default");
      assert.equal(lxc("remote", "get-default").trim(), "prod");
      assert.deepEqual(JSON.parse(lxc("list", "prod:", "--format", "json")), []);
    });

    it("has nothing more to do, neither by its state nor by a look at the server", async () => {
      // What a preview says is asked after each of the changes below.
      await project.expect(0, "up", "--yes", "--skip-preview", "--expect-no-changes");
      await project.expect(0, "refresh", "--yes", "--skip-preview", "--expect-no-changes");
    });

    it("sees an address that was changed by hand, and mends it", async () => {
      lxc("config", "set", "local:", "core.https_address", `:${port}`);
      await project.expect(exitChanges, "preview", "--refresh", "--expect-no-changes");
      assert.equal(await view.address(), `:${port}`, "looking changes nothing");
      await project.up("--refresh");
      assert.equal(await view.address(), `127.0.0.1:${port}`);
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    });

    it("sees that trust was removed by hand, and joins again", async () => {
      const [client] = await view.clients();
      lxc("config", "trust", "remove", `local:${String(client?.fingerprint)}`);
      assert.match(await project.up("--refresh"), /[1-9]\d* updated/);
      assert.deepEqual(
        (await view.clients()).map(({ fingerprint }) => fingerprint),
        [client?.fingerprint],
        "with the same key",
      );
      assert.deepEqual(JSON.parse(lxc("list", "prod:", "--format", "json")), []);
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    });

    it("sees that the remote was renamed by hand, and writes it again", async () => {
      lxc("remote", "rename", "prod", "mine");
      assert.match(await project.up("--refresh"), /[1-9]\d* updated/);
      const names = Object.keys(JSON.parse(lxc("remote", "list", "--format", "json")) as object);
      assert.ok(names.includes("prod"));
      assert.ok(names.includes("mine"), "what somebody named so stays");
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    });

    it("tells a server that does not answer from drift, and keeps what it knows where it is told to", async () => {
      const elsewhere = await freePort();
      lxc("config", "set", "local:", "core.https_address", `127.0.0.1:${elsewhere}`);
      const failed = await project.run(["preview", "--refresh", "--expect-no-changes"]);
      assert.notEqual(failed.code, 0);
      assert.notEqual(failed.code, exitChanges);
      assert.match(failed.output, /127\.0\.0\.1:\d+: connect ECONNREFUSED.*LXD_UNREACHABLE/s);
      await project.expect(0, "config", "set", "lxd-access:onUnreachable", "keep");
      const seen = await project.expect(
        exitChanges,
        "preview",
        "--refresh",
        "--run-program",
        "--expect-no-changes",
      );
      assert.match(seen, /warning: Remote prod could not be looked at, what is stored is kept/);
      await project.up("--refresh", "--run-program");
      assert.equal(await view.address(), `127.0.0.1:${port}`);
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    });

    it("kept every secret out of the state, the output and temporary files", async () => {
      const { token, privateKey } = await project.outputs();
      const traces = await project.traces();
      const secret = (JSON.parse(Buffer.from(String(token), "base64").toString()) as { secret: string })
        .secret;
      const keyLines = String(privateKey)
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("-----"));
      assert.ok(keyLines.length > 1 && secret.length > 32);
      for (const text of [String(token), secret, ...keyLines])
        assert.ok(!traces.includes(text), "a secret in plain text");
      assert.ok(traces.includes("clientFingerprint"), "the search looks at the state");
    });

    it("takes everything back", async () => {
      await project.destroy();
      assert.equal(await view.address(), "");
      assert.deepEqual(await view.clients(), []);
      assert.deepEqual(await view.pendingTokens(), []);
      const directory = join(project.directory, "lxc");
      assert.doesNotMatch(readFileSync(join(directory, "config.yml"), "utf8"), /prod/);
      assert.equal(existsSync(join(directory, "servercerts", "prod.crt")), false);
    });
  });
}
