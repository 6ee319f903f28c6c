/**
 * Ways in to a server that is to be administered: its unix socket on this machine, HTTPS with a client certificate and a
 * pin, its unix socket on another machine through SSH, or a remote that `lxc` or `incus` has. A resource says it in its
 * `connection`; where it does not, stack config (`lxd-access:*`) and the environment are looked at, at each call and never
 * copied into the resource (see `ways-in/`).
 */
import * as z from "zod";
import { parseServerAddress } from "./lxd/address";
import { describeSshKeyProblem } from "./lxd/ssh/private-key";
import type { Timeouts } from "./lxd/transport";
import {
  describeConfigDirProblem,
  fingerprint,
  pemText,
  port,
  serverAddress,
  textThat,
  timeouts,
} from "./properties";

export { connectionRules } from "./connection-rules";

/** Schema of a path on this machine: absolute, below `~`, or relative to the program's folder. */
const pathHere = textThat(describeConfigDirProblem);
const socketOnHost = textThat(describeSocketPathProblem);

/** Schema of a host that is reached by SSH. */
const sshHop = z
  .strictObject({
    host: textThat(describeHostProblem).meta({ description: "Name or IP address of the host." }),
    port: port.optional().meta({ description: "Port of its SSH server. Default 22." }),
    user: textThat(describeUserProblem).optional().meta({
      description: "Who logs in, and may use the server's socket. Default: the user that Pulumi runs as.",
    }),
    privateKey: textThat(describeSshKeyProblem)
      .optional()
      .meta({
        description:
          "Private key to log in with, in OpenSSH's form or PEM. One of privateKey, privateKeyPath and agent; without them the keys " +
          "of SSH_AUTH_SOCK's agent are tried, then those of ~/.ssh/id_ed25519, id_ecdsa and id_rsa.",
        secret: true,
      }),
    privateKeyPath: pathHere.optional().meta({
      description:
        "File of the private key to log in with: absolute, below ~, or relative to the program's folder.",
    }),
    agent: z
      .union(
        [z.boolean(), textThat(describeSocketPathProblem)],
        "must be true, or the path of an agent's socket",
      )
      .optional()
      .meta({
        description:
          "Log in with the keys of an agent alone: true for the one of SSH_AUTH_SOCK, or its socket's path; false for none of " +
          "any agent.",
      }),
    privateKeyPassphrase: z
      .string()
      .optional()
      .meta({ description: "Passphrase of the private key.", secret: true }),
    hostKeyFingerprint: z
      .string()
      .regex(
        /^SHA256:[A-Za-z0-9+/]{43}=?$/,
        'must be a fingerprint as `ssh-keygen -lf` prints it: "SHA256:" and 43 characters',
      )
      .optional()
      .meta({ description: "SHA-256 of one of the host's keys, as `ssh-keygen -lf` prints it." }),
    knownHostsPath: pathHere.optional().meta({
      description:
        "File with the host's key, in the form of known_hosts. Default ~/.ssh/known_hosts. An unknown host is refused.",
    }),
  })
  .meta({
    id: "SshHop",
    description:
      "A host that is reached by SSH, and a way to log in to it. Settings of ~/.ssh/config are not looked at.",
  });

/** Schema of `ssh` in a connection. */
const ssh = sshHop
  .extend({
    proxyJump: sshHop.optional().meta({ description: "A bastion through which the host is reached." }),
    socketPath: socketOnHost.optional().meta({
      description:
        "Path of the server's unix socket on that host. Default: the usual ones, each tried in turn.",
    }),
  })
  .meta({
    id: "Ssh",
    description:
      "The server's unix socket on another host, through one SSH connection that all resources of that host share: no port of " +
      "the server needs to be open there.",
  });
export type SshHop = z.infer<typeof sshHop>;
export type Ssh = z.infer<typeof ssh>;

/** Schema of a `connection`. */
export const connection = z
  .strictObject({
    socketPath: socketOnHost
      .optional()
      .meta({ description: "Absolute path of the server's unix socket on this machine." }),
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
    ssh: ssh.optional(),
    remote: textThat(describeRemoteProblem).optional().meta({
      description:
        "Name of a remote that `lxc` or `incus` has on this machine, with its pin and client certificate.",
    }),
    configDir: pathHere.optional().meta({
      description:
        "Client directory of that remote, which has to be there. Default: the one that `lxc` uses (LXD_CONF), else that of " +
        "`incus` (INCUS_CONF).",
    }),
    timeouts: timeouts.optional(),
  })
  .meta({
    id: "Connection",
    description:
      "How to reach the server: socketPath; or address with a client certificate, its key and a pin; or ssh; or remote. Left " +
      "out, the provider's configuration is used, then the environment, then the usual sockets of this machine.",
  });
export type Connection = z.infer<typeof connection>;

/** The kernel takes no longer path for a socket, in bytes. */
const longestSocketPath = 107;

function describeSocketPathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "must be an absolute path";
  if (/\p{Cc}/u.test(path)) return "must not contain control characters";
  return Buffer.byteLength(path) > longestSocketPath
    ? `must be at most ${longestSocketPath} bytes long: a socket cannot have a longer path`
    : undefined;
}

function describeHostProblem(host: string): string | undefined {
  const isHost = !/^https:|\/|[[\]]|^[^:]*:[^:]*$/i.test(host) && parseServerAddress(host) !== undefined;
  return isHost ? undefined : "must be a host name or an IP address, without user, port or brackets";
}

function describeUserProblem(user: string): string | undefined {
  if (user === "") return "must not be empty";
  return /[\p{C}\p{Z}@]/u.test(user)
    ? 'must not contain "@", blanks or characters that cannot be printed'
    : undefined;
}

function describeRemoteProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  return /[\p{C}\p{Z}:/\\]|^[-.~]/u.test(name)
    ? 'must be the name of a remote as `lxc remote list` shows it, without ":"'
    : undefined;
}

/** How long to wait where nothing else is said, in seconds. */
export const defaultTimeouts: Timeouts = { connect: 10, request: 30 };

/** Seconds to wait, with the defaults filled in. */
export function timeoutsOf(given: Partial<Timeouts> | undefined): Timeouts {
  return {
    connect: given?.connect ?? defaultTimeouts.connect,
    request: given?.request ?? defaultTimeouts.request,
  };
}

/** Configuration of the provider: texts by name, as `lxd-access:NAME` in the stack. */
export type ProviderConfig = Readonly<Record<string, string | undefined>>;

/** Names that are read from stack config. `ssh` and `timeouts` are objects, as JSON text. */
export const configNames = [
  ...["socketPath", "address", "clientCertificate", "clientKey", "serverFingerprint", "serverCertificate"],
  ...["ssh", "remote", "configDir", "timeouts", "onUnreachable"],
] as const;

/** The configuration as texts, from the inputs of a provider: what is no text is given as JSON, as it is in stack config. */
export function configurationOf(inputs: Readonly<Record<string, unknown>>): ProviderConfig {
  return Object.fromEntries(
    configNames
      .filter((name) => inputs[name] !== undefined && inputs[name] !== null)
      .map((name) => [name, asText(inputs[name])]),
  );
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The environment's variable for each property of a connection, by the property's path. */
export const connectionVariables = {
  socketPath: "LXD_ACCESS_SOCKET_PATH",
  address: "LXD_ACCESS_ADDRESS",
  clientCertificate: "LXD_ACCESS_CLIENT_CERTIFICATE",
  clientKey: "LXD_ACCESS_CLIENT_KEY",
  serverFingerprint: "LXD_ACCESS_SERVER_FINGERPRINT",
  serverCertificate: "LXD_ACCESS_SERVER_CERTIFICATE",
  remote: "LXD_ACCESS_REMOTE",
  configDir: "LXD_ACCESS_CONFIG_DIR",
  "ssh.host": "LXD_ACCESS_SSH_HOST",
  "ssh.port": "LXD_ACCESS_SSH_PORT",
  "ssh.user": "LXD_ACCESS_SSH_USER",
  "ssh.privateKey": "LXD_ACCESS_SSH_PRIVATE_KEY",
  "ssh.privateKeyPath": "LXD_ACCESS_SSH_PRIVATE_KEY_PATH",
  "ssh.privateKeyPassphrase": "LXD_ACCESS_SSH_PRIVATE_KEY_PASSPHRASE",
  "ssh.agent": "LXD_ACCESS_SSH_AGENT",
  "ssh.hostKeyFingerprint": "LXD_ACCESS_SSH_HOST_KEY_FINGERPRINT",
  "ssh.knownHostsPath": "LXD_ACCESS_SSH_KNOWN_HOSTS_PATH",
  "ssh.socketPath": "LXD_ACCESS_SSH_SOCKET_PATH",
  "ssh.proxyJump.host": "LXD_ACCESS_SSH_PROXY_JUMP_HOST",
  "ssh.proxyJump.port": "LXD_ACCESS_SSH_PROXY_JUMP_PORT",
  "ssh.proxyJump.user": "LXD_ACCESS_SSH_PROXY_JUMP_USER",
  "ssh.proxyJump.privateKey": "LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY",
  "ssh.proxyJump.privateKeyPath": "LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PATH",
  "ssh.proxyJump.privateKeyPassphrase": "LXD_ACCESS_SSH_PROXY_JUMP_PRIVATE_KEY_PASSPHRASE",
  "ssh.proxyJump.agent": "LXD_ACCESS_SSH_PROXY_JUMP_AGENT",
  "ssh.proxyJump.hostKeyFingerprint": "LXD_ACCESS_SSH_PROXY_JUMP_HOST_KEY_FINGERPRINT",
  "ssh.proxyJump.knownHostsPath": "LXD_ACCESS_SSH_PROXY_JUMP_KNOWN_HOSTS_PATH",
} as const;

/** ... and for the bounds on waiting, which hold for every way in. */
export const timeoutVariables = {
  "timeouts.connect": "LXD_ACCESS_TIMEOUTS_CONNECT",
  "timeouts.request": "LXD_ACCESS_TIMEOUTS_REQUEST",
} as const;

/** ... and for `onUnreachable`. */
export const onUnreachableVariable = "LXD_ACCESS_ON_UNREACHABLE";
