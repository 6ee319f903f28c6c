/** The main job, expose, invite and join, for each front. What it listens on is the setting `test:address`. */
export const mainJobPrograms = {
  typescript: `
import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
const config = new pulumi.Config();
const server = new HttpsAddress("server", { address: config.require("address") });
const invitation = new TrustToken("invitation", { clientName: "ci", projects: ["default"] }, { dependsOn: [server] });
const key = new ClientCertificate("key");
const remote = new Remote("prod", {
  token: invitation.token,
  clientCertificate: key.certificate,
  clientKey: key.privateKey,
  configDir: "./lxc",
  setDefault: true,
});
export const token = invitation.token;
export const privateKey = key.privateKey;
export const clientFingerprint = key.fingerprint;
export const configState = remote.configState;
`,
  yaml: `
config: { address: { type: string } }
resources:
  server: { type: "lxd-access:HttpsAddress", properties: { address: "\${address}" } }
  invitation:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [default] }
    options: { dependsOn: ["\${server}"] }
  key: { type: "lxd-access:ClientCertificate" }
  prod:
    type: lxd-access:Remote
    properties:
      token: \${invitation.token}
      clientCertificate: \${key.certificate}
      clientKey: \${key.privateKey}
      configDir: ./lxc
      setDefault: true
outputs:
  token: \${invitation.token}
  privateKey: \${key.privateKey}
  clientFingerprint: \${key.fingerprint}
  configState: \${prod.configState}
`,
};
