/** The way in by a remote that the real clients have made, to real daemons. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer, type TestServer } from "../support/servers";
import { type ServerView, viewOf } from "../support/server-view";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

for (const [kind, client, variable] of [
  ["lxd-daemon", "lxc", "LXD_CONF"],
  ["incus-daemon", "incus", "INCUS_CONF"],
] as const) {
  describeWith([kind], `a connection by a remote of ${client}`, () => {
    let server: TestServer;
    let view: ServerView;
    let configDir: string;

    before(async () => {
      server = await startServer(kind);
      view = viewOf(server);
      configDir = mkdtempSync(join(tmpdir(), "lxa-by-remote-"));
      await view.listen();
      const token = await view.issueToken("admin", { restricted: false, projects: [] });
      const env = { ...process.env, [variable]: configDir, HOME: configDir };
      execFileSync(client, ["remote", "add", "prod", token], { env, stdio: ["ignore", "ignore", "pipe"] });
    });
    after(async () => {
      await server.stop();
      rmSync(configDir, { recursive: true });
    });

    it("administers the server, from creation to removal", async () => {
      const stack = new Stack(configDir);
      const connection = { remote: "prod", configDir };
      const inputs = { clientName: "ci", projects: ["default"], connection };
      const token = await stack.create("TrustToken", inputs);
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      assert.equal(await stack.plan(token, inputs), "same");
      assert.ok(await stack.refresh(token));
      assert.doesNotMatch(
        token.stored,
        /PRIVATE KEY|BEGIN CERTIFICATE.*clientCertificate/s,
        "nothing of it is stored",
      );
      await stack.destroy(token);
      assert.deepEqual(await view.pendingTokens(), []);
    });

    it("is the default where stack config names it", async () => {
      const stack = new Stack(configDir);
      stack.config = { remote: "prod", configDir };
      const inputs = { clientName: "ci", projects: [] };
      const token = await stack.create("TrustToken", inputs);
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      assert.ok(!("connection" in token.outputs), "it is not copied into the resource");
      await stack.destroy(token);
    });

    it("of another name is refused, with those that are there", async () => {
      const stack = new Stack(configDir);
      const connection = { remote: "stage", configDir };
      const { message } = await stack.createFails("TrustToken", {
        clientName: "ci",
        projects: [],
        connection,
      });
      assert.match(message, /There is no remote "stage": .* has prod\. .*\[CLIENT_CONFIG\]/);
    });
  });
}
