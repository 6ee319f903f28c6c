/** The server that a resource is about, which in a cluster is one of its members. */
import { isAccessError, quoted, refuse } from "../errors";
import type { LxdClient } from "../lxd/client";
import { type AdministeredServer, getAdministeredServer, type ServerIdentity } from "./server-identity";

/** Which server is meant, and how to look. */
export interface MemberOptions {
  /** Cluster member; undefined is the server that answers. */
  readonly target: string | undefined;
  readonly fresh?: boolean;
}

/**
 * Reads a server as its administrator; with `target` this member of the cluster, whichever of them answers. Undefined
 * where the cluster has no such member (any more). INPUT_INVALID where the server is not clustered; otherwise the errors of
 * {@link getAdministeredServer}.
 */
export async function findMember(
  client: LxdClient,
  expected: ServerIdentity | undefined,
  { target, fresh }: MemberOptions,
): Promise<AdministeredServer | undefined> {
  try {
    return await getAdministeredServer(client, expected, { fresh, target });
  } catch (error) {
    if (target === undefined || !isAccessError(error, "LXD_NOT_FOUND")) throw error;
    // Only who administers the right cluster can conclude anything from its list.
    const server = await getAdministeredServer(client, expected, { fresh: true });
    if (!server.isClustered) {
      refuse("INPUT_INVALID", `target: ${client.name} is not clustered; leave out ${JSON.stringify(target)}`);
    }
    if ((await memberNames(client)).includes(target)) throw error;
    return undefined;
  }
}

/** The same, where the member has to be there: INPUT_INVALID lists those that are. */
export async function requireMember(
  client: LxdClient,
  expected: ServerIdentity | undefined,
  options: MemberOptions,
): Promise<AdministeredServer> {
  const server = await findMember(client, expected, options);
  if (server !== undefined) return server;
  return refuse(
    "INPUT_INVALID",
    `target: the cluster of ${client.name} has no member ${JSON.stringify(options.target)}. It has ${await listOfMembers(client)}`,
  );
}

/** Refuses to guess a member: INPUT_INVALID where the server is clustered and none was named. */
export async function requireTargetNamed(
  client: LxdClient,
  server: AdministeredServer,
  target: string | undefined,
): Promise<void> {
  if (!server.isClustered || target !== undefined) return;
  refuse(
    "INPUT_INVALID",
    `target: is required, as ${client.name} is clustered and every member has a listener of its own. ` +
      `Name one of ${await listOfMembers(client)}`,
  );
}

/** Names a server in messages; with `target` this member of its cluster. */
export function describeMember(client: LxdClient, target: string | undefined): string {
  return target === undefined ? client.name : `the member ${JSON.stringify(target)} of ${client.name}`;
}

/** Names of the members of a cluster, as the server lists them now. */
export async function memberNames(client: LxdClient): Promise<string[]> {
  return (await client.getClusterMembers({ fresh: true })).map(({ name }) => name);
}

async function listOfMembers(client: LxdClient): Promise<string> {
  return quoted(await memberNames(client));
}

/**
 * Proves that an operation that is not listed is gone. A cluster lists those of the members that answer; asked for one of
 * another member it fails (LXD_UNREACHABLE), where for one that is gone it says so.
 */
export async function requireGone(
  client: LxdClient,
  server: AdministeredServer,
  operation: string | undefined,
): Promise<void> {
  if (!server.isClustered || operation === undefined) return;
  try {
    await client.getOperation(operation);
  } catch (error) {
    if (!isAccessError(error, "LXD_NOT_FOUND")) throw error;
  }
}
