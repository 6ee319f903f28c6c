/** Onboarding by the real engine on a real LXD, beyond what the examples show. */
import * as assert from "node:assert/strict";
import { join } from "node:path";
import { runClient } from "../support/client-command";
import { startTestCluster, type TestCluster } from "../support/cluster";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** A program with an Onboarding; its inputs are those of the stack's configuration. */
const program = `
import * as pulumi from "@pulumi/pulumi";
import { Onboarding } from "pulumi-lxd-access";
const listens = new pulumi.Config().requireObject<object>("listens");
new Onboarding("edge", { ...listens, projects: ["default"], configDir: "./client" });
`;

describeWith(["pulumi", "lxd-daemon"], "an Onboarding", function () {
  this.timeout(300_000);
  let server: TestServer;
  let project: PulumiProject;

  beforeEach(async () => {
    server = await startServer("lxd-daemon");
    project = await PulumiProject.create(program, { config: { "lxd-access:socketPath": server.socketPath } });
  });
  afterEach(async () => {
    await server.stop();
    project.remove();
  });

  /** Has the program say where the server listens. */
  const listen = (choice: object): Promise<void> => project.configure("test:listens", JSON.stringify(choice));
  const lxc = (...args: string[]): Promise<string> =>
    runClient("lxd", join(project.directory, "client"), ...args, "--format", "json");
  /** Where the real client goes for the remote. */
  async function remoteAddress(): Promise<string> {
    const listed = JSON.parse(await lxc("remote", "list")) as Record<string, { Addr: string } | undefined>;
    return listed["edge"]?.Addr ?? "";
  }
  const settled = (): Promise<string> => project.expect(0, "preview", "--refresh", "--expect-no-changes");

  it("by subnet: the server's own address in it, moved to another port, and taken back", async () => {
    for (const port of [await freePort(), await freePort()]) {
      await listen({ subnet: "127.0.0.0/8", port });
      await project.up();
      assert.equal(await viewOf(server).address(), `127.0.0.1:${port}`);
      assert.equal(await remoteAddress(), `https://127.0.0.1:${port}`);
      assert.deepEqual(JSON.parse(await lxc("list", "edge:")), []);
      await settled();
    }
    await project.destroy();
    assert.equal(await viewOf(server).address(), "");
    assert.deepEqual(await viewOf(server).clients(), []);
  });

  it("a client directory whose client is trusted already: said to be, it is adopted, and no token waits for nobody", async () => {
    const view = viewOf(server);
    const address = await view.listen();
    const token = await view.issueToken("me", { restricted: true, projects: ["default"] });
    await runClient("lxd", join(project.directory, "client"), "remote", "add", "before", token);
    const [me, ...others] = await view.clients();
    assert.ok(me !== undefined && others.length === 0);
    await listen({ address, clientFingerprint: me.fingerprint });
    await project.up();
    assert.deepEqual(await view.pendingTokens(), []);
    assert.deepEqual(JSON.parse(await lxc("list", "edge:")), []);
    await settled();
    await project.destroy();
    assert.deepEqual(await view.clients(), [me], "what was found is left");
  });

  it("a certificate that turns out to be undefined is refused as that", async () => {
    project.write(
      "index.ts",
      program
        .replace("projects:", "clientCertificate: none, clientKey: none, projects:")
        .replace("new Onboarding", "const none = pulumi.output<any>(undefined);\nnew Onboarding"),
    );
    await listen({ address: ":1" });
    const { code, output } = await project.run(["preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /Onboarding: clientCertificate is there, but undefined; leave it out/);
    assert.equal(await viewOf(server).address(), "");
  });
});

describeWith(
  ["pulumi", "lxd-cluster"],
  "an Onboarding of a cluster's member, through another one",
  function () {
    this.timeout(300_000);
    let cluster: TestCluster;
    let project: PulumiProject;

    before(async () => {
      cluster = await startTestCluster();
      project = await PulumiProject.create(program, {
        config: { "lxd-access:socketPath": cluster.a.socketPath },
      });
    });
    after(async () => {
      await cluster.stop();
      project.remove();
    });

    it("joins at the one that issued the token, and destroy leaves that one's address", async () => {
      const { a, b } = cluster;
      const [ofA, ofB] = [await a.freeAddress(), await b.freeAddress()];
      await a.view.setAddress(ofA);
      await project.configure("test:listens", JSON.stringify({ address: ofB, target: "b" }));
      await project.up();
      assert.equal(await b.view.address(), ofB);
      const clients = (await b.view.clients()).filter(({ type }) => type === "client");
      assert.deepEqual(
        clients.map(({ name }) => name),
        ["edge"],
      );
      assert.deepEqual(await a.view.pendingTokens(), []);
      const client = join(project.directory, "client");
      assert.deepEqual(JSON.parse(await runClient("lxd", client, "list", "edge:", "--format", "json")), []);
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
      await project.destroy();
      assert.deepEqual([await a.view.address(), await b.view.address()], [ofA, ""]);
      assert.deepEqual(
        (await b.view.clients()).filter(({ type }) => type === "client"),
        [],
      );
    });
  },
);
