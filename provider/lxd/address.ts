/**
 * Addresses of LXD servers: the value of `core.https_address` and the places a client dials.
 *
 * The server stores `core.https_address` as it was written and only fills in the default port when it binds, so two
 * spellings of one listener must be compared by their canonical form, never as text.
 */
import { isIPv4, isIPv6 } from "node:net";

/** The port LXD and Incus listen on where none is given. */
export const defaultPort = 8443;

/** No name in DNS is longer. */
const longestName = 253;

/** A host and a port to dial. `host` is a name or an IP address without brackets. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Writes `host:port`, with brackets around an IPv6 address. */
export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Takes `host`, `host:port`, `[v6]:port`, a bare IPv6 address or an `https://` URL apart; undefined where it is none of these. */
export function parseServerAddress(text: string): HostAndPort | undefined {
  const address = /^https:\/\//i.test(text) ? text.slice("https://".length).replace(/\/$/, "") : text;
  const parts = splitHostAndPort(address);
  return parts === undefined || parts.port === 0 || !isHost(parts.host) ? undefined : parts;
}

/** Why a server cannot be dialled at an address, as a phrase; undefined where it can. */
export function describeServerAddressProblem(text: string): string | undefined {
  const place = parseServerAddress(text);
  if (place === undefined)
    return 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"';
  return place.host.includes("%")
    ? `must not name an interface ("%${(place.host.split("%")[1] ?? "").slice(0, 15)}"): no URL can hold it. Give an address that is not link-local`
    : undefined;
}

/** A server's address as `host:port`; what is no address stays as it is. */
export function dialledAddress(text: string): string {
  const place = parseServerAddress(text);
  return place === undefined ? text : formatHostAndPort(place);
}

/**
 * The form in which two spellings of one listener are equal: `host:port`, lower case, an IPv6 address in its shortest
 * form, the default port filled in. Every IPv6 wildcard (`:8443`, `[::]`, `::`) becomes `[::]:port`; `0.0.0.0` stays its
 * own, since newer servers bind it to IPv4 only. The empty string (no listener) stays empty.
 */
export function canonicalListenAddress(value: string): string {
  if (value === "") return "";
  const parts = splitHostAndPort(value);
  if (parts === undefined) return value;
  return formatHostAndPort({ host: parts.host === "" ? "::" : canonicalHost(parts.host), port: parts.port });
}

/**
 * Whether what listens on `listen` is reached by dialling `address`: both are one, or `listen` is on every interface and
 * the port is the same. A name on the same port, on either side, may mean the other's address, so it counts.
 */
export function coversAddress(listen: string, address: string): boolean {
  if (listen === "" || address === "") return false;
  if (canonicalListenAddress(listen) === canonicalListenAddress(address)) return true;
  const own = splitHostAndPort(listen);
  const other = splitHostAndPort(address);
  if (own === undefined || other === undefined || own.port !== other.port) return false;
  if (!isWildcard(listen)) return isName(own.host) || isName(other.host);
  return own.host !== "0.0.0.0" || !isIPv6(other.host);
}

/** Why a value cannot be a listen address, as a phrase that follows the property's name; undefined when it can. */
export function describeListenAddressProblem(value: string): string | undefined {
  if (value === "") return "must not be empty; destroy the resource to stop the server from listening";
  if (/^[a-z]+:\/\//i.test(value)) return "must be host:port, not a URL";
  if (/[\s,/]/.test(value)) return "must be one host:port without blanks, commas or slashes";
  if (/[^!-~]/.test(value))
    return 'must be plain ASCII; a name with other letters has a form that begins with "xn--"';
  const parts = splitHostAndPort(value);
  if (parts === undefined) return 'must look like ":8443", "10.0.0.11", "10.0.0.11:8443" or "[fd00::1]:8443"';
  if (parts.host.length > longestName) return `has a host of more than ${longestName} characters`;
  if (parts.port === 0) return "must name a port: with 0 the server picks one that no client can know";
  if (/^[0-9]+$/.test(value)) return `must have a colon before the port: ":${value}"`;
  if (parts.host !== "" && !isHost(parts.host)) return `has no valid host: ${JSON.stringify(parts.host)}`;
  return undefined;
}

/** Whether a listener is on every interface. The empty string is no listener. */
export function isWildcard(listen: string): boolean {
  const host = listen === "" ? undefined : splitHostAndPort(listen)?.host;
  return host === "" || (host !== undefined && ["::", "0.0.0.0"].includes(canonicalHost(host)));
}

/** The IP address a listener is bound to, or undefined for a wildcard or a name. */
export function listenIp(listen: string): string | undefined {
  const host = splitHostAndPort(listen)?.host;
  return host !== undefined && isIP(host) && !isWildcard(listen) ? host : undefined;
}

function splitHostAndPort(text: string): HostAndPort | undefined {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const match = /^(?:\[(?<bracketed>[^[\]]*)\]|(?<bare>[^:[\]]*))(?::(?<port>[0-9]*))?$/.exec(text);
  if (match === null) return undefined;
  const { bracketed, bare, port } = match.groups ?? {};
  if (bracketed !== undefined && !isIPv6(bracketed) && !isIPv4(bracketed)) return undefined;
  const number = port === undefined || port === "" ? defaultPort : Number(port);
  return number > 65535 ? undefined : { host: bracketed ?? bare ?? "", port: number };
}

/** Lower case, and an IPv6 address in its shortest form; its zone, the name of an interface, stays as it is. */
export function canonicalHost(host: string): string {
  if (!isIPv6(host)) return host.toLowerCase();
  const [address = "", zone] = host.split("%");
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return zone === undefined ? shortest : `${shortest}%${zone}`;
}

function isName(host: string): boolean {
  return host !== "" && !isIP(host);
}

function isIP(host: string): boolean {
  return isIPv4(host) || isIPv6(host);
}

function isHost(host: string): boolean {
  if (isIP(host)) return true;
  if (/^[0-9.]+$/.test(host)) return false; // digits and dots only, yet no IPv4 address: a slip, not a name
  return (
    host.length <= longestName &&
    /^(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*\.?$/i.test(host) &&
    isNameInUrl(host)
  );
}

/** URLs take a name whose end is a number for an IP address, in whatever base: "0x7f.1" is 127.0.0.1, "lxd.1" is none. */
function isNameInUrl(host: string): boolean {
  const url = `https://${host}`;
  return URL.canParse(url) && new URL(url).hostname === host.toLowerCase();
}
