/** Clients in a server's trust store, as far as a TrustToken has to do with them: which is its own, and what it may do. */
import { isDeepStrictEqual } from "node:util";
import { isAccessError, refuse } from "../errors";
import type { CheckFailure, Context } from "../handler";
import type { LxdClient } from "../lxd/client";
import type { Certificate } from "../lxd/entities";
import { unknownValue } from "../unknown";

/** What a client may do: everything, or what the projects in the list allow. */
export interface Restriction {
  readonly restricted: boolean;
  readonly projects: string[];
}

/** The restriction that inputs or an entry of the server say, in one form: projects sorted, each once. */
export function restrictionOf(source: { restricted?: unknown; projects?: unknown }): Restriction {
  const names = Array.isArray(source.projects)
    ? source.projects.filter((name) => typeof name === "string")
    : undefined;
  const isSaid = typeof source.restricted === "boolean";
  return {
    restricted: isSaid ? source.restricted === true : names !== undefined,
    projects: [...new Set(names ?? [])].sort(),
  };
}

/** The mistakes in saying a restriction: it must be said, and one way. */
export function restrictionRules(projects: unknown, restricted: unknown): CheckFailure[] {
  if (projects === unknownValue || restricted === unknownValue) return [];
  if (projects !== undefined && restricted === false) {
    return [{ property: "projects", reason: "has no meaning beside restricted: false; keep one of them" }];
  }
  if (projects === undefined && (restricted === undefined || restricted === true)) {
    const reason =
      "is required: list the projects the client may use ([] is none), or say restricted: false for a full administrator";
    return [{ property: "projects", reason }];
  }
  return [];
}

/** Why a name is none for a client, as a phrase that follows the property's name. */
export function describeClientNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (name.startsWith("-") || name.includes("/"))
    return 'must not begin with "-" nor contain "/": servers refuse such names';
  return /\p{Cc}/u.test(name) ? "must not contain control characters" : undefined;
}

/** The trusted clients; servers and metrics collectors have entries of their own. */
export async function getClients(client: LxdClient, options: { fresh?: boolean }): Promise<Certificate[]> {
  return (await client.getCertificates(options)).filter(({ type }) => type === "client");
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
export function findClient(
  clients: readonly Certificate[],
  { name, fingerprints, others }: ClientMarks,
): Certificate | "none" | "several" {
  for (const expected of fingerprints) {
    const known = clients.find(({ fingerprint }) => fingerprint === expected?.toLowerCase());
    if (known !== undefined) return known;
  }
  const namesakes = clients.filter((entry) => entry.name === name && !others.includes(entry.fingerprint));
  const [only] = namesakes;
  if (only === undefined) return "none";
  return namesakes.length === 1 ? only : "several";
}

/** Brings the restriction of a trusted client to what is wanted. LXD_NOT_FOUND where a project does not exist. */
export async function restrictClient(
  client: LxdClient,
  fingerprint: string,
  restriction: Restriction,
): Promise<void> {
  const entry = (await getClients(client, { fresh: true })).find((one) => one.fingerprint === fingerprint);
  if (entry === undefined || isDeepStrictEqual(restrictionOf(entry), restriction)) return;
  if (client.ownFingerprint === fingerprint) {
    refuse(
      "LXD_LOCKOUT",
      `The client ${fingerprint} is the one that this connection to ${client.name} uses: restricted, it could not take that ` +
        "back. Use the server's unix socket, or another client for the connection",
    );
  }
  await requireProjects(client, restriction.projects);
  const { name, type, certificate } = entry;
  await client.updateCertificate(fingerprint, { name, type, certificate, ...restriction });
}

/** Takes a client out of the trust store; never the one that the connection in use shows. */
export async function removeClient(context: Context, client: LxdClient, fingerprint: string): Promise<void> {
  if (client.ownFingerprint === fingerprint) {
    context.log(
      "warning",
      `The client ${fingerprint} stays trusted by ${client.name}: it is the one that this connection uses. ` +
        "Remove it over another connection (`lxc config trust remove`)",
    );
    return;
  }
  await ignoreNotFound(client.deleteCertificate(fingerprint));
}

/** Servers take a token for a project that does not exist and spend it when it is redeemed, so it is looked up before. */
export async function requireProjects(client: LxdClient, projects: readonly string[]): Promise<void> {
  if (projects.length === 0) return;
  const existing = await client.getProjectNames({ fresh: true });
  const missing = projects.filter((name) => !existing.includes(name));
  if (missing.length === 0) return;
  const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");
  refuse(
    "LXD_NOT_FOUND",
    `projects: ${client.name} has no project ${quoted(missing)}. It has ${quoted(existing)}. ` +
      "Create it first (`lxc project create`), or depend on the resource that does",
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
