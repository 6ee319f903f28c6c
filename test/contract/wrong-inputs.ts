/** What is wrong for every property, and how that is said. */
import type { ResourceName } from "../../provider/registry";
import {
  fingerprint,
  https,
  pair,
  pinnedByCertificate,
  type Properties,
  right,
  socket,
} from "./right-inputs";
import { wrongListenAddresses } from "./wrong-listen-addresses";
import { otherConnections } from "./wrong-connections";
import { wrongRemotes } from "./wrong-remotes";
import {
  certificates,
  keys,
  noAddresses,
  noPrint,
  other,
  pkcs12,
  strange,
  timeouts,
  within,
  type WrongValues,
} from "./wrong-values";

const notAbsolute = "must be an absolute path";

function connection(inputs: Properties): WrongValues[] {
  const within = { ...inputs, connection: https };
  const local = { ...inputs, connection: socket };
  const byCertificate = { ...inputs, connection: pinnedByCertificate };
  const nowhere =
    "names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or ssh, or remote, or leave connection out";
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
    ...otherConnections(inputs),
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
    ...pkcs12,
  ]),

  HttpsAddress: [
    ...within(right.httpsAddress, wrongListenAddresses.byAddress),
    ...within(right.bySubnet, wrongListenAddresses.bySubnet),
    ...within(right.byInterface, wrongListenAddresses.byInterface),
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
    ...within(right.identityToken, [
      {
        property: "clientName",
        kind: "string",
        values: [
          ["", "must not be empty"],
          ["a\nb", "must not contain control characters"],
          [".", 'must not be "." or ".."'],
        ],
      },
      { property: "groups", kind: "array" },
      {
        property: "groups[1]",
        kind: "string",
        values: [
          ["", "must not be empty"],
          ["a\0", "must not contain control characters"],
        ],
      },
      { property: "kind", kind: ["certificate", "identity"] },
    ]),
    ...connection(right.trustToken),
  ],

  Remote: wrongRemotes,
};
