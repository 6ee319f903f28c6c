/**
 * What a resource claims for the rest of a run. Pulumi makes the new resource before it deletes one that was replaced,
 * renamed or moved: that delete then leaves what the new one of its kind has claimed.
 */

/**
 * A client (SHA-256 of its certificate, hex) that is trusted by a server (the same of the server's): joined by a Remote, or
 * given its rights by a TrustToken. Each spares it for its own kind only, as the one does not say what the other wants.
 */
export function clientClaim(
  kind: "Remote" | "TrustToken",
  serverFingerprint: string,
  clientFingerprint: string,
): string {
  return JSON.stringify([kind, "client", serverFingerprint, clientFingerprint]);
}

/** A remote's name in a client directory, by the directory's absolute path without links. */
export function entryClaim(directory: string, name: string): string {
  return JSON.stringify(["Remote", "entry", directory, name]);
}
