/** The examples in the documents of each resource and function. */
import type { FunctionName, ResourceName } from "../registry";
import { type Program, Reference, Setting, type Step } from "./programs/program";

const server: Step = { resource: "HttpsAddress", name: "server", args: { address: "10.0.0.11:8443" } };
const invitation: Step = {
  resource: "TrustToken",
  name: "invitation",
  args: { clientName: "ci", projects: ["default"] },
  dependsOn: "server",
};

/** For each resource, the usual one first. */
export const resourceExamples: Readonly<Record<ResourceName, readonly Program[]>> = {
  ClientCertificate: [
    {
      title: "A key that is renewed in time",
      steps: [{ resource: "ClientCertificate", name: "ci", args: { rotateBeforeDays: 30 } }],
      outputs: { fingerprint: new Reference("ci", "fingerprint") },
    },
    {
      title: "A certificate for the web interface, to import into a browser",
      steps: [
        {
          resource: "ClientCertificate",
          name: "browser",
          args: {
            keyAlgorithm: "ECDSA-P256",
            validityDays: 365,
            pkcs12Password: new Setting("archivePassword"),
          },
        },
      ],
      outputs: { archive: new Reference("browser", "pkcs12") },
    },
  ],
  HttpsAddress: [
    { title: "A server that listens on one address", steps: [server] },
    {
      title: "A bare host through SSH, on its own address in a subnet",
      steps: [
        {
          resource: "HttpsAddress",
          name: "edge",
          args: {
            subnet: "10.68.0.0/16",
            connection: { ssh: { host: "edge-1.example.org", user: "root" } },
          },
        },
      ],
      outputs: { address: new Reference("edge", "effectiveAddress") },
    },
  ],
  Remote: [
    {
      title: "Join a server, and let lxc use it",
      steps: [
        server,
        invitation,
        {
          resource: "Remote",
          name: "prod",
          args: { token: new Reference("invitation", "token"), configDir: "~/.config/lxc" },
        },
      ],
    },
    {
      title: "Join it with a key that the stack keeps",
      steps: [
        server,
        invitation,
        { resource: "ClientCertificate", name: "key", args: {} },
        {
          resource: "Remote",
          name: "prod",
          args: {
            token: new Reference("invitation", "token"),
            clientCertificate: new Reference("key", "certificate"),
            clientKey: new Reference("key", "privateKey"),
          },
        },
      ],
    },
    {
      title: "An image server",
      steps: [
        {
          resource: "Remote",
          name: "mirror",
          args: {
            addresses: ["https://images.example.org"],
            protocol: "simplestreams",
            configDir: "~/.config/lxc",
          },
        },
      ],
    },
  ],
  TrustToken: [
    { title: "A client of one project", steps: [server, invitation] },
    {
      title: "A client with the rights of groups",
      steps: [
        { resource: "TrustToken", name: "ops", args: { clientName: "operator", groups: ["operators"] } },
      ],
      outputs: { token: new Reference("ops", "token") },
    },
  ],
};

/** Ids to import, the usual one first. */
export const importExamples: Readonly<Record<ResourceName, readonly string[]>> = {
  ClientCertificate: ["~/.config/lxc", "./keys/ci.crt"],
  HttpsAddress: ["core.https_address", "prod:core.https_address@node1"],
  Remote: ["prod", "prod:~/.config/incus"],
  TrustToken: ["certificate/ci", "prod:identity/operator"],
};

const clientDirectory = { configDir: "~/.config/lxc" };

export const functionExamples: Readonly<Record<FunctionName, Program>> = {
  decodeTrustToken: {
    title: "Where a token leads",
    steps: [{ ask: "decodeTrustToken", name: "decoded", args: { token: new Setting("token") } }],
    outputs: { addresses: new Reference("decoded", "addresses") },
  },
  getDefaultRemote: {
    title: "The default remote of lxc",
    steps: [{ ask: "getDefaultRemote", name: "remote", args: clientDirectory }],
    outputs: { defaultRemote: new Reference("remote", "name") },
  },
  getServer: {
    title: "The pin of a server",
    steps: [{ ask: "getServer", name: "server", args: {} }],
    outputs: { fingerprint: new Reference("server", "serverFingerprint") },
  },
  getServerAddresses: {
    title: "The addresses of a member of a cluster",
    steps: [{ ask: "getServerAddresses", name: "member", args: { target: "node1" } }],
    outputs: { addresses: new Reference("member", "addresses") },
  },
  listRemotes: {
    title: "The remotes of lxc",
    steps: [{ ask: "listRemotes", name: "listed", args: clientDirectory }],
    outputs: { remotes: new Reference("listed", "remotes") },
  },
};
