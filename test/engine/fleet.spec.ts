/** The example `fleet` as it stands, by the real engine, on several real LXD servers at once. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PulumiProject } from "../support/pulumi-project";
import { makePair } from "../support/openssl-pair";
import { openHttps, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const example = resolve(__dirname, "../../examples/fleet");

describeWith(["pulumi", "lxd-daemon"], "the example fleet", function () {
  this.timeout(300_000);

  let servers: TestServer[];
  let project: PulumiProject;

  before(async () => {
    servers = await Promise.all([1, 2, 3].map(() => startServer("lxd-daemon")));
    const admin = makePair("admin");
    const hosts = await Promise.all(
      servers.map(async (server, index) => {
        const { address, connection } = await openHttps(server, admin);
        return { name: `host-${index}`, address, fingerprint: connection.serverFingerprint };
      }),
    );
    project = await PulumiProject.create(readFileSync(join(example, "index.ts"), "utf8"), {
      config: {
        "test:configDirectory": "./lxc",
        "test:hosts": JSON.stringify(hosts),
        "test:adminCertificate": admin.certificate,
      },
    });
    await project.configure("test:adminKey", admin.privateKey, "secret");
  });

  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    project.remove();
  });

  it("joins one identity to every server, and each remote arrives in the one client directory", async () => {
    await project.up();
    const fingerprints = await Promise.all(
      servers.map(async (server) => {
        const clients = await viewOf(server).clients();
        return clients.find(({ name }) => name === "ci")?.fingerprint;
      }),
    );
    assert.equal(new Set(fingerprints).size, 1);
    assert.ok(fingerprints[0] !== undefined);
    const env = { ...process.env, LXD_CONF: join(project.directory, "lxc") };
    for (const index of servers.keys()) {
      const listed = execFileSync("lxc", ["list", `host-${index}:`, "--format", "json"], {
        env,
        encoding: "utf8",
      });
      assert.deepEqual(JSON.parse(listed), []);
    }
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
  });

  it("takes everything back, and leaves what was there before", async () => {
    await project.destroy();
    for (const server of servers) {
      const clients = await viewOf(server).clients();
      assert.deepEqual(
        clients.map(({ name }) => name),
        ["admin"],
      );
      assert.notEqual(await viewOf(server).address(), "");
    }
  });
});
