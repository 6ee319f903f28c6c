import { createHash, X509Certificate } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate } from "./client-certificate";
import { HttpsAddress } from "./https-address";
import type { HttpsAddressArgs } from "./https-address";
import { refusal } from "./refusal";
import { Remote } from "./remote";
import type { RemoteArgs } from "./remote";
import { TrustToken } from "./trust-token";
import type { TrustTokenArgs } from "./trust-token";

/** Inputs of {@link Onboarding} that go to its HttpsAddress as they are. */
const listenKeys = [
  ...(["address", "subnet", "interface", "family", "port", "target", "floating", "verify"] as const),
  ...(["allowLockout", "connection"] as const),
];
/** Inputs that go to its TrustToken as they are. */
const inviteKeys = [
  ...([
    "projects",
    "restricted",
    "groups",
    "clientFingerprint",
    "revokeClientOnDelete",
    "connection",
  ] as const),
];
/** Inputs that go to its Remote as they are. */
const joinKeys = [
  ...(["clientCertificate", "clientKey", "configDir", "setDefault", "project"] as const),
  ...(["pkcs12Password", "pkcs12Encryption", "revokeOnDelete", "timeouts"] as const),
];

/**
 * Inputs of {@link Onboarding}: where the server listens (one of `address`, `subnet`, `interface`), what its client may do
 * (one of `projects`, `groups`, `restricted: false`), and what becomes of the remote. Each is the input of the same name of
 * HttpsAddress, TrustToken or Remote; those that are not are described here.
 */
export interface OnboardingArgs
  extends
    Pick<HttpsAddressArgs, (typeof listenKeys)[number]>,
    Pick<TrustTokenArgs, (typeof inviteKeys)[number]>,
    Pick<RemoteArgs, (typeof joinKeys)[number]> {
  /** Name of the client in the server's trust store. Default: the component's name. */
  clientName?: pulumi.Input<string>;
  /** Name of the remote. Default: the component's name. */
  remoteName?: pulumi.Input<string>;
  /** Where the client reaches the server, where that is not where it listens: NAT, load balancer, DNS. Default port 8443. */
  tokenAddresses?: pulumi.Input<pulumi.Input<string>[]>;
  /** Which client configDir belongs to. Default: that of the server, `lxc` for LXD and `incus` for Incus. */
  configFlavor?: RemoteArgs["configFlavor"];
}

/**
 * One host brought in whole: the server listens (HttpsAddress), a client is invited (TrustToken), and it joins (Remote),
 * in this order, each wired to the next. A fleet is a loop over its hosts.
 *
 * The client's key is `clientCertificate` and `clientKey` where they are given (one identity for a fleet), else the pair of
 * `configDir`, else a ClientCertificate of its own: in each case it outlives an interrupted run. A server that trusts the
 * pair of `configDir` already lets it in without a token, and the one that is issued waits for nobody: give the pair's
 * `clientFingerprint`, and none is issued. That client then gets the rights given here.
 *
 * With `target`, a member of a cluster, the remote goes to the member that the connection reaches, which issues the token. If
 * that one's address changes later, give `tokenAddresses`.
 *
 * ```ts
 * new Onboarding("edge-1", {
 *   connection: { ssh: { host: "edge-1.example.org", user: "root" } },
 *   subnet: "10.68.0.0/16",
 *   projects: ["default"],
 *   configDir: "~/.config/lxc",
 * });
 * ```
 *
 * Errors: those of the three resources.
 */
export class Onboarding extends pulumi.ComponentResource {
  /** The server's listener. */
  readonly server: HttpsAddress;
  /** The invitation. Its `token` is a secret. */
  readonly invitation: TrustToken;
  /** The remote. Its `clientKey` is a secret. */
  readonly remote: Remote;
  /** The client's key pair, where this component made one. */
  readonly certificate: ClientCertificate | undefined;

  constructor(name: string, args: OnboardingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("lxd-access:index:Onboarding", name, {}, opts);
    if (args.clientKey !== undefined && args.clientCertificate === undefined)
      throw refusal("Onboarding: clientKey is of no use without clientCertificate; give both of a pair");
    const within = { parent: this };
    const clientName = args.clientName ?? name;

    const isPairElsewhere = args.clientCertificate !== undefined || args.configDir !== undefined;
    this.certificate = isPairElsewhere
      ? undefined
      : new ClientCertificate(name, { commonName: clientName }, within);
    const pair = this.certificate && {
      clientCertificate: this.certificate.certificate,
      clientKey: this.certificate.privateKey,
    };

    this.server = new HttpsAddress(name, pick(args, listenKeys), within);
    this.invitation = new TrustToken(
      name,
      {
        ...pick(args, inviteKeys),
        clientName,
        addresses: args.tokenAddresses,
        // A client that is trusted already, after its stack was lost say, is adopted and nothing is issued.
        clientFingerprint:
          args.clientFingerprint ?? this.certificate?.fingerprint ?? fingerprintOf(args.clientCertificate),
      },
      { ...within, dependsOn: [this.server] },
    );
    this.remote = new Remote(
      name,
      {
        ...pick(args, joinKeys),
        ...pair,
        name: args.remoteName ?? name,
        token: this.invitation.token,
        addresses: args.tokenAddresses ?? addressesOf(this.server, this.invitation, args.target),
        // The token says it too, but what it says stays as it was when it was issued, if there is one at all.
        serverFingerprint: this.server.serverFingerprint,
        configFlavor:
          args.configDir === undefined ? undefined : (args.configFlavor ?? this.server.serverType),
      },
      within,
    );
    this.registerOutputs({ server: this.server, invitation: this.invitation, remote: this.remote });
  }
}

/** The inputs of these names, as far as they were given: one that is given as undefined stays so. */
function pick<Args extends object, Key extends keyof Args>(
  args: Args,
  keys: readonly Key[],
): Pick<Args, Key> {
  return Object.fromEntries(
    Object.entries(args).filter(([key]) => keys.some((wanted) => wanted === key)),
  ) as Pick<Args, Key>;
}

/**
 * Where the remote finds the server: at the addresses in the token, as long as the server listens at one of them, else where
 * it listens now, since a token stays as it was issued. So an interface that comes or goes, of which a listener on every
 * interface has one address more or less, is no change of the remote. LXD 5.0 spends a token for nothing at another member of
 * a cluster than the one that issued it, so in a cluster (`target`) the remote goes to no other.
 */
function addressesOf(
  server: HttpsAddress,
  invitation: TrustToken,
  target: pulumi.Input<string> | undefined,
): pulumi.Output<string[]> {
  if (target !== undefined) return invitation.addresses;
  return pulumi
    .all([server.addresses, invitation.addresses])
    .apply(([now, issued]) => (issued.some((address) => now.includes(address)) ? issued : now));
}

/** SHA-256 of a certificate, hex; it is no secret, even where the certificate was marked as one. */
function fingerprintOf(certificate: pulumi.Input<string> | undefined): pulumi.Input<string> | undefined {
  if (certificate === undefined || typeof certificate === "string") return certificate && sha256(certificate);
  return pulumi.unsecret(pulumi.output(certificate).apply(sha256));
}

function sha256(pem: string | undefined): string {
  if (pem === undefined)
    throw refusal("Onboarding: clientCertificate is there, but undefined; leave it out for one of its own");
  try {
    return createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
  } catch {
    throw refusal("Onboarding: clientCertificate is not a certificate in PEM form");
  }
}
