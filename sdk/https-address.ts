import * as pulumi from "@pulumi/pulumi";
import { connectionSecrets } from "./connection";
import type { Connection } from "./connection";
import { typeOf } from "./dynamic-type";
import { leaveOutPromiseTraces } from "./promise-traces";
import { options, properties } from "./resource";

/** Inputs of {@link HttpsAddress}. */
export interface HttpsAddressArgs {
  /**
   * Address to listen on: ":8443" (every interface), "10.0.0.11", "[fd00::1]:8443" or a DNS name. Default port 8443.
   * Exactly one of `address`, `subnet` and `interface` is given.
   */
  address?: pulumi.Input<string>;
  /**
   * Instead of `address`: the server's own address in this subnet, such as "10.68.0.0/16" or "fd00:68::/64", so that one
   * line serves a whole fleet. It is looked up at each update; a refresh shows where it has changed. Addresses of the
   * loopback interface are taken only for a subnet of loopback, link-local IPv6 ones (fe80::/10) never.
   */
  subnet?: pulumi.Input<string>;
  /**
   * Instead of `address`: the server's own address on this interface, such as "enp5s0", looked up like that of `subnet`.
   * Its IPv4 address if it has one, else its IPv6 address, unless `family` says which.
   */
  interface?: pulumi.Input<string>;
  /** Beside `interface` or `subnet`: IPv4 only ("inet") or IPv6 only ("inet6"). */
  family?: pulumi.Input<"inet" | "inet6">;
  /** Beside `subnet` or `interface`: the port to listen on, 1 to 65535. Default 8443. */
  port?: pulumi.Input<number>;
  /** Cluster member to set it on; required when the server is clustered. Another one replaces the resource. */
  target?: pulumi.Input<string>;
  /** Beside `address`: allow one that the server does not have now, because it moves between hosts. Default false. */
  floating?: pulumi.Input<boolean>;
  /** Also dial each address from here and compare certificates. Default false. */
  verify?: pulumi.Input<boolean>;
  /** Allow removing the last way in that the connection uses. Default false. */
  allowLockout?: pulumi.Input<boolean>;
  /** How to reach the server. Default: stack config, the environment, the usual sockets. */
  connection?: pulumi.Input<Connection>;
}

/**
 * The address a server listens on for clients (`core.https_address`).
 *
 * An address that the server does not have is refused before the listener is touched, a failed change is taken back,
 * and a change that would lock out the connection in use is undone. Destroying it puts back what was there before, if
 * nobody has changed it since.
 *
 * ```ts
 * new HttpsAddress("server", { address: "10.0.0.11:8443" });
 * for (const host of hosts) new HttpsAddress(host.name, { subnet: "10.68.0.0/16", connection: host.connection });
 * for (const target of ["node1", "node2"]) new HttpsAddress(target, { address: addresses[target], target });
 * ```
 *
 * In a cluster every member has an address of its own, set through any of them by `target`. With `subnet` and `interface` the
 * connection has to go to that member, unless the server has the API extension `network_get_target` (as LXD 5.21.7 and 6.9,
 * but neither LXD 5.0 nor Incus 6.0): others cannot tell which addresses another member has. Where the address is the one
 * that the members use among themselves too (`cluster.https_address`), it can only be widened: moving or removing it would
 * cut the member off.
 *
 * A server has one HttpsAddress, and a member of a cluster too: a second one that sets it in the same run is refused. One
 * that is replaced, or moved in the program, leaves the address to the new one; with `aliases` it stays the same resource.
 *
 * Errors: LXD_LOCKOUT, LXD_REJECTED (the server's words), INPUT_INVALID (an address the server does not have, several that
 * are meant, a member the cluster does not have), LXD_EXTENSION_MISSING (another member's interfaces), LXD_NOT_TRUSTED,
 * LXD_SERVER_IDENTITY, LXD_UNREACHABLE, LXD_TIMEOUT.
 * See https://documentation.ubuntu.com/lxd/latest/server/#server-core:core.https_address
 */
export class HttpsAddress extends pulumi.CustomResource {
  /** @internal */
  static readonly __pulumiType = typeOf("HttpsAddress");

  /** What the server holds, as it was written. Empty where it does not listen. */
  declare readonly address: pulumi.Output<string>;
  /** What the server should hold: `address` as given, or what `subnet` or `interface` means, with its port. */
  declare readonly resolvedAddress: pulumi.Output<string>;
  /** The held address with the default port filled in. */
  declare readonly effectiveAddress: pulumi.Output<string>;
  /** Addresses that clients may use, each host:port. */
  declare readonly addresses: pulumi.Output<string[]>;
  /** SHA-256 of the server's certificate, hex. */
  declare readonly serverFingerprint: pulumi.Output<string>;
  /** The server's certificate, PEM. */
  declare readonly serverCertificate: pulumi.Output<string>;
  /** The server's name. */
  declare readonly serverName: pulumi.Output<string>;
  /** The server's version. */
  declare readonly serverVersion: pulumi.Output<string>;
  /** Which of the two the server is. */
  declare readonly serverType: pulumi.Output<"lxd" | "incus">;
  /** What the server held before; put back when this is destroyed. Empty where it did not listen. */
  declare readonly previousAddress: pulumi.Output<string>;

  constructor(name: string, args: HttpsAddressArgs, opts?: pulumi.CustomResourceOptions) {
    const restore = leaveOutPromiseTraces();
    try {
      super(
        HttpsAddress.__pulumiType,
        name,
        properties("HttpsAddress", args, httpsAddressOutputs, httpsAddressSecrets),
        options("HttpsAddress", httpsAddressSecrets, opts),
      );
    } finally {
      restore();
    }
  }
}

/** @internal */
export const httpsAddressOutputs = [
  "address",
  "resolvedAddress",
  "effectiveAddress",
  "addresses",
  "serverFingerprint",
  "serverCertificate",
  "serverName",
  "serverVersion",
  "serverType",
  "previousAddress",
];

/** @internal */
export const httpsAddressSecrets = { inputs: connectionSecrets, outputs: [] };
