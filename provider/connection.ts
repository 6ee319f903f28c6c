/**
 * Ways in to a server that is to be administered: its unix socket, or HTTPS with a client certificate and a pin.
 * A resource says it in its `connection`; where it does not, stack config (`lxd-access:*`), then the environment,
 * then the usual sockets are looked at, at each call and never copied into the resource.
 */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { refuse } from "./errors";
import type { CheckFailure } from "./handler";
import { formatHostAndPort, parseServerAddress } from "./lxd/address";
import type { Endpoint, Pin, Timeouts } from "./lxd/transport";
import { describeClientPairProblem } from "./pki/certificate";
import { describePairProblem, fingerprint, pemText, serverAddress, textThat, timeouts } from "./properties";
import { unknownValue } from "./unknown";

/** Schema of a `connection`. */
export const connection = z
  .strictObject({
    socketPath: textThat(describeSocketPathProblem)
      .optional()
      .meta({ description: "Path of the server's unix socket on this machine." }),
    address: serverAddress
      .optional()
      .meta({ description: "Host, host:port or https URL of the server. Default port 8443." }),
    clientCertificate: pemText("CERTIFICATE")
      .optional()
      .meta({ description: "PEM certificate of a client that the server trusts." }),
    clientKey: pemText("PRIVATE KEY")
      .optional()
      .meta({ description: "PEM private key of the client certificate.", secret: true }),
    serverFingerprint: fingerprint
      .optional()
      .meta({ description: "SHA-256 of the server's certificate, 64 hex digits." }),
    serverCertificate: pemText("CERTIFICATE").optional().meta({
      description:
        "PEM of the server's certificate, or of the CA that signed it; with a CA the host name is checked too.",
    }),
    timeouts: timeouts.optional(),
  })
  .meta({
    id: "Connection",
    description:
      "How to reach the server: either socketPath, or address with a client certificate and a pin.",
  });
export type Connection = z.infer<typeof connection>;

/** The kernel takes no longer path for a socket, in bytes. */
const longestSocketPath = 107;

function describeSocketPathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "must be an absolute path";
  if (/\p{Cc}/u.test(path)) return "must not contain control characters";
  return Buffer.byteLength(path) > longestSocketPath
    ? `must be at most ${longestSocketPath} bytes long: a socket cannot have a longer path`
    : undefined;
}

/** How long to wait where nothing else is said, in seconds. */
export const defaultTimeouts: Timeouts = { connect: 10, request: 30 };

/** Seconds to wait, with the defaults filled in. */
export function timeoutsOf(given: Partial<Timeouts> | undefined): Timeouts {
  return {
    connect: given?.connect ?? defaultTimeouts.connect,
    request: given?.request ?? defaultTimeouts.request,
  };
}

/**
 * The mistakes in a connection that no single property shows. A value that is unknown yet may turn out to be there or
 * not, so only what is certain either way is a mistake.
 */
export function connectionRules(given: unknown): CheckFailure[] {
  if (typeof given !== "object" || given === null) return [];
  if (isGiven(given, "socketPath")) {
    if (isGiven(given, "address"))
      return [{ property: "connection", reason: "names two ways in; keep socketPath or address" }];
    return ["clientCertificate", "clientKey", ...pins]
      .filter((key) => isGiven(given, key))
      .map((key) => ({ property: `connection.${key}`, reason: "belongs to address, not to socketPath" }));
  }
  if (isGiven(given, "address")) return httpsRules(given);
  if (!isAbsent(given, "socketPath") || !isAbsent(given, "address")) return [];
  const reason =
    "names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or leave connection out";
  return [{ property: "connection", reason }];
}

const pins = ["serverFingerprint", "serverCertificate"];

function httpsRules(given: object): CheckFailure[] {
  const mistakes = ["clientCertificate", "clientKey"]
    .filter((key) => isAbsent(given, key))
    .map((key) => ({ property: `connection.${key}`, reason: "is required with address" }));
  const pair = describePairProblem(valueOf(given, "clientCertificate"), valueOf(given, "clientKey"));
  if (pair !== undefined) mistakes.push({ property: "connection.clientKey", reason: pair });
  if (pins.every((key) => isGiven(given, key))) {
    const reason = "is one pin too many beside serverCertificate; keep one of them";
    mistakes.push({ property: "connection.serverFingerprint", reason });
  }
  if (pins.every((key) => isAbsent(given, key))) {
    const reason =
      "is required with address, or serverCertificate instead: a server is never trusted on first use";
    mistakes.push({ property: "connection.serverFingerprint", reason });
  }
  return mistakes;
}

function isAbsent(given: object, key: string): boolean {
  return valueOf(given, key) === undefined;
}

function isGiven(given: object, key: string): boolean {
  return !isAbsent(given, key) && valueOf(given, key) !== unknownValue;
}

function valueOf(given: object, key: string): unknown {
  return Reflect.get(given, key) as unknown;
}

/** Configuration of the provider: texts by name, as `lxd-access:NAME` in the stack. */
export type ProviderConfig = Readonly<Record<string, string | undefined>>;

/** Names that are read from stack config. */
export const configNames = [
  "socketPath",
  "address",
  "clientCertificate",
  "clientKey",
  "serverFingerprint",
  "serverCertificate",
  "onUnreachable",
] as const;

/**
 * Where to connect for a resource's `connection`, or for the defaults where it has none. CONFIG_INVALID where there is
 * no server to be found, or stack config says something wrong of one. `isUsable` says whether a usual socket is there.
 */
export function resolveConnection(
  given: Connection | undefined,
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
  isUsable: (socketPath: string) => boolean = isWritable,
): { endpoint: Endpoint; timeouts: Timeouts } {
  if (given !== undefined)
    return { endpoint: endpointOf(given, "the connection"), timeouts: timeoutsOf(given.timeouts) };
  const configured = connectionFromConfig(config);
  if (configured !== undefined)
    return { endpoint: endpointOf(configured, "the lxd-access config"), timeouts: defaultTimeouts };
  return {
    endpoint: { kind: "unix", socketPath: defaultSocket(environment, isUsable) },
    timeouts: defaultTimeouts,
  };
}

/** The connection in stack config, checked as one in a program would be; undefined where there is none. */
function connectionFromConfig(config: ProviderConfig): Connection | undefined {
  const given = Object.fromEntries(
    configNames
      .filter((name) => name !== "onUnreachable" && config[name] !== undefined)
      .map((name) => [name, config[name]]),
  );
  if (Object.keys(given).length === 0) return undefined;
  const parsed = connection.safeParse(given);
  const mistakes = parsed.success
    ? connectionRules(given)
    : parsed.error.issues.map((issue) => ({ property: issue.path.join("."), reason: issue.message }));
  if (parsed.success && mistakes.length === 0) return parsed.data;
  const list = mistakes.map(({ property, reason }) =>
    property === "connection"
      ? `it ${reason}`
      : `lxd-access:${property.replace("connection.", "")}: ${reason}`,
  );
  return refuse(
    "CONFIG_INVALID",
    `The stack's configuration of the server connection cannot be used: ${list.join("; ")}. ` +
      "Set or remove it with `pulumi config`",
  );
}

function endpointOf(given: Connection, where: string): Endpoint {
  const { socketPath, address, clientCertificate, clientKey } = given;
  if (socketPath !== undefined) return { kind: "unix", socketPath };
  const place = parseServerAddress(address ?? "");
  if (place === undefined)
    return refuse("CONFIG_INVALID", `No server is named by ${where}: give socketPath or address`);
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

/** The local server's socket, found as `lxc` and `incus` find it. */
function defaultSocket(environment: NodeJS.ProcessEnv, isUsable: (path: string) => boolean): string {
  for (const prefix of ["LXD", "INCUS"]) {
    const socket = environment[`${prefix}_SOCKET`];
    if (socket !== undefined && socket !== "") return socket;
    const directory = environment[`${prefix}_DIR`];
    if (directory !== undefined && directory !== "") return join(directory, "unix.socket");
  }
  return usualSockets.find(isUsable) ?? noServer();
}

const usualSockets = [
  "/var/snap/lxd/common/lxd/unix.socket",
  "/var/lib/lxd/unix.socket",
  "/run/incus/unix.socket",
  "/var/lib/incus/unix.socket",
];

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function noServer(): never {
  return refuse(
    "CONFIG_INVALID",
    "There is no server to talk to: the resource has no connection, the stack no lxd-access config, the environment no " +
      `LXD_SOCKET, LXD_DIR, INCUS_SOCKET or INCUS_DIR, and none of ${usualSockets.join(", ")} can be used from here`,
  );
}
