/** Choosing the value of `core.https_address` among the addresses that the server has. */
import { BlockList, isIPv6 } from "node:net";
import { refuse } from "../errors";
import { defaultPort, formatHostAndPort, listenIp } from "../lxd/address";
import type { LxdClient, ServerAddress } from "../lxd/client";
import { isInSubnet, parseSubnet } from "../lxd/subnet";
import { describeMember } from "./cluster-member";

/** What says where to listen: one of the first three. */
export interface Choice {
  /** As `core.https_address` takes it. */
  readonly address?: string;
  /** The server's own address in this subnet. */
  readonly subnet?: string;
  /** The server's own address on this interface. */
  readonly interface?: string;
  /** Beside subnet or interface. */
  readonly family?: "inet" | "inet6";
  /** Beside subnet or interface; default 8443. */
  readonly port?: number;
  /** Cluster member whose addresses they are. */
  readonly target?: string;
  /** The address need not be the server's own now. */
  readonly floating?: boolean;
}

/** API extension of servers that list the network interfaces of another member of their cluster, too. */
const listsForTarget = "network_get_target";

/**
 * The value to set. An IP address that is not the server's own is refused before the listener is touched, because the
 * server would go without any listener while it tries; where nobody can tell, the server decides. INPUT_INVALID lists the
 * addresses that the server has, or those between which it would have to guess. The one that was `chosen` before goes on
 * being it while the server has it: another one that comes beside it (a virtual address, say) is no reason to move. Else the
 * errors of {@link requireInterfaces}.
 */
export async function resolveListenAddress(
  client: LxdClient,
  choice: Choice,
  chosen?: string,
): Promise<string> {
  const { address, target, floating } = choice;
  if (address === undefined) return chooseAddress(client, choice, chosen);
  const missing = floating === true ? undefined : await findMissing(client, address, target);
  if (missing === undefined) return address;
  return refuse(
    "INPUT_INVALID",
    `address ${JSON.stringify(address)}: ${describeMember(client, target)} does not have ${missing.ip}. It has ` +
      `${list(missing.own)}. Use one of them, or floating: true for an address that moves between hosts`,
  );
}

/** Whether the server has the address to listen on now, as far as can be told: else only `floating` allows it. */
export async function isOwnAddress(
  client: LxdClient,
  address: string,
  target: string | undefined,
): Promise<boolean> {
  return (await findMissing(client, address, target)) === undefined;
}

/** The IP address that the server does not have, and those that it has; undefined where it has it or nobody can tell. */
async function findMissing(
  client: LxdClient,
  address: string,
  target: string | undefined,
): Promise<{ ip: string; own: ServerAddress[] } | undefined> {
  const ip = listenIp(address);
  if (ip === undefined || !(await knowsInterfaces(client, target))) return undefined;
  const own = await client.getServerAddresses({ target });
  return own.some((candidate) => covers(candidate, ip)) ? undefined : { ip, own };
}

/** Whether the value to set is found by looking at the server's addresses, and so may change with them. */
export function isChosenByServer({ subnet, interface: name }: Choice): boolean {
  return subnet !== undefined || name !== undefined;
}

/** LXD_EXTENSION_MISSING where the server that answers cannot tell which network interfaces the member has. */
export async function requireInterfaces(client: LxdClient, target: string | undefined): Promise<void> {
  if (await knowsInterfaces(client, target)) return;
  refuse(
    "LXD_EXTENSION_MISSING",
    `Listing the network interfaces of ${describeMember(client, target)}: only this member itself can tell which it has, as ` +
      `servers without the API extension ${listsForTarget} list their own for any. Connect to the member itself; for an ` +
      "HttpsAddress, address can be given instead",
  );
}

async function knowsInterfaces(client: LxdClient, target: string | undefined): Promise<boolean> {
  if (target === undefined) return true;
  const { api_extensions: extensions, environment } = await client.getServer({ fresh: true });
  return extensions.includes(listsForTarget) || environment?.server_name === target;
}

async function chooseAddress(client: LxdClient, choice: Choice, chosen?: string): Promise<string> {
  const { target, port = defaultPort } = choice;
  await requireInterfaces(client, target);
  const own = await client.getServerAddresses({ target });
  const possible = unique(candidates(own, choice));
  const before = listenIp(chosen ?? "");
  const [only, ...others] = possible.some((one) => one.address === before)
    ? possible.filter((one) => one.address === before)
    : possible;
  const server = describeMember(client, target);
  if (only === undefined) {
    return refuse(
      "INPUT_INVALID",
      `${describeChoice(choice)}: ${server} has no such address. It has ${list(own)}. ` +
        "Name another, or give address",
    );
  }
  if (others.length > 0) {
    refuse(
      "INPUT_INVALID",
      `${describeChoice(choice)}: ${server} has several such addresses: ${list([only, ...others])}. ` +
        "Say which by a smaller subnet, by family, or by address",
    );
  }
  return formatHostAndPort({ host: only.address, port });
}

/**
 * The addresses that a choice allows. One that is only good on its own link is never taken, as no client could dial it
 * without naming an interface of its own.
 */
function candidates(own: readonly ServerAddress[], choice: Choice): ServerAddress[] {
  const { subnet: text, interface: name, family } = choice;
  const dialled = own.filter(({ scope, family: its }) => scope !== "link" && its === (family ?? its));
  if (name !== undefined) {
    const there = dialled.filter((address) => address.interface === name);
    const fourth = there.filter((address) => address.family === "inet");
    return fourth.length > 0 ? fourth : there;
  }
  const subnet = parseSubnet(text ?? "");
  if (subnet === undefined) return [];
  const inside = dialled.filter(({ address }) => isInSubnet(address, subnet));
  // A wide subnet takes the loopback addresses in, and nobody means those by it.
  return isLoopback(subnet.address) ? inside : inside.filter(({ scope }) => scope !== "local");
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isLoopback(address: string): boolean {
  return loopback.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** An address that several interfaces have is one to listen on. */
function unique(addresses: readonly ServerAddress[]): ServerAddress[] {
  return addresses.filter(
    ({ address }, index) => addresses.findIndex((other) => other.address === address) === index,
  );
}

/** An address is the server's own; on the loopback interface the whole IPv4 network is. */
function covers({ address, family, prefixLength, scope }: ServerAddress, ip: string): boolean {
  const own = new BlockList();
  if (scope === "local" && family === "inet") own.addSubnet(address, prefixLength, "ipv4");
  else own.addAddress(address, family === "inet6" ? "ipv6" : "ipv4");
  return own.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
}

function describeChoice({ subnet, interface: name, family }: Choice): string {
  const what =
    subnet === undefined ? `interface ${JSON.stringify(name)}` : `subnet ${JSON.stringify(subnet)}`;
  return family === undefined ? what : `${what} with family ${JSON.stringify(family)}`;
}

function list(addresses: readonly ServerAddress[]): string {
  const texts = addresses.map(({ address, interface: name }) => `${address} (${name})`);
  return texts.join(", ") || "none";
}
