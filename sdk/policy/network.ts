/** IP addresses and networks as programs and configurations write them. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

/** A network, or a single address, which is one with the longest prefix. */
interface Network {
  readonly family: "ipv4" | "ipv6";
  readonly address: string;
  readonly prefixLength: number;
}

/** The host of `host`, `host:port`, `[v6]:port`, `:port` or a URL; empty where none is named. */
export function hostOf(text: string): string {
  const place = text.replace(/^https?:\/\//i, "").replace(/\/.*$/s, "");
  if (isIPv6(place)) return place;
  return /^\[([^\]]*)\]/.exec(place)?.[1] ?? place.replace(/:[^:]*$/, "");
}

/** Whether a server that listens there does so on each of its interfaces. */
export function isWildcard(listen: string): boolean {
  const host = hostOf(listen);
  return host === "" || ["0.0.0.0", "::"].includes(addressOf(host)?.address ?? "");
}

/** The IP address that a host is; undefined for a name. */
export function addressOf(host: string): Network | undefined {
  return networkOf(host, undefined);
}

/** Takes ADDRESS/LENGTH apart; undefined where it is no network. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", length = ""] = /^([^/%]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  return networkOf(address, Number(length));
}

/** Whether all of a network lies in one of the others. */
export function isInside(network: Network, others: readonly Network[]): boolean {
  const { family, address, prefixLength } = network;
  return others.some((other) => {
    if (other.family !== family || other.prefixLength > prefixLength) return false;
    const list = new BlockList();
    list.addSubnet(other.address, other.prefixLength, family);
    return list.check(address, family);
  });
}

/** An IPv4 address inside an IPv6 one (::ffff:10.0.0.1) is that IPv4 address. A zone says only which interface is meant. */
function networkOf(text: string, length: number | undefined): Network | undefined {
  if (isIPv4(text)) return withLength({ family: "ipv4", address: text, prefixLength: length ?? 32 }, 32);
  if (!isIPv6(text)) return undefined;
  const address = new URL(`http://[${text.split("%")[0] ?? ""}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined || (length ?? 128) < 96)
    return withLength({ family: "ipv6", address, prefixLength: length ?? 128 }, 128);
  const bytes = [high, low].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
  return withLength({ family: "ipv4", address: bytes.join("."), prefixLength: (length ?? 128) - 96 }, 32);
}

function withLength(network: Network, longest: number): Network | undefined {
  return network.prefixLength <= longest ? network : undefined;
}
