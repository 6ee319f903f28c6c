import type * as pulumi from "@pulumi/pulumi";

/** Bounds on waiting for a server, in seconds. */
export interface Timeouts {
  /** Until a connection stands. Default 10. */
  connect?: pulumi.Input<number>;
  /** Until a request is answered. Default 30. */
  request?: pulumi.Input<number>;
}

/**
 * How to reach a server that is to be administered: either `socketPath`, or `address` with a client certificate, its
 * key and a pin. Left out, stack config (`lxd-access:socketPath`, `lxd-access:address`, …) is used, then the environment
 * (LXD_SOCKET, LXD_DIR, INCUS_SOCKET, INCUS_DIR), then the usual sockets of this machine.
 */
export interface Connection {
  /** Absolute path of the server's unix socket on this machine. */
  socketPath?: pulumi.Input<string>;
  /** Host, host:port or https URL. Default port 8443. */
  address?: pulumi.Input<string>;
  /** Certificate of a client that the server trusts, PEM. */
  clientCertificate?: pulumi.Input<string>;
  /** Private key of that certificate, PEM. Secret. */
  clientKey?: pulumi.Input<string>;
  /** SHA-256 of the server's certificate, 64 hex digits. */
  serverFingerprint?: pulumi.Input<string>;
  /** The server's certificate, or that of the CA which signed it (then the host name is checked too), PEM. */
  serverCertificate?: pulumi.Input<string>;
  /** Bounds on waiting. */
  timeouts?: pulumi.Input<Timeouts>;
}
