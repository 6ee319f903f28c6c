/** What is wrong for every property, and how that is said. */
import type { ResourceName } from "../../provider/registry";
import { makePair } from "../support/openssl-pair";
import { openssl } from "../unit/pki/openssl";
import {
  client,
  fingerprint,
  https,
  identityToken,
  pair,
  pinnedByCertificate,
  type Properties,
  right,
  socket,
  token,
  without,
} from "./right-inputs";

/** A JSON type, or the values of an enumeration. */
export type Kind = "string" | "boolean" | "number" | "object" | "array" | readonly string[];

/** What is wrong for one property. */
export interface WrongValues {
  /** Path as Pulumi writes it. */
  readonly property: string;
  readonly kind: Kind;
  /** Right inputs in which the property is made wrong. */
  readonly within: Properties;
  /** Values of the right type that are wrong all the same. */
  readonly values?: readonly (readonly [value: unknown, reason: string])[];
  /** Another property that a right value of this one makes wrong. */
  readonly disturbs?: string;
  /** A secret that is null counts as not given: an undefined one arrives so. */
  readonly isSecret?: true;
}

const print = "must be a SHA-256 fingerprint: 64 hex digits";
const noPrint: [string, string][] = [
  ["", print],
  ["b666fe92", print],
  [`${fingerprint}0`, print],
  [fingerprint.replace("b", "g"), print],
  [(fingerprint.match(/../g) ?? []).join(":"), print],
];
const other = makePair("other");
const strange = "the key does not belong to the certificate";
const notAbsolute = "must be an absolute path";
const noToken = "is not a trust token as servers issue them";
const noAddress = 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"';
const noAddresses: [string, string][] = [
  "",
  "http://x",
  "x:0",
  "x:65536",
  "a b",
  "10.0.0",
  "8443",
  "a,b",
].map((value) => [value, noAddress]);
const noCertificate = "must be PEM (-----BEGIN CERTIFICATE-----), not a path or another encoding";
const damagedCertificate = "is damaged or not an X.509 certificate; give its PEM text complete and unchanged";
const noKey = "must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding";
const damagedKey = "is damaged or not a private key; give its PEM text complete and unchanged";
const certificates: [string, string][] = [
  ["", noCertificate],
  ["./client.crt", noCertificate],
  [Buffer.from(client.certificate).toString("base64"), noCertificate],
  [client.certificate.slice(0, 300), damagedCertificate],
  [client.certificate.replace(/M/g, "N"), damagedCertificate],
  [client.privateKey, "must not hold a private key: give the certificate alone"],
  [client.privateKey + client.certificate, "must not hold a private key: give the certificate alone"],
];
const keys: [string, string][] = [
  ["", noKey],
  ["~/.config/lxc/client.key", noKey],
  [client.certificate, noKey],
  [client.privateKey.slice(0, 200), damagedKey],
  [client.privateKey.replace(/M/g, "N"), damagedKey],
  [
    openssl(["pkcs8", "-topk8", "-passout", "pass:secret"], client.privateKey),
    "is protected by a passphrase; give it decrypted",
  ],
];

/** `timeouts` of a resource or of its connection. */
function timeouts(prefix: string, within: Properties): WrongValues[] {
  const values: [unknown, string][] = [
    [0, "must be more than 0 seconds"],
    [-1, "must be more than 0 seconds"],
    [3600.5, "must be at most 3600 seconds"],
    [1e300, "must be at most 3600 seconds"],
  ];
  return [
    { property: `${prefix}timeouts`, kind: "object", within },
    { property: `${prefix}timeouts.connect`, kind: "number", within, values },
    { property: `${prefix}timeouts.request`, kind: "number", within, values },
  ];
}

function connection(inputs: Properties): WrongValues[] {
  const within = { ...inputs, connection: https };
  const local = { ...inputs, connection: socket };
  const byCertificate = { ...inputs, connection: pinnedByCertificate };
  const nowhere =
    "names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or leave connection out";
  return [
    {
      property: "connection",
      kind: "object",
      within,
      values: [
        [{}, nowhere],
        [{ timeouts: { connect: 1 } }, nowhere],
        [{ serverFingerprint: fingerprint, ...pair }, nowhere],
        [{ ...https, ...socket }, "names two ways in; keep socketPath or address"],
      ],
    },
    {
      property: "connection.socketPath",
      kind: "string",
      within: local,
      values: [
        ["", notAbsolute],
        ["unix.socket", notAbsolute],
        ["~/unix.socket", notAbsolute],
        ["unix:///var/lib/lxd/unix.socket", notAbsolute],
        ["/x\u0000y", "must not contain control characters"],
        [`/${"x".repeat(107)}`, "must be at most 107 bytes long: a socket cannot have a longer path"],
      ],
    },
    { property: "connection.address", kind: "string", within, values: noAddresses },
    { property: "connection.clientCertificate", kind: "string", within, values: certificates },
    {
      property: "connection.clientKey",
      kind: "string",
      isSecret: true,
      within,
      values: [...keys, [other.privateKey, strange]],
    },
    { property: "connection.serverFingerprint", kind: "string", within, values: noPrint },
    {
      property: "connection.serverCertificate",
      kind: "string",
      within: byCertificate,
      values: certificates,
    },
    ...timeouts("connection.", within),
  ];
}

/** The wrong values of every property of every resource. */
export const wrongInputs: Readonly<Record<ResourceName, readonly WrongValues[]>> = {
  ClientCertificate: within(right.clientCertificate, [
    {
      property: "commonName",
      kind: "string",
      values: [
        ["", "must not be empty"],
        ["x".repeat(65), "must be at most 64 characters"],
        ["a\nb", "must not contain control characters"],
        ["\ud800", "must not contain control characters"],
      ],
    },
    { property: "keyAlgorithm", kind: ["ECDSA-P384", "ECDSA-P256", "Ed25519", "RSA-4096"] },
    {
      property: "validityDays",
      kind: "number",
      disturbs: "rotateBeforeDays",
      values: [
        [0, "must be at least 1 day"],
        [36501, "must be at most 36500 days"],
        [1e300, "must be a whole number of days"],
        [365.5, "must be a whole number"],
      ],
    },
    {
      property: "rotateBeforeDays",
      kind: "number",
      values: [
        [-1, "must not be negative"],
        [0.5, "must be a whole number"],
        [365, "must be less than validityDays, or it would rotate at every run"],
      ],
    },
    {
      property: "pkcs12Password",
      kind: "string",
      isSecret: true,
      values: [
        ["", "must not be empty: browsers refuse archives without a password"],
        ["a\0b", "must not contain a NUL character or half a character"],
      ],
    },
    { property: "pkcs12Encryption", kind: ["aes256", "3des"] },
  ]),

  HttpsAddress: [
    ...within(right.httpsAddress, [
      {
        property: "address",
        kind: "string",
        values: [
          ["", "must not be empty; destroy the resource to stop the server from listening"],
          ["8443", 'must have a colon before the port: ":8443"'],
          ["https://10.0.0.11:8443", "must be host:port, not a URL"],
          ["10.0.0.11, 10.0.0.12", "must be one host:port without blanks, commas or slashes"],
          ["10.0.0.11:65536", 'must look like ":8443", "10.0.0.11", "10.0.0.11:8443" or "[fd00::1]:8443"'],
          ["10.0.0.11:0", "must name a port: with 0 the server picks one that no client can know"],
          ["10.0.0", 'has no valid host: "10.0.0"'],
          [`${"x".repeat(64)}:8443`, `has no valid host: "${"x".repeat(64)}"`],
        ],
      },
      { property: "target", kind: "string", values: [["", "must not be empty"]] },
      { property: "floating", kind: "boolean" },
      { property: "verify", kind: "boolean" },
      { property: "allowLockout", kind: "boolean" },
    ]),
    ...connection(right.httpsAddress),
  ],

  TrustToken: [
    ...within(right.trustToken, [
      {
        property: "clientName",
        kind: "string",
        values: [
          ["", "must not be empty"],
          ["-x", 'must not begin with "-" nor contain "/": servers refuse such names'],
          ["a/b", 'must not begin with "-" nor contain "/": servers refuse such names'],
          ["a\nb", "must not contain control characters"],
        ],
      },
      { property: "projects", kind: "array" },
      { property: "projects[1]", kind: "string", values: [["", "must not be empty"]] },
      { property: "restricted", kind: "boolean", disturbs: "projects" },
      {
        property: "addresses",
        kind: "array",
        values: [[[], "must not be empty; leave it out for the server's own addresses"]],
      },
      { property: "addresses[1]", kind: "string", values: noAddresses },
      { property: "clientFingerprint", kind: "string", values: noPrint },
      { property: "revokeClientOnDelete", kind: "boolean" },
    ]),
    ...connection(right.trustToken),
  ],

  Remote: [
    ...within(right.invited, [
      {
        property: "token",
        kind: "string",
        isSecret: true,
        values: [
          ["", noToken],
          ["lxd.example.org:8443", noToken],
          [token.slice(0, 100), noToken],
          [token.replace(/=+$/, ""), noToken],
          ["x".repeat(100_000), noToken],
          [
            identityToken,
            "is for a TLS identity, which this release cannot redeem; use a certificate add token",
          ],
        ],
      },
    ]),
    ...within(right.known, [
      {
        property: "name",
        kind: "string",
        values: [
          ["", "it is empty"],
          ["local", '"local" is a remote that the client defines itself'],
          ["a:b", '"a:b" holds ":"'],
          ["../x", '"../x" holds "/"'],
          ["-x", '"-x" begins with "-"'],
          ["a b", "it holds white space or a character that cannot be printed"],
          ["x".repeat(201), "it is longer than 200 bytes"],
        ],
      },
      {
        property: "addresses",
        kind: "array",
        values: [[[], "must not be empty; leave it out for the token's addresses"]],
      },
      { property: "addresses[1]", kind: "string", values: noAddresses },
      { property: "serverFingerprint", kind: "string", values: noPrint },
      { property: "clientCertificate", kind: "string", isSecret: true, values: certificates },
      {
        property: "clientKey",
        kind: "string",
        isSecret: true,
        values: [...keys, [other.privateKey, strange]],
      },
      { property: "project", kind: "string", values: [["", "must not be empty"]] },
      {
        property: "configDir",
        kind: "string",
        values: [
          ["", "must not be empty"],
          ["a\0b", "must not contain control characters"],
          ["~other/lxc", "must not begin with another user's home; write that path out in full"],
        ],
      },
      { property: "configFlavor", kind: ["lxd", "incus"] },
      { property: "setDefault", kind: "boolean" },
      { property: "revokeOnDelete", kind: "boolean" },
    ]),
    ...within({ ...without(right.known, "serverFingerprint"), serverCertificate: client.certificate }, [
      { property: "serverCertificate", kind: "string", values: certificates },
    ]),
    ...timeouts("", right.known),
  ],
};

function within(inputs: Properties, rows: readonly Omit<WrongValues, "within">[]): WrongValues[] {
  return rows.map((row) => ({ ...row, within: inputs }));
}
