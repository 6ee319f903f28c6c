/** Asking from here whether a server answers on an address. */
import { AccessError, isAccessError } from "../errors";
import {
  describeServerAddressProblem,
  formatHostAndPort,
  type HostAndPort,
  parseServerAddress,
} from "../lxd/address";
import { LxdClient } from "../lxd/client";

/** Seconds that a probe may take: it only has to show that someone could come in. */
const timeouts = { connect: 5, request: 5 };

/**
 * Dials an address on a connection of its own and compares the server's certificate with the fingerprint (SHA-256 hex).
 * Undefined when the server answered; otherwise what went wrong.
 */
export async function probe(
  address: string | HostAndPort,
  fingerprint: string,
): Promise<AccessError | undefined> {
  const text = typeof address === "string" ? address : formatHostAndPort(address);
  const place = parseServerAddress(text);
  const problem = describeServerAddressProblem(text);
  if (place === undefined || problem !== undefined)
    return new AccessError(
      "LXD_UNREACHABLE",
      `${JSON.stringify(text)}, as the server names it, ${problem ?? ""}`,
    );
  const client = new LxdClient(
    { kind: "https", host: place.host, port: place.port, pin: { fingerprint } },
    timeouts,
  );
  try {
    await client.getServer();
    return undefined;
  } catch (error) {
    if (isAccessError(error)) return error;
    throw error;
  } finally {
    await client.close();
  }
}
