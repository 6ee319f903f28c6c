/**
 * The way in to a server: from a resource's `connection`, else from stack config, else from the environment, else the
 * usual sockets of this machine. Looked at again at each call, and never copied into a resource.
 */
import { type Connection, type ProviderConfig, timeoutsOf } from "../connection";
import { refuse } from "../errors";
import { formatHostAndPort, parseServerAddress } from "../lxd/address";
import type { Endpoint, Pin, Timeouts } from "../lxd/transport";
import { describeClientPairProblem } from "../pki/client-pair";
import { remoteEndpoint } from "./client-remote";
import { defaultConnection, defaultTimeoutsOf } from "./defaults";
import { findLocalSocket, usualSockets } from "./local-sockets";
import { type Place, sshEndpoint } from "./ssh";

/** What gives a way in where the resource has none. */
export interface Defaults extends Place {
  readonly config: ProviderConfig;
  /** Whether a usual socket is there and may be used. */
  readonly isUsable?: (socketPath: string) => boolean;
}

/**
 * Where to connect for a resource's `connection`, or for the defaults where it has none.
 * @throws AccessError CONFIG_INVALID where no server is to be found or stack config or environment say something wrong of
 * one; CLIENT_CONFIG where a remote's client directory does not lead to it.
 */
export async function resolveConnection(
  given: Connection | undefined,
  defaults: Defaults,
): Promise<{ endpoint: Endpoint; timeouts: Timeouts }> {
  const { config, environment, isUsable } = defaults;
  const timeouts = timeoutsOf({ ...defaultTimeoutsOf(config, environment), ...given?.timeouts });
  if (given !== undefined) return { endpoint: await endpointOf(given, defaults, "the connection"), timeouts };
  const found = defaultConnection(config, environment);
  if (found !== undefined)
    return { endpoint: await endpointOf(found, defaults, "the lxd-access config"), timeouts };
  const socketPath = findLocalSocket(environment, isUsable) ?? noServer();
  return { endpoint: { kind: "unix", socketPath }, timeouts };
}

async function endpointOf(given: Connection, place: Place, where: string): Promise<Endpoint> {
  const { socketPath, ssh, remote, configDir } = given;
  if (socketPath !== undefined) return { kind: "unix", socketPath };
  if (ssh !== undefined) return sshEndpoint(ssh, place);
  return remote === undefined ? httpsEndpoint(given, where) : remoteEndpoint(remote, configDir, place);
}

function httpsEndpoint(given: Connection, where: string): Endpoint {
  const { address, clientCertificate, clientKey } = given;
  const place = parseServerAddress(address ?? "");
  if (place === undefined)
    return refuse(
      "CONFIG_INVALID",
      `No server is named by ${where}: give socketPath, address, ssh or remote`,
    );
  const pair = { certificate: clientCertificate ?? "", privateKey: clientKey ?? "" };
  const problem = describeClientPairProblem(pair, new Date());
  if (problem !== undefined)
    refuse(
      "CONFIG_INVALID",
      `Connecting to ${formatHostAndPort(place)} with clientCertificate and clientKey of ${where}: ${problem}. ` +
        "Nothing was sent. Give a pair that the server trusts",
    );
  return { kind: "https", ...place, pin: pinOf(given), clientCertificate, clientKey };
}

function pinOf({ serverFingerprint, serverCertificate }: Connection): Pin {
  if (serverCertificate !== undefined) return { certificate: serverCertificate };
  return serverFingerprint === undefined
    ? refuse("CONFIG_INVALID", "The connection has no pin: give serverFingerprint or serverCertificate")
    : { fingerprint: serverFingerprint };
}

function noServer(): never {
  return refuse(
    "CONFIG_INVALID",
    "There is no server to talk to: the resource has no connection, the stack no lxd-access config, the environment no " +
      `LXD_ACCESS_…, LXD_SOCKET, LXD_DIR, INCUS_SOCKET or INCUS_DIR, and none of ${usualSockets.join(", ")} can be used from here`,
  );
}
