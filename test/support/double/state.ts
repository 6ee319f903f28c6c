import { randomBytes, randomUUID } from "node:crypto";

/** A client certificate in the trust store. */
export interface TrustedCertificate {
  /** Stays the same when the certificate is rotated. */
  readonly id: number;
  /** SHA-256 of the DER form, lower-case hex. */
  fingerprint: string;
  name: string;
  type: CertificateType;
  restricted: boolean;
  projects: string[];
  /** PEM. */
  certificate: string;
  description: string;
}

/** A client with fine-grained rights: invited (pending), or let in. */
export interface Identity {
  /** Stays the same when it is activated, or its certificate rotated. */
  readonly id: number;
  name: string;
  /** What the API calls its id: a UUID while it is pending, then the SHA-256 of its certificate, lower-case hex. */
  identifier: string;
  /** Names of groups, sorted. */
  groups: string[];
  /** PEM; empty while it is pending. */
  certificate: string;
  /** 64 hex digits, secret, and how long they let somebody in; undefined once somebody is. */
  pending?: { readonly secret: string; readonly expiresAt?: Date };
}

export interface Permission {
  readonly entity_type: string;
  readonly url: string;
  readonly entitlement: string;
}

/** What its members may do. */
export interface Group {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly Permission[];
}

export type CertificateType = "client" | "server" | "metrics";

export interface Project {
  name: string;
  description: string;
  config: Record<string, string>;
}

/** An operation: a pending token, or a task that a client may wait for. */
export interface Operation {
  readonly id: string;
  readonly class: "token" | "task";
  readonly description: string;
  readonly createdAt: Date;
  status: "Running" | "Success" | "Cancelled";
  /** When it stopped running. */
  endedAt?: Date;
  readonly metadata: Record<string, unknown>;
  /** The token inside, for class token. */
  readonly token?: PendingToken;
  readonly requestor: { username: string; protocol: string; address: string };
}

/** A certificate add token waiting to be redeemed. */
export interface PendingToken {
  /** 64 hex digits, secret. */
  secret: string;
  name: string;
  restricted: boolean;
  projects: string[];
  description: string;
  expiresAt?: Date;
  /** The id of the certificate or identity that asked for it; undefined for the unix socket. */
  issuer?: number;
}

/** Finished operations can be read for this long, in milliseconds. */
const OPERATION_LINGERS = 5000;

/** All that the double knows, as plain data. What a restart of a real server loses, {@link forget} drops. */
export class State {
  /** Config keys as GET /1.0 shows them. */
  config: Record<string, string> = {};
  /** What `environment.addresses` and tokens are made from: `core.https_address`, or the one that failed last. */
  announcedAddress = "";
  readonly uuid = randomUUID();
  certificates: TrustedCertificate[] = [];
  identities: Identity[] = [];
  readonly groups = new Map<string, Group>();
  readonly projects = new Map<string, Project>();
  readonly #operations = new Map<string, Operation>();
  #lastId = 0;

  constructor(
    readonly serverName: string,
    private readonly timeOrderedIds: boolean,
    private readonly speed: number,
  ) {}

  /** A number no other entry of this server has. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Stores a new running operation. */
  addOperation(operation: Omit<Operation, "id" | "createdAt" | "status">): Operation {
    const id = this.timeOrderedIds ? timeOrderedUuid() : randomUUID();
    const added: Operation = { ...operation, id, createdAt: new Date(), status: "Running" };
    this.#operations.set(id, added);
    return added;
  }

  /** The operations that can still be read. */
  operations(): Operation[] {
    const oldest = Date.now() - OPERATION_LINGERS / this.speed;
    for (const [id, { endedAt }] of this.#operations)
      if (endedAt && endedAt.getTime() < oldest) this.#operations.delete(id);
    return [...this.#operations.values()];
  }

  endOperation(operation: Operation, status: "Success" | "Cancelled"): void {
    operation.status = status;
    operation.endedAt = new Date();
  }

  /** What goes with the process: operations, and with them pending certificate tokens; at the start, what has expired. */
  forget(): void {
    this.identities = this.identities.filter(({ pending }) => !isOver(pending));
    this.#operations.clear();
    this.announcedAddress = this.config["core.https_address"] ?? "";
  }
}

/** Whether a pending identity can no longer be activated. */
export function isOver(pending: Identity["pending"]): boolean {
  return pending?.expiresAt !== undefined && pending.expiresAt.getTime() < Date.now();
}

/** UUID version 7: 48 bits of milliseconds, then random. */
function timeOrderedUuid(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
