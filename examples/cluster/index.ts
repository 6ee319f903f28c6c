import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";

const config = new pulumi.Config();

// Address by member. The connection may go to any of them; it is the stack's `lxd-access:*` configuration here.
const addresses = config.requireObject<Record<string, string>>("members");
const listeners = Object.entries(addresses).map(
  ([target, address]) => new HttpsAddress(target, { target, address }),
);

// Members share the trust store and the certificate, so one invitation opens the whole cluster. It is redeemed at the member
// that issued it, whose addresses are in the token: LXD 5.0 spends a token that is sent to another one, for nothing.
const key = new ClientCertificate("ci");
const invitation = new TrustToken(
  "ci",
  {
    clientName: "ci",
    projects: ["default"],
    clientFingerprint: key.fingerprint,
  },
  { dependsOn: listeners },
);
const remote = new Remote("cluster", {
  token: invitation.token,
  addresses: invitation.addresses,
  serverFingerprint: invitation.serverFingerprint,
  clientCertificate: key.certificate,
  clientKey: key.privateKey,
  configDir: config.get("configDirectory") ?? "~/.config/lxd-access-cluster",
});

export const joinedAt = remote.address;
export const members = pulumi.all(listeners.map(({ effectiveAddress }) => effectiveAddress));
