/** Asking from here whether a server answers on an address. */
import { AccessError, isAccessError } from "../errors";
import { type HostAndPort, parseServerAddress } from "../lxd/address";
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
  const place = typeof address === "string" ? parseServerAddress(address) : address;
  if (place === undefined)
    return new AccessError("LXD_PROTOCOL", `${JSON.stringify(address)} is not an address`);
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
