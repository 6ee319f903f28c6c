import * as pulumi from "@pulumi/pulumi";
import type { Connection } from "./connection";
import { options, properties, typeOf } from "./resource";

/** Inputs of {@link HttpsAddress}. */
export interface HttpsAddressArgs {
  /** Address to listen on: ":8443" (every interface), "10.0.0.11", "[fd00::1]:8443" or a DNS name. Default port 8443. */
  address: pulumi.Input<string>;
  /** Cluster member to set it on; required when the server is clustered. Another one replaces the resource. */
  target?: pulumi.Input<string>;
  /** Allow an address that the server does not have now, because it moves between hosts. Default false. */
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
 * ```
 *
 * Errors: LXD_LOCKOUT, LXD_REJECTED (the server's words), INPUT_INVALID (an address the server does not have),
 * LXD_NOT_TRUSTED, LXD_SERVER_IDENTITY, LXD_UNREACHABLE, LXD_TIMEOUT.
 * See https://documentation.ubuntu.com/lxd/latest/server/#server-core:core.https_address
 */
export class HttpsAddress extends pulumi.CustomResource {
  /** @internal */
  static readonly __pulumiType = typeOf("HttpsAddress");

  /** What the server holds, as it was written. Empty where it does not listen. */
  declare readonly address: pulumi.Output<string>;
  /** What the server should hold. */
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
    super(
      HttpsAddress.__pulumiType,
      name,
      properties("HttpsAddress", args, httpsAddressOutputs, httpsAddressSecrets),
      options("HttpsAddress", httpsAddressSecrets, opts),
    );
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
export const httpsAddressSecrets = { inputs: [["connection", "clientKey"]], outputs: [] };
