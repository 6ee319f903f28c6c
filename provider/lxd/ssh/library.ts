import type * as Ssh2 from "ssh2";

/**
 * The SSH library, loaded where it is first needed: it takes its time, and most runs need none. package.json keeps to one
 * minor release of it, since `handshake.ts` tells some of its errors by their wording.
 */
export async function loadSsh2(): Promise<typeof Ssh2> {
  // Node finds some of its names only; all of them are in the default export, of which its types do not know.
  return Reflect.get(await import("ssh2"), "default") as typeof Ssh2;
}
