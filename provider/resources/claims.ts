/**
 * What a resource claims for the rest of a run. Pulumi makes the new resource before it deletes one that was replaced,
 * renamed or moved: that delete then leaves what the new one has claimed.
 */

/** A client (SHA-256 of its certificate, hex) that a Remote has, trusted by a server (the same of the server's). */
export function clientClaim(serverFingerprint: string, clientFingerprint: string): string {
  return JSON.stringify(["client", serverFingerprint, clientFingerprint]);
}

/** A remote's name in a client directory, by the directory's absolute path without links. */
export function entryClaim(directory: string, name: string): string {
  return JSON.stringify(["remote", directory, name]);
}
