/** `lxd-access drift` and plain Pulumi see the same, by both fronts, after changes by hand with the real `lxc`. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { DriftReport } from "../../cli/drift/report";
import { driftIn } from "../support/drift-command";
import { makePair } from "../support/openssl-pair";
import { exitChanges, PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const programs = {
  typescript: `
import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
const dependsOn = [new HttpsAddress("listener", { address: new pulumi.Config().require("address") })];
const invite = (clientName: string) => new TrustToken(clientName, { clientName, projects: ["default"] }, { dependsOn });
const tokens = ["narrowed", "revoked", "distrusted", "kept"].map(invite);
const key = new ClientCertificate("key");
new Remote("prod", {
  token: invite("prod-client").token,
  clientCertificate: key.certificate,
  clientKey: key.privateKey,
  configDir: "./lxc",
});
new Remote("stranger", { token: tokens[2].token });
export const token = { narrowed: tokens[0].token, kept: tokens[3].token };
`,
  yaml: `
config: { address: { type: string } }
resources:
  listener: { type: "lxd-access:HttpsAddress", properties: { address: "\${address}" } }
${["narrowed", "revoked", "distrusted", "kept", "prod-client"]
  .map(
    (name) =>
      `  ${name}: { type: "lxd-access:TrustToken", properties: { clientName: ${name}, projects: [default] }, options: { dependsOn: ["\${listener}"] } }`,
  )
  .join("\n")}
  key: { type: "lxd-access:ClientCertificate" }
  prod:
    type: lxd-access:Remote
    properties:
      token: \${prod-client.token}
      clientCertificate: \${key.certificate}
      clientKey: \${key.privateKey}
      configDir: ./lxc
  stranger: { type: "lxd-access:Remote", properties: { token: "\${distrusted.token}" } }
outputs: { token: { narrowed: "\${narrowed.token}", kept: "\${kept.token}" } }
`,
};

for (const language of ["typescript", "yaml"] as const) {
  const front = language === "yaml" ? "the plugin" : "the dynamic front";

  describeWith(["pulumi", "lxd-daemon"], `drift by ${front}: what plain Pulumi sees, too`, function () {
    this.timeout(300_000);

    let server: TestServer;
    let view: ServerView;
    let project: PulumiProject;
    let port: number;
    let clientDirectory: string;
    const pairs = { narrowed: makePair("narrowed"), kept: makePair("kept") };
    const lxc = (...args: string[]): string =>
      execFileSync("lxc", args, {
        env: { ...process.env, LXD_CONF: clientDirectory, LXD_DIR: server.directory },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });

    before(async () => {
      server = await startServer("lxd-daemon");
      view = viewOf(server);
      port = await freePort();
      const isInFolder = language === "typescript";
      project = await PulumiProject.create(programs[language], {
        ...{ language, main: isInFolder ? "src/index.ts" : undefined },
        config: { "test:address": `127.0.0.1:${port}`, "lxd-access:socketPath": server.socketPath },
      });
      // Relative paths start in the program's folder then.
      if (isInFolder) project.write("Pulumi.yaml", "name: test\nruntime: nodejs\nmain: src/\n");
      clientDirectory = join(project.directory, isInFolder ? "src" : "", "lxc");
      await project.up();
      const { token } = (await project.outputs()) as { token: Record<"narrowed" | "kept", string> };
      for (const name of ["narrowed", "kept"] as const) await view.redeem(token[name], pairs[name]);
    });

    after(async () => {
      await server.stop();
      project.remove();
    });

    const drift = async (): Promise<DriftReport> => (await driftIn(project, "--expiring", "1h")).report;
    /** What plain Pulumi would do about resources: "update listener", sorted. */
    const planned = (output: string): string[] => {
      const lines = output.matchAll(/^ [~+-] {2}\S+ (\S+) (update|delete|create)\b/gm);
      return [...lines].map(([, name, what]) => `${String(what)} ${String(name)}`).sort();
    };

    it("is none, where tokens were redeemed meanwhile", async () => {
      const { exitCode, findings, resources } = await drift();
      assert.deepEqual([exitCode, findings, resources.length], [0, [], 9]);
      // As a refresh it uses the configuration of the last update.
      await project.expect(0, "config", "set", "lxd-access:socketPath", "/nonexistent/unix.socket");
      await project.expect(0, "refresh", "--preview-only", "--expect-no-changes");
      assert.equal((await drift()).exitCode, 0);
      await project.expect(0, "config", "set", "lxd-access:socketPath", server.socketPath);
    });

    it("is the same, of every kind", async () => {
      lxc("config", "set", "local:", "core.https_address", `:${port}`);
      const narrowed = `local:/1.0/certificates/${pairs.narrowed.fingerprint}`;
      lxc("query", "--request", "PATCH", narrowed, "--data", '{"projects":[]}');
      lxc("config", "trust", "revoke-token", "local:revoked");
      const client = (await view.clients()).find(({ name }) => name === "distrusted");
      lxc("config", "trust", "remove", `local:${String(client?.fingerprint)}`);
      lxc("remote", "set-url", "prod", "https://127.0.0.1:1");

      const { exitCode, outcome, findings, resources } = await drift();
      assert.deepEqual([exitCode, outcome], [2, "drift"]);
      const nothing = [undefined, undefined, undefined];
      assert.deepEqual(
        Object.fromEntries(
          findings.map(({ kind, name, property, expected, found }) => [
            name,
            [kind, property, expected, found],
          ]),
        ),
        {
          listener: ["changed", "address", `127.0.0.1:${port}`, `:${port}`],
          narrowed: ["changed", "projects", ["default"], []],
          revoked: ["gone", ...nothing],
          distrusted: ["gone", ...nothing],
          prod: ["changed", "configState.addr", `https://127.0.0.1:${port}`, "https://127.0.0.1:1"],
          stranger: ["changed", "trusted", true, false],
        },
      );
      const drifted = resources.filter(({ status }) => status !== "in-sync");
      const wanted = (gone: string): string[] =>
        drifted.map(({ name, status }) => `${status === "gone" ? gone : "update"} ${name}`).sort();
      assert.equal(drifted.length, findings.length);
      const refreshed = await project.expect(exitChanges, "refresh", "--preview-only", "--expect-no-changes");
      assert.deepEqual(planned(refreshed), wanted("delete"));
      const previewed = await project.expect(exitChanges, "preview", "--refresh", "--expect-no-changes");
      assert.deepEqual(planned(previewed), wanted("create"));
    });
  });
}
