import * as pulumi from "@pulumi/pulumi";
import { typeOf } from "./dynamic-type";
import { leaveOutPromiseTraces } from "./promise-traces";
import { optional, options, properties, secretsWith } from "./resource";

/** Inputs of {@link ClientCertificate}. */
export interface ClientCertificateArgs {
  /** Common name in the certificate's subject. Default: the resource's name. Another one replaces the resource. */
  commonName?: pulumi.Input<string>;
  /** Default "ECDSA-P384", as `lxc` uses. Another one replaces the resource. */
  keyAlgorithm?: pulumi.Input<"ECDSA-P384" | "ECDSA-P256" | "Ed25519" | "RSA-4096">;
  /** Days until the certificate expires. Default 3650. Another number replaces the resource. */
  validityDays?: pulumi.Input<number>;
  /** Days before expiry from which on an update replaces it; Remotes follow. Default: never. Not for a client directory of
   * `lxc`, which has one pair for good: a Remote with such a `configDir` refuses another. */
  rotateBeforeDays?: pulumi.Input<number>;
  /** Password of the PKCS#12 archive; none is made without one. Browsers take ECDSA and RSA keys, not Ed25519. Secret. */
  pkcs12Password?: pulumi.Input<string>;
  /** Encryption of the archive: "aes256" (default), or "3des", which the keychain of macOS wants. */
  pkcs12Encryption?: pulumi.Input<"aes256" | "3des">;
}

/**
 * A key pair and self-signed certificate for clients, as `lxc` makes for itself. It is kept in the stack's state, so a
 * join with it survives an interrupted run, and one identity can join a whole fleet.
 *
 * ```ts
 * const key = new ClientCertificate("ci", { rotateBeforeDays: 30 });
 * ```
 *
 * Errors: INPUT_INVALID.
 * See https://documentation.ubuntu.com/lxd/latest/authentication/#tls-client-certificates
 */
export class ClientCertificate extends pulumi.CustomResource {
  /** @internal */
  static readonly __pulumiType = typeOf("ClientCertificate");

  /** The certificate, PEM. */
  declare readonly certificate: pulumi.Output<string>;
  /** The private key, PEM. Secret. */
  declare readonly privateKey: pulumi.Output<string>;
  /** Certificate and key as PKCS#12 archive for browsers, base64; only with pkcs12Password. Secret. */
  declare readonly pkcs12: pulumi.Output<string | undefined>;
  /** SHA-256 of the certificate, hex. */
  declare readonly fingerprint: pulumi.Output<string>;
  /** When the certificate expires, RFC 3339. */
  declare readonly expiresAt: pulumi.Output<string>;

  constructor(name: string, args: ClientCertificateArgs = {}, opts?: pulumi.CustomResourceOptions) {
    const inputs = { ...args, commonName: args.commonName ?? name };
    const restore = leaveOutPromiseTraces();
    try {
      super(
        ClientCertificate.__pulumiType,
        name,
        properties("ClientCertificate", inputs, clientCertificateOutputs, clientCertificateSecrets),
        options("ClientCertificate", secretsWith(clientCertificateSecrets, inputs), opts),
      );
    } finally {
      restore();
    }
    this.pkcs12 = optional(this.pkcs12);
  }
}

/** @internal */
export const clientCertificateOutputs = ["certificate", "privateKey", "pkcs12", "fingerprint", "expiresAt"];

/** @internal */
export const clientCertificateSecrets = {
  inputs: [["pkcs12Password"]],
  outputs: ["privateKey", "pkcs12", "pkcs12Password"],
};
