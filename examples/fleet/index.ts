import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";

/** A server that listens already and trusts the administrator's certificate below. */
interface Host {
  name: string;
  /** Where the administrator reaches it now. */
  address: string;
  /** SHA-256 of its certificate, as `lxc info` shows it. */
  fingerprint: string;
  /** What it should listen on; default: what it is reached by. */
  listen?: string;
}

const config = new pulumi.Config();
const hosts = config.requireObject<Host[]>("hosts");
const clientCertificate = config.require("adminCertificate");
const clientKey = config.requireSecret("adminKey");

// One identity for the whole fleet. It is in the stack's state before any token is spent.
const ci = new ClientCertificate("ci");

export const remotes = hosts.map((host) => {
  const connection = {
    address: host.address,
    clientCertificate,
    clientKey,
    serverFingerprint: host.fingerprint,
  };
  const server = new HttpsAddress(host.name, { address: host.listen ?? host.address, connection });
  const invitation = new TrustToken(
    host.name,
    { clientName: "ci", projects: config.getObject<string[]>("projects") ?? ["default"], connection },
    { dependsOn: [server] },
  );
  const remote = new Remote(host.name, {
    token: invitation.token,
    clientCertificate: ci.certificate,
    clientKey: ci.privateKey,
    configDir: config.get("configDirectory") ?? "~/.config/lxd-access-fleet",
    configFlavor: server.serverType,
  });
  return pulumi.interpolate`${remote.name}: ${remote.address} (${remote.serverVersion})`;
});
