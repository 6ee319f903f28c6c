/** What `check` finds in several properties together, before anything is asked of a server. */
import * as assert from "node:assert/strict";
import type { ResourceName } from "../../provider/registry";
import { unknownValue } from "../../provider/unknown";
import { Stack } from "../support/stack";
import { openssl } from "../unit/pki/openssl";
import { https, type Properties, remote, right, socket, sshByAgent } from "./right-inputs";

const stack = new Stack("/nonexistent");

/** What the inputs are, for a title. */
function outline(inputs: Properties): string {
  return Object.entries(inputs)
    .map(([key, value]) =>
      key === "connection" ? `connection {${Object.keys(value as object).join(", ")}}` : key,
    )
    .join(", ");
}

describe("what several properties say together", () => {
  const only = { address: "lxd.example.org" };
  const { serverFingerprint, clientCertificate, clientKey } = https;
  const serverCertificate = clientCertificate;
  const protectedKey = openssl(["pkcs8", "-topk8", "-passout", "pass:secret"], clientKey);
  const at = (connection: unknown): Properties => ({ address: ":8443", connection });
  const cases: [name: ResourceName, inputs: Properties, mistakes: string[]][] = [
    [
      "HttpsAddress",
      at({ ...https, socketPath: "/x" }),
      ["connection: names two ways in; keep socketPath or address"],
    ],
    [
      "HttpsAddress",
      at({ socketPath: "/x", clientKey, serverFingerprint }),
      [
        "connection.clientKey: belongs to address, not to socketPath",
        "connection.serverFingerprint: belongs to address, not to socketPath",
      ],
    ],
    [
      "HttpsAddress",
      at({ ...https, serverCertificate }),
      ["connection.serverFingerprint: is one pin too many beside serverCertificate; keep one of them"],
    ],
    [
      "HttpsAddress",
      at({ ...only, clientKey, serverFingerprint }),
      ["connection.clientCertificate: is required with address"],
    ],
    [
      "HttpsAddress",
      at({ ...only, clientCertificate, serverFingerprint }),
      ["connection.clientKey: is required with address"],
    ],
    [
      "HttpsAddress",
      at({ ...only, clientCertificate, clientKey }),
      [
        "connection.serverFingerprint: is required with address, or serverCertificate instead: a server is never trusted on first use",
      ],
    ],
    ["HttpsAddress", at({ socketpath: "/x" }), ["connection.socketpath: is not a property of connection"]],
    [
      "HttpsAddress",
      at({ ...https, ...sshByAgent, ...remote }),
      ["connection: names 3 ways in; keep address, ssh or remote"],
    ],
    [
      "HttpsAddress",
      at({ ...socket, configDir: "~" }),
      ["connection.configDir: belongs to remote, not to socketPath"],
    ],
    [
      "HttpsAddress",
      at({ ...sshByAgent, serverFingerprint }),
      ["connection.serverFingerprint: belongs to address, not to ssh"],
    ],
    ["HttpsAddress", at({ remote: "prod" }), []],
    ["HttpsAddress", at({ ssh: { host: "edge", privateKey: null, agent: false } }), []],
    ["HttpsAddress", at({ ssh: {} }), ["connection.ssh.host: is required"]],
    [
      "HttpsAddress",
      at({
        ssh: {
          ...{ host: "edge", privateKey: clientKey, privateKeyPath: "~/.ssh/id", agent: true },
          ...{ hostKeyFingerprint: `SHA256:${"a".repeat(43)}`, knownHostsPath: "./known_hosts" },
          proxyJump: { host: "bastion", agent: true, privateKeyPassphrase: "a passphrase" },
        },
      }),
      [
        "connection.ssh.privateKeyPath: is one way to log in too many beside privateKey; keep one of them",
        "connection.ssh.agent: is one way to log in too many beside privateKey; keep one of them",
        "connection.ssh.hostKeyFingerprint: is one pin too many beside knownHostsPath; keep one of them",
        "connection.ssh.proxyJump.privateKeyPassphrase: belongs to a private key, not to agent",
      ],
    ],
    [
      "HttpsAddress",
      at({ ssh: { host: "edge", privateKey: protectedKey } }),
      ["connection.ssh.privateKeyPassphrase: is required: privateKey is protected by a passphrase"],
    ],
    [
      "HttpsAddress",
      at({ ssh: { host: "edge", privateKey: protectedKey, privateKeyPassphrase: unknownValue } }),
      [],
    ],
    ["HttpsAddress", { subnet: "fd00:68::/64", family: "inet6" }, []],
    ["HttpsAddress", { interface: "lo" }, []],
    [
      "HttpsAddress",
      { address: ":8443", subnet: "10.68.0.0/16", interface: "lo" },
      [
        "subnet: is one choice too many beside address; keep one of them",
        "interface: is one choice too many beside address; keep one of them",
      ],
    ],
    [
      "HttpsAddress",
      { subnet: "10.68.0.0/16", interface: "lo", port: 8443 },
      ["interface: is one choice too many beside subnet; keep one of them"],
    ],
    [
      "HttpsAddress",
      { address: "10.0.0.11", family: "inet", port: 8443 },
      [
        "family: belongs to subnet or interface, not to address",
        "port: belongs to subnet or interface, not to address; write the port into address",
      ],
    ],
    [
      "HttpsAddress",
      { interface: "lo", floating: true },
      ["floating: belongs to address: by interface only an address that the server has can be found"],
    ],
    [
      "HttpsAddress",
      { subnet: "10.68.0.0/16", floating: true },
      ["floating: belongs to address: by subnet only an address that the server has can be found"],
    ],
    [
      "HttpsAddress",
      { subnet: "10.68.0.0/16", family: "inet6" },
      ["family: is not the family of subnet; leave it out"],
    ],
    ["HttpsAddress", { subnet: unknownValue, interface: unknownValue, floating: true }, []],
    ["HttpsAddress", { address: unknownValue, subnet: "10.68.0.0/16", port: 1 }, []],
    ["HttpsAddress", { connection: socket }, ["address: is required, or subnet or interface instead of it"]],
    [
      "TrustToken",
      { clientName: "ci" },
      [
        "projects: is required: list the projects the client may use ([] is none), or say restricted: false for a full administrator, or give groups",
      ],
    ],
    [
      "TrustToken",
      { clientName: "ci", projects: [], restricted: false },
      ["projects: has no meaning beside restricted: false; keep one of them"],
    ],
    ["TrustToken", { clientName: "ci", projects: [] }, []],
    ["TrustToken", { clientName: "ci", restricted: false }, []],
    ["TrustToken", { clientName: "ci", groups: [] }, []],
    ["TrustToken", { clientName: "-a/b c%é", groups: ["admins"], kind: "identity" }, []],
    ["TrustToken", { clientName: "ci", projects: [], kind: "certificate" }, []],
    ["TrustToken", { clientName: "..", groups: [] }, ['clientName: must not be "." or ".."']],
    [
      "TrustToken",
      { clientName: "0198c2a4-3f1e-7c55-9d2a-0123456789AB", groups: [] },
      ["clientName: must not look like the id of an identity (64 hex digits, or a UUID)"],
    ],
    ["TrustToken", { clientName: "0198c2a4-3f1e-7c55-9d2a-0123456789AB", projects: [] }, []],
    [
      "TrustToken",
      { clientName: "ci", projects: [], restricted: true, groups: [] },
      [
        "projects: has no meaning beside groups; keep one of them",
        "restricted: has no meaning beside groups; keep one of them",
      ],
    ],
    [
      "TrustToken",
      { clientName: "ci", restricted: false, kind: "identity" },
      ['groups: is required with kind "identity": list the groups of the identity ([] is none)'],
    ],
    [
      "TrustToken",
      { clientName: "ci", groups: ["admins"], kind: "certificate" },
      ['kind: must be "identity" beside groups; leave it out'],
    ],
    ["TrustToken", { clientName: "a/b", groups: unknownValue }, []],
    ["TrustToken", { clientName: "a/b", groups: [], projects: unknownValue }, []],
    ["TrustToken", { clientName: "ci", groups: [], projects: unknownValue, restricted: unknownValue }, []],
    ["Remote", right.invited, []],
    ["Remote", { ...right.invited, clientKey: null }, []],
    ["Remote", { ...right.known, token: null }, []],
    ["HttpsAddress", at({ ...https, clientKey: null }), ["connection.clientKey: is required with address"]],
    ["ClientCertificate", { commonName: "ci", pkcs12Password: null }, []],
    ["Remote", { ...right.invited, serverFingerprint: "c".repeat(64) }, []],
    ["Remote", { ...right.invited, clientCertificate }, ["clientKey: is required beside clientCertificate"]],
    ["Remote", { ...right.invited, clientKey }, ["clientCertificate: is required beside clientKey"]],
    ["Remote", { ...right.invited, setDefault: true }, ["setDefault: needs configDir"]],
    ["Remote", { ...right.invited, configFlavor: "incus" }, ["configFlavor: needs configDir"]],
    [
      "Remote",
      { ...right.invited, serverFingerprint, serverCertificate },
      ["serverFingerprint: is one pin too many beside serverCertificate; keep one of them"],
    ],
    [
      "Remote",
      { name: "prod", serverFingerprint, serverCertificate },
      [
        "serverFingerprint: is one pin too many beside serverCertificate; keep one of them",
        "addresses: is required without a token",
      ],
    ],
    ["Remote", { ...right.known, name: "images" }, []],
    ["TrustToken", { clientName: "ci", restricted: "no" }, ["restricted: must be a boolean"]],
    ["Remote", { name: "prod", serverFingerprint }, ["addresses: is required without a token"]],
    [
      "Remote",
      { name: "prod", addresses: ["lxd.example.org"] },
      [
        "token: is required; without a token give serverFingerprint or serverCertificate: a server is never trusted on first use",
      ],
    ],
    [
      "ClientCertificate",
      { commonName: "ci", pkcs12Encryption: "3des" },
      ["pkcs12Encryption: needs pkcs12Password"],
    ],
    [
      "ClientCertificate",
      { commonName: "ci", rotateBeforeDays: 3650 },
      ["rotateBeforeDays: must be less than validityDays, or it would rotate at every run"],
    ],
  ];
  for (const [name, inputs, mistakes] of cases) {
    it(`${name} with ${outline(inputs)}: ${mistakes.join(" ") || "nothing"}`, async () => {
      assert.deepEqual(await stack.mistakes(name, inputs), mistakes);
    });
  }
});
