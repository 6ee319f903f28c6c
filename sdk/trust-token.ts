import * as pulumi from "@pulumi/pulumi";
import { connectionSecrets } from "./connection";
import type { Connection } from "./connection";
import { typeOf } from "./dynamic-type";
import { leaveOutPromiseTraces } from "./promise-traces";
import { optional, options, properties } from "./resource";

/** Inputs of {@link TrustToken}. Give one of `projects`, `restricted: false` and `groups`. */
export interface TrustTokenArgs {
  /** Name of the client in the server's trust store. Another one replaces the resource, the old one first. */
  clientName: pulumi.Input<string>;
  /** Projects the client is restricted to; [] is no project at all. */
  projects?: pulumi.Input<pulumi.Input<string>[]>;
  /** `false` makes the client a full administrator of the server; it must be said. */
  restricted?: pulumi.Input<boolean>;
  /**
   * Groups whose rights the client gets, as a TLS identity; [] is no right at all. Servers from LXD 5.21.3 and 6.2 on have
   * them (API extension `access_management_tls`); Incus does not.
   */
  groups?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * What the client becomes: an entry of the trust store, or a TLS identity with the rights of `groups`. Default: as
   * `groups` says. Another kind replaces the resource, the old one first.
   */
  kind?: pulumi.Input<"certificate" | "identity">;
  /** Addresses to put into the token instead of the server's own: NAT, load balancer, DNS. Default port 8443. */
  addresses?: pulumi.Input<pulumi.Input<string>[]>;
  /** SHA-256 of the client certificate expected, hex. Where it is trusted already, nothing is issued. */
  clientFingerprint?: pulumi.Input<string>;
  /** Whether destroying a consumed token takes its client out of the trust store. Default true. */
  revokeClientOnDelete?: pulumi.Input<boolean>;
  /** How to reach the server. Default: stack config, the environment, the usual sockets. */
  connection?: pulumi.Input<Connection>;
}

/**
 * An invitation for one client: a one-shot token for `Remote` or for `lxc remote add`.
 *
 * A token that waits (pending) and one that was redeemed by a client which is still trusted (consumed) are in sync. One
 * that expired, was revoked, was lost when the server restarted, or whose client was removed is not: a refresh shows it,
 * the next update issues another. Destroying it revokes the token, or takes its client out of the trust store.
 *
 * Prefer `groups` where the server has them: other clients of the server can read the secret of a pending certificate
 * token, which also dies with the server's process. That of an identity is told only once, and outlives a restart.
 *
 * ```ts
 * new TrustToken("ci", { clientName: "ci", projects: ["ci"] }, { dependsOn: [server] });
 * new TrustToken("operator", { clientName: "operator", groups: ["operators"] }, { dependsOn: [server] });
 * ```
 *
 * Errors: LXD_REJECTED (the server does not listen), LXD_NOT_FOUND (a project or group), LXD_ALREADY_EXISTS (the name is
 * taken), LXD_EXTENSION_MISSING (no TLS identities), LXD_LOCKOUT, LXD_NOT_TRUSTED, LXD_SERVER_IDENTITY, LXD_UNREACHABLE,
 * LXD_TIMEOUT.
 * See https://documentation.ubuntu.com/lxd/latest/authentication/#adding-client-certificates-using-tokens
 */
export class TrustToken extends pulumi.CustomResource {
  /** @internal */
  static readonly __pulumiType = typeOf("TrustToken");

  /** The token as `lxc remote add` takes it; absent when nothing had to be issued. Secret. */
  declare readonly token: pulumi.Output<string | undefined>;
  /** Whether the token still waits for its client. */
  declare readonly state: pulumi.Output<"pending" | "consumed">;
  /** SHA-256 of the server's certificate, hex; while the token waits, of the one that it names. */
  declare readonly serverFingerprint: pulumi.Output<string>;
  /** Addresses inside the token, each host:port. */
  declare readonly addresses: pulumi.Output<string[]>;
  /** When the token expires, RFC 3339; absent where it does not. */
  declare readonly expiresAt: pulumi.Output<string | undefined>;
  /** SHA-256 of the certificate of the client that redeemed the token, hex, once known. */
  declare readonly clientFingerprint: pulumi.Output<string | undefined>;

  constructor(name: string, args: TrustTokenArgs, opts?: pulumi.CustomResourceOptions) {
    const restore = leaveOutPromiseTraces();
    try {
      super(
        TrustToken.__pulumiType,
        name,
        properties("TrustToken", args, trustTokenOutputs, trustTokenSecrets),
        options("TrustToken", trustTokenSecrets, opts),
      );
    } finally {
      restore();
    }
    this.token = optional(this.token);
    this.expiresAt = optional(this.expiresAt);
    this.clientFingerprint = optional(this.clientFingerprint);
  }
}

/** @internal */
export const trustTokenOutputs = [
  "token",
  "state",
  "serverFingerprint",
  "addresses",
  "expiresAt",
  "clientFingerprint",
];

/** @internal */
export const trustTokenSecrets = { inputs: connectionSecrets, outputs: ["token"] };
