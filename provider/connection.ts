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
import { parseServerAddress } from "./lxd/address";
import type { Endpoint, Pin, Timeouts } from "./lxd/transport";
import { describeClientPairProblem } from "./pki/certificate";
import { fingerprint, pemText, serverAddress, timeouts } from "./properties";
import { hasUnknown } from "./unknown";

/** Schema of a `connection`. */
export const connection = z
  .strictObject({
    socketPath: z
      .string()
      .startsWith("/", "must be an absolute path")
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

/** How long to wait where nothing else is said, in seconds. */
export const defaultTimeouts: Timeouts = { connect: 10, request: 30 };

/** Seconds to wait, with the defaults filled in. */
export function timeoutsOf(given: Partial<Timeouts> | undefined): Timeouts {
  return {
    connect: given?.connect ?? defaultTimeouts.connect,
    request: given?.request ?? defaultTimeouts.request,
  };
}

/** The mistakes in a connection that no single property shows. */
export function connectionRules(given: unknown): CheckFailure[] {
  if (given === undefined || given === "" || hasUnknown(given)) return [];
  if (typeof given !== "object" || given === null) return [];
  const has = (key: string): boolean => Reflect.get(given, key) !== undefined;
  if (has("socketPath") === has("address")) {
    const reason = has("address")
      ? "names two ways in; keep socketPath or address"
      : "is empty; give socketPath, or address with clientCertificate, clientKey and a pin, or leave connection out";
    return [{ property: "connection", reason }];
  }
  const httpsOnly = ["clientCertificate", "clientKey", "serverFingerprint", "serverCertificate"];
  if (has("socketPath")) {
    return httpsOnly
      .filter(has)
      .map((key) => ({ property: `connection.${key}`, reason: "belongs to address, not to socketPath" }));
  }
  const missing = ["clientCertificate", "clientKey"]
    .filter((key) => !has(key))
    .map((key) => ({ property: `connection.${key}`, reason: "is required with address" }));
  if (has("serverFingerprint") === has("serverCertificate")) {
    const reason = has("serverCertificate")
      ? "give one pin, serverFingerprint or serverCertificate"
      : "give serverFingerprint or serverCertificate: a server is never trusted on first use";
    missing.push({ property: "connection.serverFingerprint", reason });
  }
  return missing;
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

/** Where to connect for a resource's `connection`, or for the defaults where it has none. */
export function resolveConnection(
  given: Connection | undefined,
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
): { endpoint: Endpoint; timeouts: Timeouts } {
  if (given !== undefined)
    return { endpoint: endpointOf(given, "connection"), timeouts: timeoutsOf(given.timeouts) };
  const configured = connectionFromConfig(config);
  if (configured !== undefined)
    return { endpoint: endpointOf(configured, "lxd-access config"), timeouts: defaultTimeouts };
  return { endpoint: { kind: "unix", socketPath: defaultSocket(environment) }, timeouts: defaultTimeouts };
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
  const list = mistakes.map(
    ({ property, reason }) => `lxd-access:${property.replace("connection.", "")} ${reason}`,
  );
  return refuse(
    "CONFIG_INVALID",
    `The stack's configuration of the server connection cannot be used: ${list.join("; ")}`,
  );
}

function endpointOf(given: Connection, where: string): Endpoint {
  const { socketPath, address, clientCertificate, clientKey } = given;
  if (socketPath !== undefined) return { kind: "unix", socketPath };
  const place = parseServerAddress(address ?? "");
  if (place === undefined)
    return refuse("CONFIG_INVALID", `The ${where} names no server: give socketPath or address`);
  const pair = { certificate: clientCertificate ?? "", privateKey: clientKey ?? "" };
  const problem = describeClientPairProblem(pair, new Date());
  if (problem !== undefined)
    refuse("CONFIG_INVALID", `The ${where} to ${address ?? ""}: clientCertificate and clientKey: ${problem}`);
  return { kind: "https", ...place, pin: pinOf(given), clientCertificate, clientKey };
}

function pinOf({ serverFingerprint, serverCertificate }: Connection): Pin {
  if (serverCertificate !== undefined) return { certificate: serverCertificate };
  return serverFingerprint === undefined
    ? refuse("CONFIG_INVALID", "The connection has no pin: give serverFingerprint or serverCertificate")
    : { fingerprint: serverFingerprint };
}

/** The local server's socket, found as `lxc` and `incus` find it. */
function defaultSocket(environment: NodeJS.ProcessEnv): string {
  for (const prefix of ["LXD", "INCUS"]) {
    const socket = environment[`${prefix}_SOCKET`];
    if (socket !== undefined && socket !== "") return socket;
    const directory = environment[`${prefix}_DIR`];
    if (directory !== undefined && directory !== "") return join(directory, "unix.socket");
  }
  return usualSockets.find(isWritable) ?? noServer();
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
