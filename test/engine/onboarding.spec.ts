/** Onboarding by the real engine on a real LXD, beyond what the examples show. */
import * as assert from "node:assert/strict";
import { join } from "node:path";
import { runClient } from "../support/client-command";
import { ExtraAddresses, noExtraAddresses } from "../support/extra-addresses";
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
  const machine = new ExtraAddresses();
  let server: TestServer;
  let project: PulumiProject;

  beforeEach(async () => {
    server = await startServer("lxd-daemon");
    project = await PulumiProject.create(program, { config: { "lxd-access:socketPath": server.socketPath } });
  });
  afterEach(async () => {
    machine.removeAll();
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

  it("on every interface: one that comes, or goes, is no change", async function () {
    const reason = noExtraAddresses();
    if (reason !== undefined) {
      Object.assign(this.test ?? {}, { skipReason: reason });
      this.skip();
    }
    machine.add("198.51.100.11/32");
    machine.add("198.51.100.12/32");
    await listen({ address: `:${await freePort()}` });
    await project.up();
    await settled();
    machine.add("198.51.100.13/32");
    await settled();
    machine.remove("198.51.100.12/32");
    await settled();
    const elsewhere = await freePort();
    await listen({ address: `:${elsewhere}` });
    await project.up();
    assert.match(await remoteAddress(), new RegExp(`:${elsewhere}$`));
    await project.destroy();
    assert.deepEqual(await viewOf(server).clients(), []);
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
