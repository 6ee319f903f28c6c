/** Inputs that no check finds anything wrong with. */
import { makePair } from "../support/openssl-pair";

export type Properties = Record<string, unknown>;

/** A client's key pair, and a server's fingerprint. */
export const client = makePair("client");
export const fingerprint = "b666fe92".repeat(8);

/** Trust tokens of both kinds; secret, were they not made up. */
export const token = tokenOf({});
export const identityToken = tokenOf({ type: "Client certificate" });

export const pair = { clientCertificate: client.certificate, clientKey: client.privateKey };

/** Ways in, right ones. */
export const https = {
  address: "lxd.example.org",
  ...pair,
  serverFingerprint: fingerprint,
  timeouts: { connect: 5, request: 0.5 },
};
export const pinnedByCertificate = {
  ...without(https, "serverFingerprint"),
  serverCertificate: client.certificate,
};
export const socket = { socketPath: "/var/lib/lxd/unix.socket" };
const hopByKey = {
  ...{ host: "10.0.0.11", port: 2222, user: "root" },
  ...{ privateKey: client.privateKey, privateKeyPassphrase: "a passphrase" },
  hostKeyFingerprint: `SHA256:${"b6/+".repeat(10)}b66`,
};
const hopByFiles = { host: "fd00::1", privateKeyPath: "~/.ssh/edge", knownHostsPath: "./known_hosts" };
export const sshByKey = {
  ssh: { ...hopByKey, proxyJump: hopByKey, socketPath: "/run/incus/unix.socket" },
};
export const sshByFiles = { ssh: { ...hopByFiles, proxyJump: hopByFiles } };
export const sshByAgent = {
  ssh: { host: "edge.example.org", agent: true, proxyJump: { host: "bastion", agent: "/run/agent.socket" } },
};
export const remote = { remote: "prod", configDir: "~/.config/lxc" };

/** Inputs that no resource finds anything wrong with. */
export const right = {
  clientCertificate: {
    commonName: "ci",
    keyAlgorithm: "Ed25519",
    validityDays: 365,
    rotateBeforeDays: 30,
    pkcs12Password: "a password",
    pkcs12Encryption: "3des",
  },
  httpsAddress: {
    address: "[fd00::1]:8443",
    target: "member-1",
    floating: true,
    verify: false,
    allowLockout: false,
    connection: https,
  },
  bySubnet: { subnet: "10.68.0.0/16", family: "inet", port: 443, target: "member-1", connection: https },
  byInterface: { interface: "enp5s0", family: "inet6", port: 65535, floating: false, connection: https },
  trustToken: {
    clientName: "ci",
    projects: ["default", "ci"],
    restricted: true,
    addresses: ["lxd.example.org", "https://[fd00::1]:443"],
    clientFingerprint: fingerprint,
    revokeClientOnDelete: false,
    connection: https,
  },
  identityToken: { clientName: "-x/é %", groups: ["admins", "a b"], kind: "identity" },
  invited: { name: "prod", token },
  known: {
    name: "prod",
    addresses: ["10.0.0.11", "lxd.example.org:443"],
    serverFingerprint: fingerprint,
    ...pair,
    project: "ci",
    configDir: "~/.config/lxc",
    configFlavor: "incus",
    setDefault: true,
    revokeOnDelete: false,
    pkcs12Password: "a password",
    pkcs12Encryption: "3des",
    timeouts: { connect: 5, request: 0.5 },
  },
  imageServer: {
    name: "images",
    public: true,
    addresses: ["lxd.example.org"],
    serverFingerprint: fingerprint,
    configDir: "~/.config/incus",
    configFlavor: "incus",
    setDefault: true,
  },
  mirror: {
    name: "mirror",
    public: true,
    protocol: "simplestreams",
    addresses: ["https://images.example.org"],
    serverCertificate: client.certificate,
    configDir: "~/.config/lxc",
  },
};

function tokenOf(more: Properties): string {
  const content = {
    client_name: "ci",
    fingerprint,
    addresses: ["10.0.0.11:8443"],
    secret: "29d3b944".repeat(8),
    expires_at: "0001-01-01T00:00:00Z",
    ...more,
  };
  return Buffer.from(JSON.stringify(content)).toString("base64");
}

/** The inputs without one property. */
export function without(inputs: Properties, property: string): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => name !== property));
}
