/** Mistakes in a program: told by property and all together, before anything on a real server changes. */
import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** Two resources that are right, and one that is given as text. */
function programWith(resource: string): string {
  return `
import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
const connection = { socketPath: new pulumi.Config().require("socket") };
const address = new pulumi.Config().require("address");
const server = new HttpsAddress("server", { address, connection });
const invitation = new TrustToken("invitation", { clientName: "ci", projects: [], connection }, { dependsOn: server });
// Out of a file, as it were: nothing that the compiler could find fault with.
const given = (args: object): any => args;
${resource}
`;
}

describeWith(["pulumi", "lxd-daemon"], "mistakes in a program", function () {
  this.timeout(300_000);

  let server: TestServer;
  let view: ServerView;
  let project: PulumiProject;
  let address: string;

  const everything = async (): Promise<unknown[]> => [
    await view.request("GET", "/1.0"),
    await view.request("GET", "/1.0/certificates?recursion=1"),
    await view.pendingTokens(),
    await view.request("GET", "/1.0/projects?recursion=1"),
  ];
  const fails = async (...args: string[]): Promise<string> => {
    const { code, output } = await project.run(args);
    assert.notEqual(code, 0, output);
    return output;
  };

  before(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    address = `127.0.0.1:${await freePort()}`;
    const config = { "test:socket": server.socketPath, "test:address": address };
    project = await PulumiProject.create(programWith(""), { config });
  });

  after(async () => {
    await server.stop();
    project.remove();
  });

  // All of one resource, that is: the engine goes no further than the first resource in which there are any.
  it("are all shown by a preview, each with its property, and nothing changes", async () => {
    project.write(
      "index.ts",
      programWith(`
        new Remote("prod", given({
          name: "a/b", token: "a token", addresses: ["http://x", 7], serverFingerprint: "ab", clientKey: "./client.key",
          project: "", configDir: "./lxc", configFlavor: "lxc", setDefault: "yes", timeouts: { connect: 0, total: 5 }, colour: "red",
        }));
      `),
    );
    const before = await everything();
    const output = await fails("preview");
    const address = 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"';
    for (const mistake of [
      'name: "a/b" holds "/"',
      "token: is not a trust token as servers issue them",
      `addresses[0]: ${address}`,
      "addresses[1]: must be a string",
      "serverFingerprint: must be a SHA-256 fingerprint: 64 hex digits",
      "clientKey: must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding",
      "clientCertificate: is required beside clientKey",
      "project: must not be empty",
      'configFlavor: must be "lxd" or "incus"',
      "setDefault: must be a boolean",
      "timeouts.connect: must be more than 0 seconds",
      "timeouts.total: is not a property of timeouts",
      "colour: is not a property of this resource",
    ]) {
      assert.ok(output.includes(`resource 'prod' has a problem: ${mistake}\n`), `${mistake}\n${output}`);
    }
    assert.match(output, /Remote prod\s+13 errors/);
    assert.deepEqual(await everything(), before);
    assert.equal(existsSync(join(project.directory, "lxc")), false);
  });

  const wrongConnection = `new HttpsAddress("wrong", { address: "10.0.0.11", connection: given({ address: "lxd" }) }, { dependsOn: invitation });`;

  it("keep `pulumi up` from beginning", async () => {
    project.write("index.ts", programWith(wrongConnection));
    const before = await everything();
    const output = await fails("up", "--yes");
    for (const name of ["clientCertificate", "clientKey", "serverFingerprint"])
      assert.ok(
        output.includes(`resource 'wrong' has a problem: connection.${name}: is required with address`),
      );
    assert.deepEqual(await everything(), before);
  });

  // Without a preview the engine checks a resource when its turn comes, so what it depends on is made by then.
  it("stop an `up` without preview at their resource, and what was made before it is recorded", async () => {
    const output = await fails("up", "--yes", "--skip-preview");
    assert.match(output, /resource 'wrong' has a problem: connection\.clientKey: is required with address/);
    assert.equal(await view.address(), address);
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    await project.destroy();
    assert.equal(await view.address(), "");
    assert.deepEqual(await view.pendingTokens(), []);
  });
});
