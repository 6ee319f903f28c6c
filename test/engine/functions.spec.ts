/** The functions in a program, by the real engine. */
import * as assert from "node:assert/strict";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const program = `
import * as pulumi from "@pulumi/pulumi";
import * as lxd from "pulumi-lxd-access";
const address = new pulumi.Config().require("address");
const server = new lxd.HttpsAddress("server", { address });
const invitation = new lxd.TrustToken("ci", { clientName: "ci", projects: [] }, { dependsOn: [server] });
const remote = new lxd.Remote("prod", { token: invitation.token, configDir: "./lxc", setDefault: true });

export const held = lxd.getServerOutput({}, { dependsOn: server }).address;
export const loopback = lxd
  .getServerAddressesOutput({}, { dependsOn: [server] })
  .addresses.apply((all) => all.find((one) => one.interface === "lo" && one.family === "inet")?.address);
export const names = lxd
  .listRemotesOutput({ configDir: "./lxc" }, { dependsOn: [remote] })
  .remotes.apply((all) => all.filter((one) => !one.static).map((one) => one.name));
export const usual = lxd.getDefaultRemoteOutput({ configDir: "./lxc" }, { dependsOn: [remote] }).name;
export const decoded = lxd.decodeTrustTokenOutput({ token: invitation.token });
`;

describeWith(["pulumi", "lxd-daemon"], "the functions in a program", function () {
  this.timeout(300_000);
  let server: TestServer;
  let project: PulumiProject;
  let address: string;

  before(async () => {
    server = await startServer("lxd-daemon");
    address = `127.0.0.1:${await freePort()}`;
    project = await PulumiProject.create(program, {
      config: { "test:address": address, "lxd-access:socketPath": server.socketPath },
    });
  });
  after(async () => {
    await server.stop();
    project.remove();
  });

  it("are not called in a preview before what they depend on is there", async () => {
    const offline = await PulumiProject.create(program, {
      config: { "test:address": address, "lxd-access:socketPath": "/nonexistent/unix.socket" },
    });
    try {
      await offline.expect(0, "preview");
    } finally {
      offline.remove();
    }
  });

  it("answer what is there, in plain text, and let the program end", async () => {
    await project.up();
    const shown = JSON.parse(await project.expect(0, "stack", "output", "--json")) as Record<string, unknown>;
    assert.equal(shown["held"], address);
    assert.equal(shown["held"], await viewOf(server).address());
    assert.equal(shown["loopback"], "127.0.0.1");
    assert.ok((shown["names"] as string[]).includes("prod"));
    assert.equal(shown["usual"], "prod");
    const { clientName, addresses, kind } = shown["decoded"] as Record<string, unknown>;
    assert.deepEqual([clientName, addresses, kind], ["ci", [address], "certificate"]);
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    await project.destroy();
  });
});
