/** Every way in to a server, from the environment and from stack config, by the real engine. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Forwarder, forwardTo } from "../support/forwarder";
import { PulumiProject } from "../support/pulumi-project";
import { openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { sshFingerprintOf } from "../support/ssh-home";
import { startTestSshd, type TestSshd } from "../support/sshd";

/** By the plugin, which costs half of what a TypeScript program does; both fronts find the way in by the same code. */
const program = `
resources:
  invitation:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [] }
`;

describeWith(["pulumi", "lxd-daemon", "sshd"], "the way in that a program does not name", function () {
  this.timeout(300_000);
  let server: TestServer;
  let view: ServerView;
  let sshd: TestSshd;
  let bastion: TestSshd;
  /** Before the server's listener: it counts who comes in by it. */
  let listener: Forwarder;
  let https: Record<"address" | "clientCertificate" | "clientKey" | "serverFingerprint", string>;
  let configDir: string;
  let project: PulumiProject;

  before(async () => {
    [server, sshd, bastion] = await Promise.all([
      startServer("lxd-daemon"),
      startTestSshd(),
      startTestSshd(),
    ]);
    view = viewOf(server);
    const admin = await openHttps(server);
    listener = await forwardTo(admin.address);
    https = { ...admin.connection, address: listener.address };
    project = await PulumiProject.create(program, { language: "yaml" });
    configDir = join(project.directory, "clients");
    mkdirSync(configDir);
    const token = await view.issueToken("by-remote", { restricted: false, projects: [] });
    const env = { ...process.env, LXD_CONF: configDir, HOME: configDir };
    execFileSync("lxc", ["remote", "add", "prod", token], { env, stdio: ["ignore", "ignore", "pipe"] });
    const file = join(configDir, "config.yml");
    writeFileSync(file, readFileSync(file, "utf8").replace(admin.address, listener.address));
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
    await bastion.stop();
    await listener.close();
    project.remove();
  });

  const isOurs = (name: string): boolean => /^LXD_ACCESS_(?!TEST_)/.test(name);
  /** Sets variables in the place of those before. */
  const inEnvironment = (variables: Record<string, string | number>): void => {
    // One that is empty counts as not set.
    for (const name of Object.keys(project.env)) if (isOurs(name)) project.env[name] = "";
    for (const [name, value] of Object.entries(variables)) project.env[name] = String(value);
  };
  /** The engine goes by the configuration of the last update, unless the program runs first. */
  const sees = (): Promise<string> =>
    project.expect(0, "preview", "--refresh", "--run-program", "--expect-no-changes");

  it("is the socket of LXD_ACCESS_SOCKET_PATH", async () => {
    inEnvironment({ LXD_ACCESS_SOCKET_PATH: server.socketPath });
    await project.up();
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    await sees();
  });

  it("is the address of LXD_ACCESS_ADDRESS, with the pair and the pin beside it", async () => {
    inEnvironment({
      LXD_ACCESS_ADDRESS: https.address,
      LXD_ACCESS_CLIENT_CERTIFICATE: https.clientCertificate,
      LXD_ACCESS_CLIENT_KEY: https.clientKey,
      LXD_ACCESS_SERVER_FINGERPRINT: https.serverFingerprint,
    });
    const before = listener.connections();
    await sees();
    assert.ok(listener.connections() > before);
  });

  it("is the host of LXD_ACCESS_SSH_HOST, behind the bastion of LXD_ACCESS_SSH_PROXY_JUMP_HOST", async () => {
    const passphrase = "open Sesame";
    const locked = bastion.addKey("locked", "ed25519", { passphrase });
    inEnvironment({
      LXD_ACCESS_SSH_HOST: sshd.host,
      LXD_ACCESS_SSH_PORT: sshd.port,
      LXD_ACCESS_SSH_USER: sshd.user,
      LXD_ACCESS_SSH_PRIVATE_KEY: sshd.privateKey,
      LXD_ACCESS_SSH_KNOWN_HOSTS_PATH: sshd.knownHostsPath,
      LXD_ACCESS_SSH_SOCKET_PATH: server.socketPath,
      LXD_ACCESS_SSH_PROXY_JUMP_HOST: bastion.host,
      LXD_ACCESS_SSH_PROXY_JUMP_PORT: bastion.port,
      LXD_ACCESS_SSH_PROXY_JUMP_USER: bastion.user,
      LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PATH: locked,
      LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PASSPHRASE: passphrase,
      LXD_ACCESS_SSH_PROXY_JUMP_HOST_KEY_FINGERPRINT: sshFingerprintOf(bastion.hostKey()),
      LXD_ACCESS_TIMEOUTS_CONNECT: 20,
    });
    const before = [bastion.logins(), sshd.logins()] as const;
    await sees();
    assert.ok(bastion.logins() > before[0] && sshd.logins() > before[1]);
  });

  it("is the remote of LXD_ACCESS_REMOTE", async () => {
    inEnvironment({ LXD_ACCESS_REMOTE: "prod", LXD_ACCESS_CONFIG_DIR: "./clients" });
    const before = listener.connections();
    await sees();
    assert.ok(listener.connections() > before);
  });

  it("is not another one because a variable is mistyped", async () => {
    inEnvironment({ LXD_ACCESS_SOCKETPATH: server.socketPath });
    const { code, output } = await project.run(["preview", "--refresh"]);
    assert.notEqual(code, 0);
    assert.match(
      output,
      /has LXD_ACCESS_SOCKETPATH, which is nothing .*LXD_ACCESS_SOCKET_PATH.*\[CONFIG_INVALID\]/s,
    );
  });

  const fromConfig: [title: string, values: () => Record<string, string>][] = [
    ["the address", () => https],
    ["the remote", () => ({ remote: "prod", configDir: "./clients" })],
  ];
  for (const [title, values] of fromConfig) {
    it(`is ${title} of stack config, whatever the environment names`, async () => {
      inEnvironment({ LXD_ACCESS_SOCKET_PATH: "/nonexistent/socket" });
      for (const [name, value] of Object.entries(values()))
        await project.configure(`lxd-access:${name}`, value, name === "clientKey" ? "secret" : "plain");
      const before = listener.connections();
      await sees();
      assert.ok(listener.connections() > before);
      for (const name of Object.keys(values())) await project.expect(0, "config", "rm", `lxd-access:${name}`);
    });
  }

  it("is found anew by a destroy, and leaves nothing of itself in state", async () => {
    inEnvironment({ LXD_ACCESS_SOCKET_PATH: server.socketPath });
    const traces = await project.traces();
    assert.ok(traces.includes("invitation"));
    for (const [what, text] of [
      ["the key of the client", https.clientKey],
      ["the key of the host", sshd.privateKey],
      ["the passphrase", "open Sesame\n"],
    ] as const) {
      const [line = ""] = text.split("\n").filter((one) => !one.startsWith("-----"));
      assert.ok(!traces.includes(line), what);
    }
    await project.destroy();
    assert.deepEqual(await view.pendingTokens(), []);
  });
});
