/** A real SSH server of a test's own, with one user who may log in. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type KeyType = "ed25519" | "ecdsa" | "rsa";

/** How a key is written to its file: with a passphrase, or not in OpenSSH's own form. */
export interface KeyForm {
  readonly passphrase?: string;
  readonly format?: "PEM" | "PKCS8";
}

export interface TestSshd {
  readonly host: string;
  readonly port: number;
  /** Who may log in: the user that the tests run as. */
  readonly user: string;
  /** Free to keep files in; goes with {@link stop}. */
  readonly directory: string;
  /** A key that may log in, in OpenSSH's own form. */
  readonly privateKey: string;
  /** The file it is in. */
  readonly privateKeyPath: string;
  /** A known_hosts file with the first of the host's keys (Ed25519, unless told otherwise) under `[127.0.0.1]:port`. */
  readonly knownHostsPath: string;
  /** `ssh` of a connection: host, port, user, privateKey and knownHostsPath. */
  readonly connection: Readonly<Record<"host" | "user" | "privateKey" | "knownHostsPath", string>> & {
    readonly port: number;
  };
  /** Makes a key pair with ssh-keygen and lets it log in; answers the private key's file. */
  addKey(name: string, type?: KeyType, form?: KeyForm): string;
  /** A public host key, as in "ssh-ed25519 AAAA…". */
  hostKey(type?: KeyType): string;
  log(): string;
  /** How many connections were made so far. */
  connections(): number;
  /** How many logins succeeded so far. */
  logins(): number;
  /** Ends its connections; it goes on listening. */
  drop(): void;
  /** Makes its connections silent; it goes on listening. */
  freeze(): void;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one. `settings` are lines of sshd_config. */
export async function startTestSshd(
  options: { hostKeys?: readonly KeyType[]; settings?: readonly string[] } = {},
): Promise<TestSshd> {
  const { makeKey, startSshd } = await import("../../scripts/sshd.mjs");
  const sshd = await startSshd(options);
  const { host, port, user, directory, log } = sshd;
  const addKey: TestSshd["addKey"] = (name, type, form) => {
    const path = join(directory, name);
    sshd.authorize(makeKey(path, type, form));
    return path;
  };
  const privateKeyPath = addKey("id");
  const privateKey = readFileSync(privateKeyPath, "utf8");
  const knownHostsPath = join(directory, "known_hosts");
  writeFileSync(knownHostsPath, `[${host}]:${port} ${sshd.hostKey(options.hostKeys?.[0])}\n`);
  return {
    ...{ host, port, user, directory, privateKey, privateKeyPath, knownHostsPath, addKey, log },
    connection: { host, port, user, privateKey, knownHostsPath },
    hostKey: sshd.hostKey,
    connections: () => log().split("Connection from ").length - 1,
    logins: () => log().split("Accepted publickey for ").length - 1,
    drop: sshd.drop,
    freeze: sshd.freeze,
    kill: sshd.kill,
    start: sshd.start,
    stop: sshd.stop,
  };
}
