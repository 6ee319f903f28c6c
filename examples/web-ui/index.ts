import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";

const config = new pulumi.Config();
const user = config.get("user") ?? "alice";

const server = new HttpsAddress("server", { address: config.get("address") ?? "127.0.0.1:8443" });

// What the browser imports: certificate and key as PKCS#12. For the keychain of macOS say `pkcs12Encryption: "3des"`.
const certificate = new ClientCertificate(user, {
  validityDays: 365,
  pkcs12Password: config.requireSecret("pkcs12Password"),
});

// The server trusts the browser's certificate once its token is redeemed, which is done here and now.
const invitation = new TrustToken(
  user,
  {
    clientName: `${user}-browser`,
    ...(config.getBoolean("administrator") === true
      ? { restricted: false }
      : { projects: config.getObject<string[]>("projects") ?? ["default"] }),
    clientFingerprint: certificate.fingerprint,
  },
  { dependsOn: [server] },
);
const remote = new Remote(user, {
  token: invitation.token,
  addresses: invitation.addresses,
  serverFingerprint: server.serverFingerprint,
  clientCertificate: certificate.certificate,
  clientKey: certificate.privateKey,
});

export const open = pulumi.interpolate`https://${remote.address}`;
/** `pulumi stack output pkcs12 --show-secrets | base64 -d > browser.p12` */
export const pkcs12 = certificate.pkcs12;
export const expiresAt = certificate.expiresAt;
