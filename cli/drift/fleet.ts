/** The servers of all stacks: each is looked at once, over whichever connection leads to it. */
import { Call } from "../../provider/call";
import { type AccessError, asAccessError, isAccessError } from "../../provider/errors";
import type { LxdClient } from "../../provider/lxd/client";
import { isActive } from "../../provider/lxd/entities";
import { fingerprintIn } from "../../provider/pki/certificate-facts";
import {
  type AdministeredServer,
  getAdministeredServer,
  isSameServer,
  type ServerIdentity,
  serverKey,
} from "../../provider/resources/server-identity";
import { readAccess, type ServerAccess } from "../server-access";
import type { ServerReport } from "./report";

/** A member of a cluster of which could not be told where it listens. */
interface UnseenMember {
  readonly member: string;
  readonly error: AccessError;
}

/** A server, and what came of looking at it. */
export interface FleetServer {
  /** Unlike those of the others. */
  readonly name: string;
  readonly report: ServerReport;
  /** Where a connection administers it. */
  readonly server?: AdministeredServer;
  readonly access?: ServerAccess;
  readonly unseen?: readonly UnseenMember[];
  /** Why a connection that should administer it could not tell who has access. */
  readonly error?: AccessError;
}

/** What is known of a server by a resource that does not administer it. */
export interface Glimpse extends Pick<ServerReport, "status" | "serverName" | "type" | "version"> {
  /** SHA-256 of its certificate, hex. */
  readonly fingerprint: string;
  /** Where it is, as in https://10.0.0.11:8443. */
  readonly place: string;
}

/** Whether something does not answer, or cannot be told for another reason. */
export function statusOf(error: AccessError): "unreachable" | "failed" {
  return isAccessError(error, "LXD_UNREACHABLE", "LXD_TIMEOUT") ? "unreachable" : "failed";
}

/** By what a server is known, as far as it is. */
type Marks = Pick<ServerIdentity, "uuid" | "fingerprint"> & { readonly name?: string };

type Answer =
  | { readonly server: AdministeredServer; readonly error?: undefined }
  | { readonly server?: undefined; readonly error: AccessError };
type Access = { readonly unseen: readonly UnseenMember[] } & (
  | { readonly access: ServerAccess; readonly error?: undefined }
  | { readonly access?: undefined; readonly error: AccessError }
);

/** All that leads to one server. */
interface Group {
  readonly clients: LxdClient[];
  readonly glimpses: Glimpse[];
  /** Where it did not answer as it should: the one that was there before. */
  readonly before?: ServerIdentity;
  server?: AdministeredServer;
  access?: ServerAccess;
  unseen?: readonly UnseenMember[];
  error?: AccessError;
}

export class Fleet {
  private readonly answers = new Map<LxdClient, Promise<Answer>>();
  private readonly expected = new Map<LxdClient, ServerIdentity>();
  private readonly looks = new Map<LxdClient, Promise<void>>();
  private readonly accesses = new Map<string, Promise<Access>>();
  private readonly glimpses: Glimpse[] = [];
  private readonly connections = new Set<LxdClient>();

  /** Says that a connection is one of the stacks'. */
  use(client: LxdClient): void {
    this.connections.add(client);
  }

  /** Has the server of a connection that administers it looked at, if it was not yet. `expected` is the one that it led to before. */
  async ask(client: LxdClient, expected: ServerIdentity | undefined): Promise<void> {
    this.use(client);
    if (expected !== undefined) this.expected.set(client, expected);
    const answering = this.answers.get(client) ?? this.greet(client);
    this.answers.set(client, answering);
    const { server } = await answering;
    // Of another server in its place nothing is the stacks'.
    if (server === undefined || (expected !== undefined && !isSameServer(expected, server.identity))) return;
    const looking = this.looks.get(client) ?? this.look(client, server);
    this.looks.set(client, looking);
    await looking;
  }

  glimpse(seen: Glimpse): void {
    this.glimpses.push(seen);
  }

  private async greet(client: LxdClient): Promise<Answer> {
    try {
      return { server: await lookOnly(() => getAdministeredServer(client, undefined)) };
    } catch (error) {
      return { error: asAccessError("lxd-access", error) };
    }
  }

  private async look(client: LxdClient, server: AdministeredServer): Promise<void> {
    const key = serverKey(server);
    // One connection may be shown what another one is not.
    const access =
      this.accesses.get(key)?.then((found) => (found.error === undefined ? found : accessOver(client))) ??
      accessOver(client);
    this.accesses.set(key, access);
    await access;
  }

  /** The servers, once all of them were looked at. `mask` takes secrets out of their names. */
  async servers(mask: (text: string) => string): Promise<Servers> {
    const groups: Group[] = [];
    const found = new Map<LxdClient | Glimpse, Group>();
    const put = (key: LxdClient | Glimpse, group: Group): Group => {
      if (!groups.includes(group)) groups.push(group);
      found.set(key, group);
      return group;
    };
    const answers = await Promise.all(
      [...this.answers].map(async ([client, answer]) => ({ client, answer: await answer })),
    );
    const byKey = new Map<string, Group>();
    for (const { client, answer } of answers) {
      if (answer.error !== undefined) continue;
      const key = serverKey(answer.server);
      const group = byKey.get(key) ?? { clients: [], glimpses: [], server: answer.server };
      byKey.set(key, group);
      put(client, group).clients.push(client);
      Object.assign(group, await this.accesses.get(key));
    }
    const known = (marks: Marks | undefined): Group | undefined =>
      marks &&
      groups.find(({ server, before }) =>
        server === undefined ? before !== undefined && isSame(before, marks) : isThis(server, marks),
      );
    for (const { client, answer } of answers) {
      if (answer.error === undefined) continue;
      const pinned = fingerprintIn(client.serverCertificate);
      const group =
        groups.find(({ clients }) => clients.some(({ name }) => name === client.name)) ??
        known(pinned === undefined ? this.expected.get(client) : { fingerprint: pinned });
      const before = this.expected.get(client);
      put(client, group ?? { clients: [], glimpses: [], before, error: answer.error });
      if (group?.server === undefined) found.get(client)?.clients.push(client);
    }
    for (const seen of this.glimpses) {
      const { fingerprint, serverName: name } = seen;
      const group = known({ fingerprint, name }) ??
        groups.find(({ glimpses }) => glimpses.some((one) => one.fingerprint === fingerprint)) ?? {
          clients: [],
          glimpses: [],
        };
      put(seen, group).glimpses.push(seen);
    }
    return new Servers(groups, found, this.connections, mask);
  }
}

/** The servers of a fleet, by what leads to them. */
export class Servers {
  readonly all: readonly FleetServer[];
  /** SHA-256 of the client certificates of all connections, hex. */
  readonly ownClients: ReadonlySet<string>;
  private readonly byGroup: ReadonlyMap<Group, FleetServer>;

  constructor(
    groups: readonly Group[],
    private readonly found: ReadonlyMap<LxdClient | Glimpse, Group>,
    clients: Iterable<LxdClient>,
    mask: (text: string) => string,
  ) {
    const taken = new Set<string>();
    const named = groups
      .map((group) => ({ group, place: mask(placeOf(group)) }))
      .sort((one, other) => inOrder(one.place, other.place));
    this.byGroup = new Map(
      named.map(({ group, place }) => {
        let name = place;
        for (let count = 2; taken.has(name); count++) name = `${place} (${count})`;
        taken.add(name);
        return [group, { ...group, name, report: reportOf(name, group) }];
      }),
    );
    this.all = [...this.byGroup.values()];
    this.ownClients = new Set([...clients].flatMap(({ ownFingerprint }) => ownFingerprint ?? []));
  }

  /** The server that a connection, or what a Remote knows, leads to; else the one with these marks that was seen. */
  find(by: LxdClient | Glimpse | undefined, marks?: Marks): FleetServer | undefined {
    const group = by && this.found.get(by);
    if (group !== undefined) return this.byGroup.get(group);
    return marks && this.all.find(({ server }) => server !== undefined && isThis(server, marks));
  }
}

/** Members of a cluster have one certificate. */
function isThis({ identity, isClustered }: AdministeredServer, marks: Marks): boolean {
  return isSame(identity, isClustered ? { ...marks, name: undefined } : marks);
}

function isSame(identity: ServerIdentity, { uuid, fingerprint, name }: Marks): boolean {
  if (uuid !== undefined && identity.uuid !== undefined) return uuid === identity.uuid;
  return fingerprint === identity.fingerprint && (name === undefined || name === identity.name);
}

/** Where a server is, as a connection that administers it has it; else as a Remote has it. */
function placeOf({ clients, glimpses }: Group): string {
  const kinds = ["https", "ssh", "unix"];
  const [client] = [...clients].sort(
    (one, other) =>
      kinds.indexOf(one.endpoint.kind) - kinds.indexOf(other.endpoint.kind) || inOrder(one.name, other.name),
  );
  return client?.name ?? glimpses.map(({ place }) => place).sort(inOrder)[0] ?? "";
}

function inOrder(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

function reportOf(name: string, { server, access, error, glimpses }: Group): ServerReport {
  const glimpse = glimpses.find(({ status }) => status === "seen") ?? glimpses[0];
  const told =
    server === undefined
      ? { serverName: glimpse?.serverName, type: glimpse?.type, version: glimpse?.version }
      : { serverName: server.identity.name, type: server.type, version: server.version };
  const status = error === undefined ? (access === undefined ? glimpse?.status : "seen") : statusOf(error);
  return { name, ...told, status: status ?? "failed", clients: access && countClients(access) };
}

function countClients({ certificates, identities }: ServerAccess): number {
  return certificates.filter(({ type }) => type === "client").length + identities.filter(isActive).length;
}

function accessOver(client: LxdClient): Promise<Access> {
  const unseen: UnseenMember[] = [];
  const onUnseen = (member: string, error: unknown): void => {
    unseen.push({ member, error: asAccessError("lxd-access", error) });
  };
  return lookOnly(() => readAccess(client, onUnseen)).then(
    (access) => ({ access, unseen }),
    (error: unknown) => ({ error: asAccessError("lxd-access", error), unseen: [] }),
  );
}

/** Runs what may look, and change nothing. */
function lookOnly<Result>(work: () => Promise<Result>): Promise<Result> {
  return new Call({ readOnly: true }).run(work);
}
