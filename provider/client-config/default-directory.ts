import { statSync } from "node:fs";
import { join } from "node:path";
import type { ConfigFlavor } from "./config-document";

/**
 * The client directory that `lxc` ("lxd") or `incus` would use, where a program names none: LXD_CONF or INCUS_CONF,
 * else the snap's where LXD's client is a snap, else the one below ~/.config. It need not exist.
 *
 * @param environment of the process; empty variables count as none, as for the clients.
 * @param home absolute path of the user's home directory.
 * @param exists whether a directory is there.
 * @returns a path as the environment gives it, so it may be relative.
 */
export function defaultClientDirectory(
  flavor: ConfigFlavor,
  environment: NodeJS.ProcessEnv,
  home: string,
  exists: (directory: string) => boolean = isThere,
): string {
  const named = environment[flavor === "incus" ? "INCUS_CONF" : "LXD_CONF"];
  if (named !== undefined && named !== "") return named;
  if (flavor === "incus") return join(home, ".config", "incus");
  const snap = join(home, "snap", "lxd", "common", "config");
  return exists(snap) ? snap : join(home, ".config", "lxc");
}

function isThere(directory: string): boolean {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
}
