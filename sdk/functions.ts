import * as pulumi from "@pulumi/pulumi";
import type { Connection } from "./connection";
import { call, callOutput } from "./invoke";
import type { FunctionOptions } from "./invoke";

/** Arguments of {@link getServerOutput}. */
export interface GetServerOutputArgs {
  /** How to reach the server. Default: stack config, the environment, the usual sockets. */
  connection?: pulumi.Input<Connection>;
  /** Cluster member to ask about. Default: the one that is reached. */
  target?: pulumi.Input<string>;
}
/** Arguments of {@link getServer}: those of {@link getServerOutput}, known. */
export type GetServerArgs = pulumi.Unwrap<GetServerOutputArgs>;

/** What {@link getServer} answers. Nothing in it is secret. */
export interface GetServerResult {
  /** `core.https_address` as it was written; empty where the server does not listen. */
  address: string;
  /** The same with the default port filled in. */
  effectiveAddress: string;
  /** Addresses that clients may use, each host:port. */
  addresses: string[];
  /** SHA-256 of the server's certificate, hex. */
  serverFingerprint: string;
  /** The server's certificate, PEM. */
  serverCertificate: string;
  /** The server's name. */
  serverName: string;
  /** The server's version. */
  serverVersion: string;
  /** Which of the two the server is. */
  serverType: "lxd" | "incus";
  /** Whether it is a member of a cluster. */
  clustered: boolean;
  /** Names of the cluster's members; empty where there is none. */
  members: string[];
}

/**
 * What a server is, and where it listens. It is asked at each call, previews included.
 *
 * ```ts
 * const { serverFingerprint } = await getServer({ connection: { socketPath: "/var/lib/lxd/unix.socket" } });
 * ```
 *
 * Errors: as of HttpsAddress, but nothing is changed. The connection must be an administrator's.
 * See https://documentation.ubuntu.com/lxd/latest/api/#/server/server_get
 */
export function getServer(args: GetServerArgs = {}): Promise<GetServerResult> {
  return call("getServer", args);
}

/** {@link getServer} for arguments that are outputs of resources. */
export function getServerOutput(
  args: GetServerOutputArgs = {},
  options?: FunctionOptions,
): pulumi.Output<GetServerResult> {
  return callOutput("getServer", args, options);
}

/** Arguments of {@link getServerAddressesOutput}. */
export type GetServerAddressesOutputArgs = GetServerOutputArgs;
/** Arguments of {@link getServerAddresses}: those of {@link getServerAddressesOutput}, known. */
export type GetServerAddressesArgs = GetServerArgs;

/** An address that a server has on one of its network interfaces. */
export interface ServerAddress {
  /** Name of the interface, such as "enp5s0". */
  interface: string;
  /** "inet" is IPv4, "inet6" is IPv6. */
  family: "inet" | "inet6";
  /** The IP address. */
  address: string;
  /** Length of the network's prefix, in bits. */
  prefixLength: number;
  /** "global", "link" (valid on that network only) or "local" (loopback). */
  scope: string;
}

/** What {@link getServerAddresses} answers. */
export interface GetServerAddressesResult {
  /** Every address on every interface, loopback included. */
  addresses: ServerAddress[];
}

/**
 * The addresses that a server has on its network interfaces, of which `core.https_address` can be one.
 *
 * ```ts
 * const { addresses } = await getServerAddresses({ connection: { ssh: { host: "edge-1.example.org" } } });
 * ```
 *
 * Errors: as of HttpsAddress; LXD_EXTENSION_MISSING for a `target` that is not the member which is reached, on a server
 * that cannot tell which addresses another one has (without the API extension `network_get_target`).
 * See https://documentation.ubuntu.com/lxd/latest/api/#/networks/networks_state_get
 */
export function getServerAddresses(args: GetServerAddressesArgs = {}): Promise<GetServerAddressesResult> {
  return call("getServerAddresses", args);
}

/** {@link getServerAddresses} for arguments that are outputs of resources. */
export function getServerAddressesOutput(
  args: GetServerAddressesOutputArgs = {},
  options?: FunctionOptions,
): pulumi.Output<GetServerAddressesResult> {
  return callOutput("getServerAddresses", args, options);
}

/** Arguments of {@link listRemotesOutput} and {@link getDefaultRemoteOutput}. */
export interface ClientDirectoryOutputArgs {
  /** Client directory, such as ~/.config/lxc. Default: the one that `lxc` (or `incus`) would use here. */
  configDir?: pulumi.Input<string>;
  /** Which client the directory belongs to. Default: what an existing one says itself, else `lxc` ("lxd"). */
  configFlavor?: pulumi.Input<"lxd" | "incus">;
}
/** Arguments of {@link listRemotes} and {@link getDefaultRemote}. */
export type ClientDirectoryArgs = pulumi.Unwrap<ClientDirectoryOutputArgs>;

/** A remote of a client directory: the columns of `lxc remote list`. */
export interface ListedRemote {
  /** Name of the remote. */
  name: string;
  /** `https://host:port`, `unix://` or the URL of an image server. */
  address: string;
  /** What is spoken there. */
  protocol: "lxd" | "incus" | "simplestreams";
  /** How the client shows who it is: "tls", "none" for public servers, "file access" for a socket. */
  authType: string;
  /** Whether it is used without a client certificate. */
  public: boolean;
  /** Whether it is built into the client and cannot be changed. */
  static: boolean;
  /** Whether commands without a remote's name go to it. */
  default: boolean;
  /** Project the client uses on it; absent for the client's own default. */
  project?: string;
}

/** What {@link listRemotes} answers. */
export interface ListRemotesResult {
  /** Every remote, by name. */
  remotes: ListedRemote[];
}

/**
 * The remotes of a client directory, those built into the client included. A directory that is not there has only these.
 *
 * ```ts
 * const { remotes } = await listRemotes({ configDir: "~/.config/lxc" });
 * ```
 *
 * Errors: CLIENT_CONFIG.
 */
export function listRemotes(args: ClientDirectoryArgs = {}): Promise<ListRemotesResult> {
  return call("listRemotes", args);
}

/** {@link listRemotes} for arguments that are outputs of resources. */
export function listRemotesOutput(
  args: ClientDirectoryOutputArgs = {},
  options?: FunctionOptions,
): pulumi.Output<ListRemotesResult> {
  return callOutput("listRemotes", args, options);
}

/** What {@link getDefaultRemote} answers. */
export interface GetDefaultRemoteResult {
  /** Name of the remote. */
  name: string;
  /** Its address; absent where the default names a remote that is not there. */
  address?: string;
  /** What is spoken there; absent as `address` is. */
  protocol?: "lxd" | "incus" | "simplestreams";
  /** Project the client uses on it; absent for the client's own default. */
  project?: string;
}

/**
 * The remote to which a client's commands go that name none.
 *
 * ```ts
 * const { name } = await getDefaultRemote({ configDir: "~/.config/incus" });
 * ```
 *
 * Errors: CLIENT_CONFIG.
 */
export function getDefaultRemote(args: ClientDirectoryArgs = {}): Promise<GetDefaultRemoteResult> {
  return call("getDefaultRemote", args);
}

/** {@link getDefaultRemote} for arguments that are outputs of resources. */
export function getDefaultRemoteOutput(
  args: ClientDirectoryOutputArgs = {},
  options?: FunctionOptions,
): pulumi.Output<GetDefaultRemoteResult> {
  return callOutput("getDefaultRemote", args, options);
}

/** Arguments of {@link decodeTrustTokenOutput}. */
export interface DecodeTrustTokenOutputArgs {
  /** Trust token, as a TrustToken or `lxc config trust add` gives it; a TrustToken that issued nothing has none. Secret. */
  token: pulumi.Input<string | undefined>;
}
/** Arguments of {@link decodeTrustToken}. */
export interface DecodeTrustTokenArgs {
  /** Trust token, as a TrustToken or `lxc config trust add` gives it. Secret. */
  token: string;
}

/** What {@link decodeTrustToken} answers: everything in a token but its secret. */
export interface DecodeTrustTokenResult {
  /** Name its client gets in the server's trust store. */
  clientName: string;
  /** SHA-256 of the server's certificate, hex. */
  serverFingerprint: string;
  /** Where the server can be reached, each host:port. */
  addresses: string[];
  /** When it expires, RFC 3339; absent where it does not. */
  expiresAt?: string;
  /** Whether it adds a client certificate, or activates a pending TLS identity. */
  kind: "certificate" | "identity";
}

/**
 * Reads a trust token, without asking any server: no secret comes back, so the answer is not secret either.
 *
 * ```ts
 * const { addresses } = await decodeTrustToken({ token });
 * ```
 *
 * Errors: INPUT_INVALID.
 */
export function decodeTrustToken(args: DecodeTrustTokenArgs): Promise<DecodeTrustTokenResult> {
  return call("decodeTrustToken", args);
}

/** {@link decodeTrustToken} for a token that is the output of a resource. Undefined where there is no token. */
export function decodeTrustTokenOutput(
  { token }: DecodeTrustTokenOutputArgs,
  options?: FunctionOptions,
): pulumi.Output<DecodeTrustTokenResult | undefined> {
  // What is answered holds nothing of the secret in it.
  return pulumi
    .unsecret(pulumi.output(token))
    .apply((known) =>
      known === undefined
        ? pulumi.output<DecodeTrustTokenResult | undefined>(undefined)
        : callOutput<DecodeTrustTokenResult | undefined>("decodeTrustToken", { token: known }, options),
    );
}
