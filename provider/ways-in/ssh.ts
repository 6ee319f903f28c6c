/** From `ssh` in a connection to a host and a way to log in, with what `ssh` would take where nothing is said. */
import { userInfo } from "node:os";
import type { Ssh, SshHop } from "../connection";
import { messageOf, refuse } from "../errors";
import type { HostKeyPin, KeySource, SshHost } from "../lxd/ssh/host";
import type { Endpoint } from "../lxd/transport";
import { localPath } from "./local-path";
import { usualSockets } from "./local-sockets";

/** Where paths start, and what is around. */
export interface Place {
  readonly environment: NodeJS.ProcessEnv;
  readonly programDirectory: string;
}

/** Private keys that `ssh` tries by itself. */
const usualKeys = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/**
 * The endpoint that `ssh` means. No file is read yet.
 * @throws AccessError CONFIG_INVALID where the agent or the user's name is nowhere to be found.
 */
export function sshEndpoint({ proxyJump, socketPath, ...host }: Ssh, place: Place): Endpoint {
  return {
    kind: "ssh",
    host: hostOf(host, place, "ssh"),
    bastion: proxyJump === undefined ? undefined : hostOf(proxyJump, place, "ssh.proxyJump"),
    socketPaths: socketPath === undefined ? usualSockets : [socketPath],
  };
}

function hostOf(hop: SshHop, place: Place, property: string): SshHost {
  const { host, port = 22, user, privateKeyPassphrase: passphrase } = hop;
  return {
    ...{ host, port, passphrase },
    user: user ?? ownName(property),
    agent: agentOf(hop, place.environment, property),
    keys: keysOf(hop, place, property),
    hostKey: hostKeyOf(hop, place, property),
  };
}

/** The agent that is asked for; or that is there, where nothing else is said. */
function agentOf(hop: SshHop, environment: NodeJS.ProcessEnv, property: string): string | undefined {
  const { agent, privateKey, privateKeyPath, privateKeyPassphrase } = hop;
  if (typeof agent === "string") return agent;
  const socket = environment["SSH_AUTH_SOCK"] || undefined;
  if (agent === true)
    return (
      socket ??
      refuse("CONFIG_INVALID", `${property}.agent is true, but SSH_AUTH_SOCK is not set. Start an agent`)
    );
  const isElsewhere =
    agent === false ||
    [privateKey, privateKeyPath, privateKeyPassphrase].some((given) => given !== undefined);
  return isElsewhere ? undefined : socket;
}

/** The keys that are given; the usual ones, also beside an agent that is only there, unless the agent is asked for. */
function keysOf({ agent, privateKey, privateKeyPath }: SshHop, place: Place, property: string): KeySource[] {
  if (privateKey !== undefined) return [{ text: privateKey }];
  if (agent !== undefined && agent !== false) return [];
  const paths = privateKeyPath === undefined ? usualKeys : [privateKeyPath];
  return paths.map((path) => ({
    path: localPath(path, place.programDirectory, `${property}.privateKeyPath`),
    isOptional: privateKeyPath === undefined,
  }));
}

function hostKeyOf(
  { hostKeyFingerprint, knownHostsPath }: SshHop,
  place: Place,
  property: string,
): HostKeyPin {
  if (hostKeyFingerprint !== undefined) return { fingerprint: hostKeyFingerprint };
  const path = knownHostsPath ?? "~/.ssh/known_hosts";
  return {
    knownHosts: localPath(path, place.programDirectory, `${property}.knownHostsPath`),
    isOptional: knownHostsPath === undefined,
  };
}

function ownName(property: string): string {
  try {
    return userInfo().username;
  } catch (error) {
    return refuse(
      "CONFIG_INVALID",
      `${property}.user: this process's user has no name (${messageOf(error)}). Give one`,
    );
  }
}
