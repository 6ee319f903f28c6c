/** What a check finds in the inputs of a Remote that several of them say together. */
import * as assert from "node:assert/strict";
import { unknownValue } from "../../provider/unknown";
import { Stack } from "../support/stack";
import { client, identityToken, pair, type Properties, right, token, without } from "./right-inputs";

const stack = new Stack("/nonexistent");
const { imageServer, mirror, known, invited } = right;
const meaningless = "has no meaning for an image server, which nobody joins";
const url = 'must be an https URL, such as "https://images.example.org"';
const place = 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"';
const joined = "is for image servers, with public: true; a server that is joined says itself what it speaks";

const cases: [title: string, inputs: Properties, mistakes: string[]][] = [
  ["an identity's token", { name: "prod", token: identityToken }, []],
  ["an image server of the flavor's own kind", imageServer, []],
  ["an image server that is said to be LXD", { ...imageServer, protocol: "lxd" }, []],
  ["an image server that is said to be Incus", { ...imageServer, protocol: "incus" }, []],
  ["simplestreams, which implies public", without(mirror, "public"), []],
  ["simplestreams without a pin", without(mirror, "serverCertificate"), []],
  ["simplestreams with a path", { ...mirror, addresses: ["https://images.example.org/a/b/"] }, []],
  [
    "simplestreams that is not public",
    { ...mirror, public: false },
    ["public: must be true or left out with protocol simplestreams"],
  ],
  ...["images.example.org", "10.0.0.1:8443"].map((address): [string, Properties, string[]] => [
    `simplestreams at ${address}`,
    { ...mirror, addresses: [address] },
    [`addresses[0]: ${url}`],
  ]),
  [
    "simplestreams without TLS",
    { ...mirror, addresses: ["http://images.example.org"] },
    [`addresses[0]: ${place}`],
  ],
  ...["https://me:pw@x.org", "https://x.org/?a=b", "https://x.org/#a"].map(
    (address): [string, Properties, string[]] => [
      `simplestreams at ${address}`,
      { ...mirror, addresses: [address] },
      [`addresses[0]: ${place}`],
    ],
  ),
  [
    "simplestreams with a fingerprint",
    { ...without(mirror, "serverCertificate"), serverFingerprint: known.serverFingerprint },
    [
      "serverFingerprint: cannot be looked up with protocol simplestreams; give serverCertificate, or none for the system's CAs",
    ],
  ],
  [
    "an image server at a URL with a path",
    { ...imageServer, addresses: ["https://lxd.example.org/images"] },
    [`addresses[0]: ${place}`],
  ],
  ["an image server without a pin", without(imageServer, "serverFingerprint"), []],
  [
    "a server at a link-local address of an interface, which no URL can hold",
    { ...known, addresses: ["[fe80::1%eth0]:8443", "fe80::1%lo"] },
    [
      'addresses[0]: must not name an interface ("%eth0"): no URL can hold it. Give an address that is not link-local',
      'addresses[1]: must not name an interface ("%lo"): no URL can hold it. Give an address that is not link-local',
    ],
  ],
  [
    "an image server with two pins",
    { ...imageServer, serverCertificate: client.certificate },
    ["serverFingerprint: is one pin too many beside serverCertificate; keep one of them"],
  ],
  [
    "an image server in no directory",
    { name: "shop", public: true, setDefault: true, ...pick(imageServer, "addresses", "serverFingerprint") },
    ["configDir: is required for an image server: it is written there only"],
  ],
  [
    "an image server nowhere",
    without(imageServer, "addresses"),
    ["addresses: is required for an image server"],
  ],
  [
    "an image server in two places",
    { ...imageServer, addresses: ["10.0.0.1", "10.0.0.2"] },
    ["addresses: must be one address for an image server"],
  ],
  [
    "an image server that is to be joined",
    { ...imageServer, token, ...pair, project: "ci", revokeOnDelete: true, pkcs12Password: "x" },
    ["token", "clientCertificate", "clientKey", "project", "pkcs12Password", "revokeOnDelete"].map(
      (name) => `${name}: ${meaningless}`,
    ),
  ],
  ["a protocol of a server that is joined", { ...invited, protocol: "lxd" }, [`protocol: ${joined}`]],
  ["not public, and a protocol", { ...known, public: false, protocol: "incus" }, [`protocol: ${joined}`]],
  ["not public", { ...known, public: false }, []],
  [
    "a server that is joined at a URL with a path",
    { ...known, addresses: ["10.0.0.1", "https://lxd.example.org/x"] },
    [`addresses[1]: ${place}`],
  ],
  [
    "an encryption without a password",
    { ...invited, pkcs12Encryption: "3des" },
    ["pkcs12Encryption: needs pkcs12Password"],
  ],
  ["what is known later may be an image server", { name: "x", public: unknownValue, configDir: "y" }, []],
  [
    "a protocol that is known later may make it one",
    { name: "x", protocol: unknownValue, configDir: "y" },
    [],
  ],
];

describe("what the inputs of a Remote say together", () => {
  for (const [title, inputs, mistakes] of cases) {
    it(title, async () => {
      assert.deepEqual(await stack.mistakes("Remote", inputs), mistakes);
    });
  }
});

function pick(inputs: Properties, ...names: string[]): Properties {
  return Object.fromEntries(names.map((name) => [name, inputs[name]]));
}
