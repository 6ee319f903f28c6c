/** Networks in the notation ADDRESS/PREFIX, such as 10.68.0.0/16. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { canonicalHost } from "./address";

/** A network: its first address in canonical form, and how many bits of it are fixed. */
export interface Subnet {
  readonly family: "inet" | "inet6";
  readonly address: string;
  /** Length of the prefix in bits. */
  readonly prefixLength: number;
}

/** Takes a subnet apart; undefined where it is none. Bits behind the prefix are cut off. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const family = isIPv4(address) ? "inet" : isIPv6(address) && !address.includes("%") ? "inet6" : undefined;
  const prefixLength = Number(length);
  if (family === undefined || prefixLength > bitsOf(family)) return undefined;
  const hostBits = BigInt(bitsOf(family) - prefixLength);
  return { family, address: write((read(address) >> hostBits) << hostBits, family), prefixLength };
}

/** Writes a subnet as ADDRESS/PREFIX. */
export function formatSubnet({ address, prefixLength }: Subnet): string {
  return `${address}/${prefixLength}`;
}

/** Why a value cannot be a subnet, as a phrase that follows the property's name; undefined when it can. */
export function describeSubnetProblem(value: string): string | undefined {
  const subnet = parseSubnet(value);
  if (subnet === undefined) return 'must be a subnet such as "10.68.0.0/16" or "fd00:68::/64"';
  const [address = ""] = value.split("/");
  return read(address) === read(subnet.address)
    ? undefined
    : `has bits set behind its prefix: "${formatSubnet(subnet)}" is the subnet`;
}

/** Whether an IP address, without a zone, lies in the subnet. */
export function isInSubnet(address: string, { family, address: first, prefixLength }: Subnet): boolean {
  if (isIPv6(address) !== (family === "inet6")) return false;
  const list = new BlockList();
  const type = family === "inet6" ? "ipv6" : "ipv4";
  list.addSubnet(first, prefixLength, type);
  return list.check(address, type);
}

function bitsOf(family: Subnet["family"]): number {
  return family === "inet" ? 32 : 128;
}

/** The number that an address is. */
function read(address: string): bigint {
  const parts = isIPv4(address) ? address.split(".").map(Number) : groupsOf(address);
  const width = isIPv4(address) ? 8n : 16n;
  return parts.reduce((number, part) => (number << width) | BigInt(part), 0n);
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  // In this form there is no dotted end, and at most one gap.
  const [before = "", after] = canonicalHost(address).split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const head = groups(before);
  if (after === undefined) return head;
  const tail = groups(after);
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function write(number: bigint, family: Subnet["family"]): string {
  const width = family === "inet" ? 8n : 16n;
  const count = family === "inet" ? 4 : 8;
  const parts = Array.from({ length: count }, (_, index) =>
    Number((number >> (width * BigInt(count - 1 - index))) & ((1n << width) - 1n)),
  );
  return family === "inet"
    ? parts.join(".")
    : canonicalHost(parts.map((part) => part.toString(16)).join(":"));
}
