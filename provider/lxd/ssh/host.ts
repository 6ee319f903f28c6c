/** A host that is reached by SSH: who logs in, with what, and how the host proves who it is. */
import { formatHostAndPort } from "../address";

/** A private key, as text (secret), or as a file that is read when a connection is opened. */
export type KeySource =
  | {
      readonly text: string;
    }
  | {
      /** Absolute path. */
      readonly path: string;
      /** One of the usual files, which is passed over where it is missing or cannot be used. */
      readonly isOptional: boolean;
    };

/** How a host proves who it is: the fingerprint of its key ("SHA256:…"), or a file in the form of known_hosts. */
export type HostKeyPin =
  | { readonly fingerprint: string }
  | {
      /** Absolute path. */
      readonly knownHosts: string;
      /** The user's own file, which may be missing: then no host is known. */
      readonly isOptional: boolean;
    };

/** A host and a way to log in to it. */
export interface SshHost {
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Tried in this order, after those of the agent. */
  readonly keys: readonly KeySource[];
  /** Opens protected keys. Secret. */
  readonly passphrase?: string;
  /** Path of an agent's socket, whose keys are tried. */
  readonly agent?: string;
  readonly hostKey: HostKeyPin;
}

/** Names a host in messages: `ssh://user@host:port`. */
export function describeSshHost({ host, port, user }: Pick<SshHost, "host" | "port" | "user">): string {
  return `ssh://${user}@${formatHostAndPort({ host, port })}`;
}
