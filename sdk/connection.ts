import type * as pulumi from "@pulumi/pulumi";

/** Bounds on waiting for a server, in seconds. */
export interface Timeouts {
  /** Until a connection stands. Default 10. */
  connect?: pulumi.Input<number>;
  /** Until a request is answered. Default 30. */
  request?: pulumi.Input<number>;
}

/** A host that is reached by SSH, and a way to log in to it. Settings of `~/.ssh/config` are not looked at. */
export interface SshHop {
  /** Name or IP address. */
  host: pulumi.Input<string>;
  /** Port of its SSH server. Default 22. */
  port?: pulumi.Input<number>;
  /** Who logs in, and may use the server's socket. Default: the user that Pulumi runs as. */
  user?: pulumi.Input<string>;
  /**
   * Private key to log in with, in OpenSSH's form or PEM. Secret. One of `privateKey`, `privateKeyPath` and `agent`;
   * without them the keys of SSH_AUTH_SOCK's agent are tried, then those of ~/.ssh/id_ed25519, id_ecdsa and id_rsa.
   */
  privateKey?: pulumi.Input<string>;
  /** File of the private key: absolute, below `~`, or relative to the program's folder. */
  privateKeyPath?: pulumi.Input<string>;
  /** Keys of an agent alone: true for the one of SSH_AUTH_SOCK, or the path of its socket; false for none of any agent. */
  agent?: pulumi.Input<boolean | string>;
  /** Passphrase of the private key. Secret. */
  privateKeyPassphrase?: pulumi.Input<string>;
  /** SHA-256 of one of the host's keys as `ssh-keygen -lf` prints it, "SHA256:…". */
  hostKeyFingerprint?: pulumi.Input<string>;
  /** File with the host's key, in the form of known_hosts. Default ~/.ssh/known_hosts. An unknown host is refused. */
  knownHostsPath?: pulumi.Input<string>;
}

/** The server's unix socket on another host, forwarded through one SSH connection that all resources of that host share. */
export interface Ssh extends SshHop {
  /** A bastion through which the host is reached. */
  proxyJump?: pulumi.Input<SshHop>;
  /** Path of the server's unix socket on that host. Default: the usual ones, each tried in turn. */
  socketPath?: pulumi.Input<string>;
}

/**
 * How to reach a server that is to be administered: `socketPath`; or `address` with a client certificate, its key and a
 * pin; or `ssh`; or `remote`. Left out, stack config (`lxd-access:address`, `lxd-access:ssh`, …) is used, then the
 * environment (LXD_ACCESS_ADDRESS, LXD_ACCESS_SSH_HOST, …, then LXD_SOCKET, LXD_DIR, INCUS_SOCKET, INCUS_DIR), then the
 * usual sockets of this machine.
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
  /** The server's unix socket on another host: no port of LXD needs to be open there. */
  ssh?: pulumi.Input<Ssh>;
  /** Name of a remote that `lxc` or `incus` has on this machine, with its pin and client certificate. */
  remote?: pulumi.Input<string>;
  /** Client directory of `remote`, which has to be there. Default: the one `lxc` uses (LXD_CONF), else that of `incus` (INCUS_CONF). */
  configDir?: pulumi.Input<string>;
  /** Bounds on waiting. */
  timeouts?: pulumi.Input<Timeouts>;
}

/** @internal Paths of what is secret in the inputs of a resource that has a `connection`. */
export const connectionSecrets: readonly (readonly string[])[] = [
  ["connection", "clientKey"],
  ["connection", "ssh", "privateKey"],
  ["connection", "ssh", "privateKeyPassphrase"],
  ["connection", "ssh", "proxyJump", "privateKey"],
  ["connection", "ssh", "proxyJump", "privateKeyPassphrase"],
];
