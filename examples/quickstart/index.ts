import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";

const config = new pulumi.Config();

// 1. Expose: let the server listen on the network. Without a `connection` it is the server of the stack's
//    configuration (lxd-access:socketPath, lxd-access:address, ...), else the one on this machine.
const server = new HttpsAddress("server", {
  address: config.get("address") ?? "127.0.0.1:8443",
});

// 2. Invite: a one-shot token for a client that may use one project and nothing else.
const invitation = new TrustToken(
  "invitation",
  {
    clientName: config.get("clientName") ?? "quickstart",
    projects: [config.get("project") ?? "default"],
  },
  { dependsOn: [server] },
);

// 3. Join: redeem the token with a key of its own, pin the server, and let `lxc` use it as a remote.
const key = new ClientCertificate("key");
const remote = new Remote("remote", {
  name: config.get("remoteName") ?? "quickstart",
  token: invitation.token,
  clientCertificate: key.certificate,
  clientKey: key.privateKey,
  configDir: config.get("configDirectory") ?? "~/.config/lxd-access-quickstart",
  configFlavor: server.serverType,
});

export const listensOn = server.effectiveAddress;
export const serverVersion = server.serverVersion;
export const clientFingerprint = key.fingerprint;
export const projects = remote.projects;
