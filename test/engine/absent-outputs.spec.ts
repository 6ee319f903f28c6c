/** A token that is not there, because the client is trusted already, is no change to the Remote that would redeem it. */
import { PulumiProject } from "../support/pulumi-project";
import { freePort } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** The same program for each front. */
const programs = {
  typescript: `
import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
const server = new HttpsAddress("server", { address: new pulumi.Config().require("address") });
const key = new ClientCertificate("key", { pkcs12Password: pulumi.secret<string | undefined>(undefined) as pulumi.Output<string> });
const pair = { clientCertificate: key.certificate, clientKey: key.privateKey };
const first = new TrustToken("first", { clientName: "ci", projects: ["default"] }, { dependsOn: [server] });
const joined = new Remote("joined", { token: first.token, ...pair });
const second = new TrustToken(
  "second",
  { clientName: "ci", projects: ["default"], clientFingerprint: key.fingerprint },
  { dependsOn: [joined] },
);
new Remote("adopted", {
  token: second.token,
  addresses: joined.addresses,
  serverFingerprint: joined.serverFingerprint,
  ...pair,
});
`,
  yaml: `
config: { address: { type: string } }
resources:
  server: { type: "lxd-access:HttpsAddress", properties: { address: "\${address}" } }
  key: { type: "lxd-access:ClientCertificate" }
  first:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [default] }
    options: { dependsOn: ["\${server}"] }
  joined:
    type: lxd-access:Remote
    properties:
      token: \${first.token}
      clientCertificate: \${key.certificate}
      clientKey: \${key.privateKey}
  second:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [default], clientFingerprint: "\${key.fingerprint}" }
    options: { dependsOn: ["\${joined}"] }
  adopted:
    type: lxd-access:Remote
    properties:
      token: \${second.token}
      addresses: \${joined.addresses}
      serverFingerprint: \${joined.serverFingerprint}
      clientCertificate: \${key.certificate}
      clientKey: \${key.privateKey}
`,
};

for (const language of ["typescript", "yaml"] as const) absent(language);

function absent(language: keyof typeof programs): void {
  const front = language === "yaml" ? "the plugin" : "the dynamic front";

  describeWith(["pulumi", "lxd-daemon"], `by ${front}, an output that is not there`, function () {
    this.timeout(300_000);

    let server: TestServer;
    let project: PulumiProject;

    before(async () => {
      server = await startServer("lxd-daemon");
      project = await PulumiProject.create(programs[language], {
        language,
        config: {
          "test:address": `127.0.0.1:${await freePort()}`,
          "lxd-access:socketPath": server.socketPath,
        },
      });
    });

    after(async () => {
      await server.stop();
      project.remove();
    });

    it("is nothing that what uses it would have to wait for", async () => {
      await project.up();
      await project.expect(0, "preview", "--expect-no-changes");
      await project.expect(0, "preview", "--refresh", "--expect-no-changes");
      await project.destroy();
    });
  });
}
