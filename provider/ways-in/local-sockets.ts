/** Where the server's socket of this machine is, found as `lxc` and `incus` find it. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Whose socket it is. */
export type Flavor = "lxd" | "incus";

const usual: Readonly<Record<Flavor, readonly string[]>> = {
  lxd: ["/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"],
  incus: ["/run/incus/unix.socket", "/var/lib/incus/unix.socket"],
};

/** The sockets where servers usually have them, in the order in which they are tried. */
export const usualSockets: readonly string[] = [...usual.lxd, ...usual.incus];

/**
 * The socket that the environment names (LXD_SOCKET, LXD_DIR, INCUS_SOCKET, INCUS_DIR; empty ones count as none), else the
 * first usual one that can be used; undefined where there is none.
 */
export function findLocalSocket(
  environment: NodeJS.ProcessEnv,
  isUsable: (path: string) => boolean = isWritable,
  flavors: readonly Flavor[] = ["lxd", "incus"],
): string | undefined {
  for (const flavor of flavors) {
    const prefix = flavor.toUpperCase();
    const socket = environment[`${prefix}_SOCKET`];
    if (socket !== undefined && socket !== "") return socket;
    const directory = environment[`${prefix}_DIR`];
    if (directory !== undefined && directory !== "") return join(directory, "unix.socket");
  }
  return flavors.flatMap((flavor) => usual[flavor]).find(isUsable);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
