import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { FrontDoor, type Intercept, type SeenRequest } from "./front-door";
import { NetworkListener } from "./listener";
import { administrators } from "./groups";
import { defaultProject } from "./projects";
import { type ProfileName, profileOf } from "./profiles";
import { serverIdentity } from "./server-certificate";
import { State } from "./state";

export { type ProfileName, profileNames } from "./profiles";
export type { Intercept, SeenRequest } from "./front-door";

/** A running stand-in for a server. */
export interface Double {
  readonly flavor: "lxd" | "incus";
  /** The version it stands in for. */
  readonly name: ProfileName;
  /** Holds the socket and the server's certificate, as LXD_DIR does. */
  readonly directory: string;
  readonly socketPath: string;
  /** Every request so far, in the order of arrival. Cleared by setting `length = 0`. */
  readonly requests: Omit<SeenRequest, "body">[];
  /** Connections accepted so far over the socket and the network, failed TLS handshakes included. */
  readonly connections: number;
  /**
   * Asks this function about every request; what it returns happens instead of, or after, the handling.
   * One function at a time; undefined removes it.
   */
  intercept(hook: Intercept | undefined): void;
  /**
   * As a clean restart of a real server: connections and tokens are lost, config and trust stay, the socket and
   * the listener are bound again. `server.crt` and `server.key` are made anew if they were deleted.
   * A listener that cannot be bound stays away (a real server tries once more after half a minute).
   */
  restart(): Promise<void>;
  /** Ends every connection and removes what it made in the directory. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a double of this version. `directory` must be short (its socket's path is limited to 108 bytes) and is
 * removed again if it was made here; default: a new one. `speed` divides the real servers' own delays, which are
 * a second for an address that cannot be bound and five for finished operations; tests need not sit them out.
 */
export async function startDouble(
  profileName: ProfileName,
  options: { directory?: string; speed?: number; name?: string } = {},
): Promise<Double> {
  const { speed = 1, name = hostname() } = options;
  const profile = profileOf(profileName);
  const directory = options.directory ?? mkdtempSync("/tmp/lxa-double-");
  const made = options.directory === undefined || !existsSync(directory);
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const socketPath = join(directory, "unix.socket");
  const state = new State(name, profile.timeOrderedIds, speed);
  state.projects.set("default", defaultProject(profile.projectFeatures, profile.flavor));

  if (profile.hasIdentities) state.groups.set(administrators.name, administrators);

  const door = new FrontDoor(socketPath);
  const open = async () => {
    const identity = await serverIdentity(directory, state.serverName);
    const listener = new NetworkListener(profile, door.acceptTls, speed);
    await door.open({ profile, state, listener, identity }, identity.privateKey);
    await listener.start(state.config["core.https_address"] ?? "");
  };
  const stop = async () => {
    await door.close();
    for (const file of ["unix.socket", "server.crt", "server.key"])
      rmSync(join(directory, file), { force: true });
    if (made) rmSync(directory, { recursive: true, force: true });
  };
  try {
    await open();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    flavor: profile.flavor,
    name: profileName,
    directory,
    socketPath,
    requests: door.requests,
    get connections() {
      return door.connections;
    },
    intercept: (hook) => {
      door.hook = hook;
    },
    restart: async () => {
      await door.close();
      state.forget();
      await open();
    },
    stop,
  };
}
