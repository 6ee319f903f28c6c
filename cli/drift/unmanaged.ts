/** Who has access to a server, and where it listens, although no resource of the stacks says so. */
import { quoted } from "../../provider/errors";
import { isActive, isPending } from "../../provider/lxd/entities";
import { expiryOf } from "../../provider/lxd/trust-token";
import { membershipOf, restrictionOf, type Rights } from "../../provider/resources/trust-token-schema";
import { asTime } from "./expiries";
import type { FleetServer } from "./fleet";
import type { RawFinding } from "./report";

/** What resources have on a server. */
export interface Managed {
  /** SHA-256 of client certificates, hex. */
  readonly clients: ReadonlySet<string>;
  /** Operations of certificate tokens that wait, and ids of pending identities. */
  readonly tokens: ReadonlySet<string>;
  /** Names of the servers, or members of the cluster, whose listener an HttpsAddress sets. */
  readonly listeners: ReadonlySet<string>;
}

/** What nobody manages; nothing where it could not be told. */
export function findUnmanaged({ name: place, server, access }: FleetServer, managed: Managed): RawFinding[] {
  if (server === undefined || access === undefined) return [];
  const { certificates, identities, tokens, listeners } = access;
  const clients = [
    ...certificates
      .filter(({ type }) => type === "client")
      .map((one) => ({ name: one.name, fingerprint: one.fingerprint, rights: restrictionOf(one) })),
    ...identities
      .filter(isActive)
      .map((one) => ({ name: one.name, fingerprint: one.id, rights: membershipOf(one) })),
  ];
  const waiting = [
    ...tokens.map(({ operation: id, token: { request, expiresAt } }) => ({
      ...{ id, name: request.name, rights: restrictionOf(request) },
      expiresAt: expiryOf(expiresAt),
    })),
    ...identities
      .filter(isPending)
      .map((one) => ({ id: one.id, name: one.name, rights: membershipOf(one), expiresAt: undefined })),
  ];
  return [
    ...clients
      .filter(({ fingerprint }) => !managed.clients.has(fingerprint))
      .map(({ name, fingerprint, rights }): RawFinding => ({
        ...{ kind: "unmanaged-client" as const, type: "client", name, server: place },
        found: { fingerprint, ...rights },
        message: `${place} trusts the client ${JSON.stringify(name)} (${fingerprint.slice(0, 12)}), which is in none of the stacks and ${described(rights)}`,
      })),
    ...waiting
      .filter(({ id }) => !managed.tokens.has(id))
      .map(({ id, name, rights, expiresAt }): RawFinding => ({
        ...{ kind: "unmanaged-token" as const, type: "token", name, server: place },
        ...{ found: { id, ...rights }, expiresAt: asTime(expiresAt) },
        message: `On ${place} a token for ${JSON.stringify(name)} waits, which is in none of the stacks. Its client ${described(rights)}`,
      })),
    ...listeners
      .filter(({ server: { identity } }) =>
        server.isClustered ? !managed.listeners.has(identity.name) : managed.listeners.size === 0,
      )
      .map(({ member, address }): RawFinding => ({
        ...{ kind: "unmanaged-listener" as const, type: "listener", name: address, server: place },
        found: member === undefined ? { address } : { address, member },
        message: `${place}${member === undefined ? "" : `, its member ${JSON.stringify(member)},`} listens on ${JSON.stringify(address)}, which is in none of the stacks`,
      })),
  ];
}

/** What a client may do, as a phrase that follows its name. */
function described(rights: Rights): string {
  if ("groups" in rights)
    return rights.groups.length === 0 ? "is in no group" : `is in the groups ${quoted(rights.groups)}`;
  if (!rights.restricted) return "may do everything";
  return `may use ${rights.projects.length === 0 ? "no project" : `the projects ${quoted(rights.projects)}`}`;
}
