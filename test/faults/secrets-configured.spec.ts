/** Secrets in stack config and in the environment, where Pulumi hands them on, and what Pulumi itself writes into its logs. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { itFinds, serverNamed, someOf } from "../support/faults/finding";
import { filesIn } from "../support/faults/secret-search";
import { SecretStage } from "../support/faults/secret-stage";
import { type AdminClient, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";

const server = serverNamed("lxd-daemon");
/** What `pulumi up` counts where not all is as it was. */
const changes = /\d+ (created|updated|replaced|deleted)/;

describeWith(["pulumi", "lxd-daemon", "sshd"], "Secrets in stack config and environment", function () {
  this.timeout(300_000);
  let daemon: TestServer;
  let view: ServerView;
  let admin: AdminClient;
  let sshd: TestSshd;
  let stage: SecretStage;

  before(async () => {
    [daemon, sshd, stage] = await Promise.all([
      startServer("lxd-daemon"),
      startTestSshd(),
      SecretStage.set(),
    ]);
    view = viewOf(daemon);
    admin = await openHttps(daemon);
    stage.search.remember("the key of the connection", admin.connection.clientKey);
    stage.give({
      resources: [["TrustToken", "ci", { clientName: "ci", projects: [] }]],
      functions: [["getServer", {}]],
    });
  });
  after(async () => {
    await Promise.all([daemon.stop(), sshd.stop()]);
    stage.remove();
  });

  const configure = async (values: Readonly<Record<string, string>>, ...secret: string[]): Promise<void> => {
    for (const [name, value] of Object.entries(values))
      await stage.project.configure(`lxd-access:${name}`, value, secret.includes(name) ? "secret" : "plain");
  };
  /** What holds a secret beyond the variable by which Pulumi gives a program its config. */
  const elsewhere = (): string[] =>
    stage.found().filter((where) => !/^a secret in PULUMI_CONFIG of the /.test(where));

  /** The variables that hold a secret: without any, nothing shows that one is looked for where it was given. */
  const variables = (): string => {
    const found = stage.variablesWithSecrets();
    assert.notDeepEqual(found, []);
    return found.join(", ");
  };

  itFinds("the key of a client in the environment", async () => {
    const { address, clientCertificate, clientKey, serverFingerprint } = admin.connection;
    Object.assign(stage.project.env, {
      LXD_ACCESS_ADDRESS: address,
      LXD_ACCESS_CLIENT_CERTIFICATE: clientCertificate,
      LXD_ACCESS_CLIENT_KEY: clientKey,
      LXD_ACCESS_SERVER_FINGERPRINT: serverFingerprint,
    });
    await stage.runs("up", "--yes", "--skip-preview", "--show-full-output");
    await stage.rememberMade();
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    const fault = "the key of the connection in LXD_ACCESS_CLIENT_KEY";
    const left = stage.left();
    for (const name of Object.keys(stage.project.env))
      if (/^LXD_ACCESS_(?!TEST_)/.test(name)) stage.project.env[name] = "";
    return { kind: "fault", fault, server, happened: "created", left };
  });

  itFinds("the key of a client in stack config, as a secret", async () => {
    await configure(admin.connection, "clientKey");
    assert.doesNotMatch(await stage.runs("up", "--yes", "--diff", "--show-full-output"), changes);
    await stage.runs("refresh", "--yes", "--run-program", "--diff");
    await stage.runs("stack", "export");
    assert.deepEqual(elsewhere(), []);
    const where = variables();
    const fault = "the key of the connection in stack config, as a secret";
    return { kind: "fault", fault, server, happened: "nothing to change", left: `found only in ${where}` };
  });

  itFinds(
    "the key of an SSH host inside an object of stack config, as a secret",
    async () => {
      for (const name of Object.keys(admin.connection))
        await stage.runs("config", "rm", `lxd-access:${name}`);
      const { host, port, user, privateKey, knownHostsPath } = sshd.connection;
      stage.search.remember("the key of the SSH host", privateKey);
      const plain = { host, port: String(port), user, knownHostsPath, socketPath: daemon.socketPath };
      for (const [name, value] of Object.entries({ ...plain, privateKey })) {
        const kind = name === "privateKey" ? ["--secret"] : [];
        const args = ["config", "set", "--path", ...kind, `lxd-access:ssh.${name}`];
        assert.equal((await stage.project.run(args, value)).code, 0);
      }
      assert.doesNotMatch(await stage.runs("up", "--yes", "--diff", "--show-full-output"), changes);
      await stage.runs("stack", "export");
      assert.deepEqual(elsewhere(), []);
      const where = variables();
      const fault = "the key of an SSH host in an object of stack config, as a secret";
      return { kind: "fault", fault, server, happened: "nothing to change", left: `found only in ${where}` };
    },
    { isLong: true },
  );

  itFinds("what Pulumi itself writes when it is told to tell more", async () => {
    const { project, search } = stage;
    const before = project.transcript;
    const tell = async (...args: string[]): Promise<string> => {
      const { output } = await project.run(["preview", ...args]);
      return search.in(output).length > 0 ? "secrets in the output" : "none in the output";
    };
    const told: [args: string, seen: string][] = [];
    for (const args of someOf(["-v=2 --logtostderr", "-v=3 --logtostderr", "--debug", "-v=9"]))
      told.push([args, await tell(...args.split(" "))]);
    const temporary = join(project.directory, ".tmp");
    const inFile = filesIn(temporary).some(
      (path) => search.in(readFileSync(join(temporary, path), "utf8")).length > 0,
    );
    project.transcript = before;
    assert.equal(told[0]?.[1], "none in the output");
    return told.map(([args, seen]) => ({
      ...({ kind: "fault", fault: `pulumi preview ${args}`, server, happened: "Pulumi's own log" } as const),
      left: args === "-v=9" && inFile ? `${seen}; secrets in a file in the temporary folder` : seen,
    }));
  });

  it("and nothing is left", async () => {
    await stage.project.destroy();
    assert.deepEqual(await view.pendingTokens(), []);
  });
});
