import { readFileSync } from "node:fs";
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** The port of an address that names none. */
const DEFAULT_PORT = "8443";

const WILDCARDS = ["", "0.0.0.0", "::", "[::]"];

/**
 * The host of an address that cannot be resolved; undefined where the address is acceptable.
 * Like the real servers it looks neither at the port nor at whether the address is one of this machine.
 */
export function unresolvableHost(address: string): string | undefined {
  const host = splitHostPort(address)?.host ?? address;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (WILDCARDS.includes(host) || isIP(bare) !== 0 || resolve(bare) !== undefined) return undefined;
  return host;
}

/** `host:port`, with the default port where there is none; brackets and names are kept. */
export function canonicalAddress(address: string): string {
  const split = splitHostPort(address);
  if (split) return split.port === "" ? joinHostPort(split.host, DEFAULT_PORT) : address;
  return isIP(address) === 0 ? `${address}:${DEFAULT_PORT}` : joinHostPort(address, DEFAULT_PORT);
}

/** What to bind for a canonical address: an IP address ("" means all) and the port as written. */
export function bindTarget(canonical: string): { host: string; port: string } {
  const { host, port } = splitHostPort(canonical) ?? { host: canonical, port: DEFAULT_PORT };
  return { host: host === "" || isIP(host) !== 0 ? host : (resolve(host) ?? host), port };
}

/** The addresses a server with this `core.https_address` tells its clients: each of its own for a wildcard. */
export function announcedAddresses(address: string): string[] {
  if (address === "") return [];
  const { host, port } = splitHostPort(canonicalAddress(address)) ?? { host: address, port: DEFAULT_PORT };
  if (!WILDCARDS.includes(host)) return [joinHostPort(host, port)];
  return Object.values(networkInterfaces())
    .flatMap((interfaceAddresses) => interfaceAddresses ?? [])
    .filter(({ internal, family, address: own }) =>
      internal || /^fe80:/i.test(own) ? false : family === "IPv4" || host !== "0.0.0.0",
    )
    .map(({ address: own }) => joinHostPort(own, port));
}

export function joinHostPort(host: string, port: string): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** As Go's net.SplitHostPort; undefined where that fails. */
function splitHostPort(address: string): { host: string; port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^:]*)$/.exec(address);
  return match ? { host: match[1] ?? match[2] ?? "", port: match[3] ?? "" } : undefined;
}

/** Names are looked up in the hosts file only: a test must not depend on, or reach, a name server. */
function resolve(name: string): string | undefined {
  const entries = readFileSync("/etc/hosts", "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter(([, ...names]) => names.includes(name))
    .map(([ip]) => ip ?? "");
  return entries.find((ip) => !isIPv6(ip)) ?? entries[0] ?? (name === "localhost" ? "127.0.0.1" : undefined);
}
