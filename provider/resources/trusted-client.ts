/** Clients in a server's trust store, as far as a TrustToken has to do with them: how they may be called, and which is its own. */
import { isAccessError, quoted, refuse } from "../errors";
import type { LxdClient } from "../lxd/client";

/** Why a name is none for a client, as a phrase that follows the property's name. */
export function describeClientNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (name.startsWith("-") || name.includes("/"))
    return 'must not begin with "-" nor contain "/": servers refuse such names';
  return /\p{Cc}/u.test(name) ? "must not contain control characters" : undefined;
}

/** What tells a token's client from others; fingerprints are SHA-256, hex. */
export interface ClientMarks {
  readonly name: string;
  /** Its fingerprint: as seen, before as expected. */
  readonly fingerprints: readonly (string | undefined)[];
  /** Clients of this name that were there before the token was issued. */
  readonly others: readonly string[];
}

/**
 * The client that redeemed a token: by its fingerprint where that is known, else the only one under the name that was
 * not there when the token was issued. Another fingerprint under the name is the same client with a new key.
 */
export function findClient<Client extends { readonly name: string; readonly fingerprint: string }>(
  clients: readonly Client[],
  { name, fingerprints, others }: ClientMarks,
): Client | "none" | "several" {
  for (const expected of fingerprints) {
    const known = clients.find(({ fingerprint }) => fingerprint === expected?.toLowerCase());
    if (known !== undefined) return known;
  }
  const namesakes = clients.filter((entry) => entry.name === name && !others.includes(entry.fingerprint));
  const [only] = namesakes;
  if (only === undefined) return "none";
  return namesakes.length === 1 ? only : "several";
}

/** Servers take a token for a project that does not exist and spend it when it is redeemed, so it is looked up before. */
export async function requireProjects(client: LxdClient, projects: readonly string[]): Promise<void> {
  if (projects.length === 0) return;
  const existing = await client.getProjectNames({ fresh: true });
  const missing = projects.filter((name) => !existing.includes(name));
  if (missing.length === 0) return;
  refuse(
    "LXD_NOT_FOUND",
    `projects: ${client.name} has no project ${quoted(missing)}, or does not show it to this client, which sees ` +
      `${quoted(existing) || "none"}. Create it first (\`lxc project create\`), or depend on the resource that does`,
  );
}

/** What is gone already need not be removed. */
export async function ignoreNotFound(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isAccessError(error, "LXD_NOT_FOUND")) throw error;
  }
}
