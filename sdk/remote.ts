import * as pulumi from "@pulumi/pulumi";
import type { Timeouts } from "./connection";
import { typeOf } from "./dynamic-type";
import { leaveOutPromiseTraces } from "./promise-traces";
import { optional, options, properties, secretsWith } from "./resource";

/** Inputs of {@link Remote}. Give a `token`, or `addresses` and a pin; for an image server `public` or `protocol`. */
export interface RemoteArgs {
  /** Name of the remote. Default: the resource's name. */
  name?: pulumi.Input<string>;
  /** Trust token to redeem, as `lxc remote add` takes it. Secret. */
  token?: pulumi.Input<string | undefined>;
  /** Where to reach the server, instead of the addresses in the token (NAT). Default port 8443. Of an image server the
   * one address; with protocol "simplestreams" an https URL. */
  addresses?: pulumi.Input<pulumi.Input<string>[]>;
  /** SHA-256 of the server's certificate, hex: an explicit pin, needed without a token and after a rotation. */
  serverFingerprint?: pulumi.Input<string>;
  /** The server's certificate or that of its CA, PEM: an explicit pin, instead of serverFingerprint. */
  serverCertificate?: pulumi.Input<string>;
  /** Certificate of the client, PEM. Default: the pair of configDir, else a new ECDSA P-384 pair. Secret. */
  clientCertificate?: pulumi.Input<string>;
  /** Private key of the client, PEM. Secret. */
  clientKey?: pulumi.Input<string>;
  /** Project the remote works in. Default: the only project the client may see, if it is one. */
  project?: pulumi.Input<string>;
  /** Client directory of `lxc` in which the remote is written, such as ~/.config/lxc. */
  configDir?: pulumi.Input<string>;
  /** Which client configDir belongs to: `lxc` ("lxd") or `incus`. Default: what a directory that is there already says of
   * itself, else what the server is. */
  configFlavor?: pulumi.Input<"lxd" | "incus">;
  /** Make it the default remote of configDir. Default false. */
  setDefault?: pulumi.Input<boolean>;
  /** Password of the PKCS#12 archive of the client's pair; none is made without one. Secret. */
  pkcs12Password?: pulumi.Input<string>;
  /** Encryption of the archive: "aes256" (default), or "3des", which the keychain of macOS wants. */
  pkcs12Encryption?: pulumi.Input<"aes256" | "3des">;
  /** Whether it is an image server: it is asked for images only, without a client certificate, and nothing is joined. */
  public?: pulumi.Input<boolean>;
  /** What an image server speaks. "simplestreams" is always public. Default: as configFlavor. */
  protocol?: pulumi.Input<"lxd" | "incus" | "simplestreams">;
  /** Whether destroying it takes the client that it enrolled out of the server's trust store. Default true. */
  revokeOnDelete?: pulumi.Input<boolean>;
  /** Bounds on waiting. */
  timeouts?: pulumi.Input<Timeouts>;
}

/**
 * A server that this client trusts and that trusts this client: a token redeemed over a connection pinned to the
 * server's certificate, and with `configDir` a remote that `lxc` uses as it is.
 *
 * A client that the server trusts already is adopted, and no token is spent. Trust that was removed on the server, and an
 * entry that was changed in configDir, are drift. Without a ClientCertificate and without configDir the key exists only in
 * this resource: if the run is killed before it is recorded, the client that joined cannot be used again.
 *
 * An image server (`public`, or `protocol: "simplestreams"`) is only written to configDir. Nobody joins it, so of the
 * outputs it has `name`, `address`, `addresses`, `configState`, and the server's certificate where it is pinned.
 *
 * ```ts
 * const key = new ClientCertificate("ci");
 * new Remote("prod", {
 *   token: invitation.token,
 *   clientCertificate: key.certificate,
 *   clientKey: key.privateKey,
 *   configDir: "~/.config/lxc",
 * });
 * new Remote("mirror", {
 *   addresses: ["https://images.example.org"],
 *   protocol: "simplestreams",
 *   configDir: "~/.config/lxc",
 * });
 * ```
 *
 * Errors: LXD_TOKEN_REJECTED, LXD_TOKEN_EXPIRED, LXD_NOT_TRUSTED, LXD_ALREADY_EXISTS, LXD_SERVER_IDENTITY (a wrong
 * certificate; nothing was sent), CLIENT_CONFIG, PARTIAL (joined, but not finished), LXD_UNREACHABLE, LXD_TIMEOUT.
 * See https://documentation.ubuntu.com/lxd/latest/howto/server_expose/
 */
export class Remote extends pulumi.CustomResource {
  /** @internal */
  static readonly __pulumiType = typeOf("Remote");

  /** Name of the remote. */
  declare readonly name: pulumi.Output<string>;
  /** The address that answered, host:port. */
  declare readonly address: pulumi.Output<string>;
  /** Addresses of the server, each host:port. */
  declare readonly addresses: pulumi.Output<string[]>;
  /** The server's certificate, PEM. */
  declare readonly serverCertificate: pulumi.Output<string>;
  /** SHA-256 of the server's certificate, hex. */
  declare readonly serverFingerprint: pulumi.Output<string>;
  /** When the server's certificate expires, RFC 3339. */
  declare readonly serverExpiresAt: pulumi.Output<string>;
  /** The server's name. */
  declare readonly serverName: pulumi.Output<string>;
  /** The server's version. */
  declare readonly serverVersion: pulumi.Output<string>;
  /** Which of the two the server is. */
  declare readonly serverType: pulumi.Output<"lxd" | "incus">;
  /** The client's certificate, PEM. Secret. */
  declare readonly clientCertificate: pulumi.Output<string>;
  /** The client's private key, PEM. Secret. */
  declare readonly clientKey: pulumi.Output<string>;
  /** SHA-256 of the client's certificate, hex. */
  declare readonly clientFingerprint: pulumi.Output<string>;
  /** When the client's certificate expires, RFC 3339. */
  declare readonly clientExpiresAt: pulumi.Output<string>;
  /** Certificate and key of the client as PKCS#12 archive for browsers, base64; only with pkcs12Password. Secret. */
  declare readonly pkcs12: pulumi.Output<string | undefined>;
  /** Projects that the client may see. */
  declare readonly projects: pulumi.Output<string[]>;
  /** Whether this resource's own redemption made the client trusted. */
  declare readonly enrolled: pulumi.Output<boolean>;
  /** Whether the remote stands in configDir as it should. */
  declare readonly configState: pulumi.Output<"absent" | "present" | "changed">;

  constructor(name: string, args: RemoteArgs, opts?: pulumi.CustomResourceOptions) {
    const restore = leaveOutPromiseTraces();
    try {
      super(
        Remote.__pulumiType,
        name,
        properties("Remote", { ...args, name: args.name ?? name }, remoteOutputs, remoteSecrets),
        options("Remote", secretsWith(remoteSecrets, args), opts),
      );
    } finally {
      restore();
    }
    this.pkcs12 = optional(this.pkcs12);
  }
}

/** @internal */
export const remoteOutputs = [
  "name",
  "address",
  "addresses",
  "serverCertificate",
  "serverFingerprint",
  "serverExpiresAt",
  "serverName",
  "serverVersion",
  "serverType",
  "clientCertificate",
  "clientKey",
  "clientFingerprint",
  "clientExpiresAt",
  "pkcs12",
  "projects",
  "enrolled",
  "configDeviations",
  "configState",
];

/** @internal */
export const remoteSecrets = {
  inputs: [["token"], ["clientCertificate"], ["clientKey"], ["pkcs12Password"]],
  outputs: ["clientCertificate", "clientKey", "nextPair", "pkcs12", "pkcs12Password"],
};
