/** Secrets of a connection by SSH that a program gives as plain text: none is stored or printed by the real engine. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PulumiProject } from "../support/pulumi-project";
import { viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";

const program = `
import * as lxd from "pulumi-lxd-access";
import { readFileSync } from "node:fs";
const ssh = JSON.parse(readFileSync("given.json", "utf8"));
new lxd.TrustToken("invitation", { clientName: "ci", projects: [], connection: { ssh } });
`;

describeWith(["pulumi", "lxd-daemon", "sshd"], "secrets of a connection by SSH", function () {
  this.timeout(300_000);
  let server: TestServer;
  let sshd: TestSshd;
  let bastion: TestSshd;
  let project: PulumiProject;
  const passphrases = { host: "phrase of the host", bastion: "phrase of the bastion", wrong: "wrong phrase" };

  before(async () => {
    [server, sshd, bastion] = await Promise.all([
      startServer("lxd-daemon"),
      startTestSshd(),
      startTestSshd(),
    ]);
    await viewOf(server).listen();
    project = await PulumiProject.create(program);
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
    await bastion.stop();
    project.remove();
  });

  it("are in nothing that is stored or printed, through success, change and failure", async () => {
    const { host: passphrase } = passphrases;
    const hostKey = readFileSync(sshd.addKey("locked", "rsa", { passphrase, format: "PEM" }), "utf8");
    const bastionKey = readFileSync(
      bastion.addKey("locked", "ed25519", { passphrase: passphrases.bastion }),
      "utf8",
    );
    const ssh = {
      ...{ ...sshd.connection, socketPath: server.socketPath },
      ...{ privateKey: hostKey, privateKeyPassphrase: passphrase },
      proxyJump: {
        ...{ ...bastion.connection, privateKey: bastionKey, privateKeyPassphrase: passphrases.bastion },
      },
    };
    const give = (given: object): void => {
      project.write("given.json", JSON.stringify(given));
    };
    give(ssh);
    await project.up();
    assert.deepEqual(await viewOf(server).pendingTokens(), ["ci"]);
    await project.expect(0, "preview", "--refresh", "--diff", "--show-sames", "--json");

    // Another key of the bastion, shown as a change.
    give({
      ...ssh,
      proxyJump: { ...ssh.proxyJump, ...{ privateKey: bastion.privateKey, privateKeyPassphrase: undefined } },
    });
    await project.expect(0, "up", "--yes", "--diff", "--show-full-output");

    give({ ...ssh, privateKeyPassphrase: passphrases.wrong });
    const wrong = await project.run([
      "up",
      "--yes",
      "--skip-preview",
      "--diff",
      "--refresh",
      "--run-program",
    ]);
    assert.match(wrong.output, /does not open with this privateKeyPassphrase.*\[CONFIG_INVALID\]/s);

    give(ssh);
    const traces = await project.traces();
    await project.destroy();
    const keys = [hostKey, bastionKey, bastion.privateKey].flatMap((key) =>
      key.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----")),
    );
    assert.ok(traces.split(sshd.knownHostsPath).length > 2, "the search finds what is no secret");
    for (const secret of [...Object.values(passphrases), ...keys]) {
      assert.ok(!traces.includes(secret), secret);
      assert.ok(!project.transcript.includes(secret), secret);
    }
  });
});
