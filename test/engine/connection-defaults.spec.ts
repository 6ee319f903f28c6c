/** The connection of a stack's configuration, as `pulumi config set --path` keeps it, by the real engine. */
import * as assert from "node:assert/strict";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";

const program = `
import * as pulumi from "@pulumi/pulumi";
import * as lxd from "pulumi-lxd-access";
new lxd.HttpsAddress("server", { address: new pulumi.Config().require("address") });
`;

describeWith(["pulumi", "lxd-daemon", "sshd"], "a connection in stack config", function () {
  this.timeout(300_000);
  let sshd: TestSshd;
  let server: TestServer;
  let project: PulumiProject;
  let address: string;

  before(async () => {
    [sshd, server] = await Promise.all([startTestSshd(), startServer("lxd-daemon")]);
    address = `127.0.0.1:${await freePort()}`;
    project = await PulumiProject.create(program, { config: { "test:address": address } });
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
    project.remove();
  });

  const set = async (path: string, value: string, ...flags: string[]): Promise<void> => {
    const { code, output } = await project.run(["config", "set", ...flags, "--path", path], value);
    assert.equal(code, 0, output);
  };

  it("may be an object, set value by value, with a secret in it", async () => {
    await set("lxd-access:ssh.host", "127.0.0.1");
    await set("lxd-access:ssh.port", String(sshd.port));
    await set("lxd-access:ssh.user", sshd.user);
    await set("lxd-access:ssh.knownHostsPath", sshd.knownHostsPath);
    await set("lxd-access:ssh.socketPath", server.socketPath);
    await set("lxd-access:ssh.privateKey", sshd.privateKey, "--secret");
    await set("lxd-access:timeouts.connect", "20");
    await project.up();
    assert.equal(await viewOf(server).address(), address);
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
  });

  it("leaves no trace of its secret, and is not copied into the resource", async () => {
    const [line = ""] = sshd.privateKey.split("\n").filter((text) => !text.startsWith("-----"));
    assert.ok(!(await project.traces()).includes(line));
    const stack = await project.expect(0, "stack", "export");
    assert.ok(stack.includes(address));
    assert.ok(!stack.includes(sshd.knownHostsPath), "the connection is in the stack's configuration only");
  });

  it("says by its name in the configuration what is wrong with it", async () => {
    await set("lxd-access:ssh.port", "70000");
    await project.configure("test:address", `127.0.0.1:${await freePort()}`);
    const { code, output } = await project.run(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /lxd-access:ssh\.port: must be a whole number from 1 to 65535.*\[CONFIG_INVALID\]/s);
    assert.equal(await viewOf(server).address(), address);
    await set("lxd-access:ssh.port", String(sshd.port));
    await project.up();
    await project.destroy();
    assert.equal(await viewOf(server).address(), "");
  });
});
