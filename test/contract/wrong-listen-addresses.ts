/** What is wrong for the inputs of an HttpsAddress, and how that is said; by the right inputs they are tried in. */
import type { WrongValues } from "./wrong-values";

const noSubnet = 'must be a subnet such as "10.68.0.0/16" or "fd00:68::/64"';
const noPort = "must be a whole number from 1 to 65535";
const noInterface = 'must be the name of an interface such as "enp5s0", without blanks, slashes or colons';

export const wrongListenAddresses: Record<
  "byAddress" | "bySubnet" | "byInterface",
  readonly Omit<WrongValues, "within">[]
> = {
  byAddress: [
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
  ],
  bySubnet: [
    {
      property: "subnet",
      kind: "string",
      disturbs: "family",
      values: [
        ...["", "10.68.0.0", "10.68.0.0/33", "10.68.0.0/255.255.0.0", "eth0", "fe80::%eth0/64"].map(
          (value): [string, string] => [value, noSubnet],
        ),
        ["10.68.0.1/16", 'has bits set behind its prefix: "10.68.0.0/16" is the subnet'],
        ["fd00:68::1/64", 'has bits set behind its prefix: "fd00:68::/64" is the subnet'],
      ],
    },
    {
      property: "port",
      kind: "number",
      values: [0, -1, 65536, 8443.5, 1e300].map((value): [number, string] => [value, noPort]),
    },
  ],
  byInterface: [
    {
      property: "interface",
      kind: "string",
      values: [
        ["", "must not be empty"],
        ["enp5s0 ", noInterface],
        ["a/b", noInterface],
        ["eth0:1", noInterface],
        ["..", noInterface],
        ["a\0b", noInterface],
        ["x".repeat(16), "must be at most 15 bytes long, as names of interfaces are"],
      ],
    },
    { property: "family", kind: ["inet", "inet6"] },
  ],
};
