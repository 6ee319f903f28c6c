/** What is wrong for the properties of a Remote, and how that is said. */
import { client, right, token, without } from "./right-inputs";
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

const noToken = "is not a trust token as servers issue them";

/** The wrong values of every property of a Remote. */
export const wrongRemotes: readonly WrongValues[] = [
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
    ...pkcs12,
  ]),
  ...within(right.imageServer, [{ property: "public", kind: "boolean" }]),
  ...within(right.mirror, [{ property: "protocol", kind: ["lxd", "incus", "simplestreams"] }]),
  ...within({ ...without(right.known, "serverFingerprint"), serverCertificate: client.certificate }, [
    { property: "serverCertificate", kind: "string", values: certificates },
  ]),
  ...timeouts("", right.known),
];
