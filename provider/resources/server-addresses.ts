/** Choosing the value of `core.https_address` among the addresses that the server has. */
import { BlockList, isIPv6 } from "node:net";
import { refuse } from "../errors";
import { listenIp } from "../lxd/address";
import type { LxdClient, ServerAddress } from "../lxd/client";

/** What says where to listen. */
interface Choice {
  readonly address?: string;
  readonly target?: string;
  readonly floating?: boolean;
}

/**
 * The value to set. An IP address that is not the server's own is refused before the listener is touched, because the
 * server would go without any listener while it tries; INPUT_INVALID lists those it has.
 */
export async function resolveListenAddress(
  client: LxdClient,
  { address = "", target, floating }: Choice,
): Promise<string> {
  const ip = listenIp(address);
  if (ip === undefined || floating === true) return address;
  const own = await client.getServerAddresses({ target });
  if (own.some((candidate) => covers(candidate, ip))) return address;
  return refuse(
    "INPUT_INVALID",
    `address ${JSON.stringify(address)}: ${client.name} does not have ${ip}. It has ${own.map(describe).join(", ") || "none"}. ` +
      "Use one of them, or floating: true for an address that moves between hosts",
  );
}

/** An address is the server's own; on the loopback interface the whole IPv4 network is. */
function covers({ address, family, prefixLength, scope }: ServerAddress, ip: string): boolean {
  const own = new BlockList();
  if (scope === "local" && family === "inet") own.addSubnet(address, prefixLength, "ipv4");
  else own.addAddress(address, family === "inet6" ? "ipv6" : "ipv4");
  return own.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
}

function describe({ address, interface: name }: ServerAddress): string {
  return `${address} (${name})`;
}
