/**
 * The part of the LXD and Incus REST API that this provider uses, one method per call.
 * https://documentation.ubuntu.com/lxd/latest/api/
 */
import { X509Certificate } from "node:crypto";
import type { z } from "zod";
import { AccessError } from "../errors";
import {
  certificateEntity,
  networkEntity,
  networkState,
  operationEntity,
  operationLists,
  replyEnvelope,
  serverEntity,
  texts,
  tokenOperationMetadata,
  type Certificate,
  type Operation,
  type Server,
  type TokenOperationMetadata,
} from "./entities";
import { LxdError } from "./errors";
import { decodeTrustToken } from "./trust-token";
import {
  describeEndpoint,
  type Endpoint,
  fingerprintOf,
  type Reply,
  type Request,
  type Timeouts,
  Transport,
} from "./transport";

/** How long an identical read may be answered from a reply that has come, in milliseconds. */
const sharedFor = 1000;

/** Says that a read decides or verifies a write, so that it must not be answered from an earlier reply. */
export interface ReadOptions {
  readonly fresh?: boolean;
}

/** What a certificate add token is issued for. */
export interface TokenRequest {
  readonly name: string;
  readonly restricted: boolean;
  readonly projects: readonly string[];
}

/** A certificate add token that waits to be redeemed. */
export interface PendingToken {
  readonly operation: string;
  readonly token: TokenOperationMetadata;
}

/** An address that a server has on one of its interfaces. */
export interface ServerAddress {
  readonly interface: string;
  readonly family: "inet" | "inet6";
  readonly address: string;
  /** Length of the network prefix in bits. */
  readonly prefixLength: number;
  readonly scope: string;
}

/** A status of an operation: it runs, which for a token means that it waits to be redeemed. */
const running = 103;

export class LxdClient {
  private readonly transport: Transport;
  private readonly shared = new Map<string, { until: number; readonly reply: Promise<Reply> }>();
  private readonly claimed = new Set<string>();

  constructor(
    readonly endpoint: Endpoint,
    timeouts: Timeouts,
  ) {
    this.transport = new Transport(endpoint, timeouts);
  }

  /** Names the server in messages. */
  get name(): string {
    return describeEndpoint(this.endpoint);
  }

  /** SHA-256 (hex) of the client certificate this connection shows; undefined over a unix socket. */
  get ownFingerprint(): string | undefined {
    const certificate = this.endpoint.kind === "https" ? this.endpoint.clientCertificate : undefined;
    return certificate === undefined ? undefined : fingerprintOf(new X509Certificate(certificate));
  }

  /** PEM of the certificate this connection was pinned to; undefined over a unix socket or before the first request. */
  get serverCertificate(): string | undefined {
    return this.transport.serverCertificate;
  }

  /** Closes the connection; a later call opens another. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** The server's description and configuration. `target` is a cluster member. */
  async getServer(options: ReadOptions & { target?: string } = {}): Promise<Server> {
    const { fresh, target } = options;
    const query = target === undefined ? undefined : { target };
    const reply = await this.read({ method: "GET", path: "/1.0", query }, { fresh });
    return this.parse(serverEntity, reply, `Reading the server ${this.name}`);
  }

  /** Changes some keys of the server's configuration. An empty string unsets a key (null is refused by newer servers). */
  async updateServerConfig(
    config: Readonly<Record<string, string>>,
    options: { target?: string } = {},
  ): Promise<void> {
    const query = options.target === undefined ? undefined : { target: options.target };
    const doing = `Setting ${Object.keys(config).join(", ")} on ${this.name}`;
    await this.write({ method: "PATCH", path: "/1.0", query, body: { config } }, doing);
  }

  /** Names of the projects this client may see. */
  async getProjectNames(options: ReadOptions = {}): Promise<string[]> {
    const doing = `Listing the projects of ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0/projects" }, options);
    const urls = this.parse(texts, reply, doing);
    return urls.map((url) =>
      decodeURIComponent(url.replace(/^.*\/1\.0\/projects\//, "").replace(/\?.*$/, "")),
    );
  }

  /** The trust store. Servers show restricted clients only a part of it, or nothing. */
  async getCertificates(options: ReadOptions = {}): Promise<Certificate[]> {
    const doing = `Listing the trust store of ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0/certificates", query: recursion }, options);
    return this.parse(certificateEntity.array(), reply, doing);
  }

  /** Replaces an entry of the trust store. The certificate is PEM; another one rotates the client's key. */
  async updateCertificate(fingerprint: string, put: Omit<Certificate, "fingerprint">): Promise<void> {
    const doing = `Changing the trusted client ${fingerprint} on ${this.name}`;
    await this.write({ method: "PUT", path: certificatePath(fingerprint), body: put }, doing);
  }

  /** Takes a client out of the trust store. LXD_NOT_FOUND where it is not in it. */
  async deleteCertificate(fingerprint: string): Promise<void> {
    const doing = `Removing the client ${fingerprint} from the trust store of ${this.name}`;
    await this.write({ method: "DELETE", path: certificatePath(fingerprint) }, doing);
  }

  /** Issues a certificate add token. The secret inside the answer is shown to no one else who may not list operations. */
  async createCertificateToken(request: TokenRequest): Promise<PendingToken> {
    const doing = `Issuing a trust token for ${JSON.stringify(request.name)} on ${this.name}`;
    const body = { ...request, type: "client", token: true };
    const metadata = await this.write({ method: "POST", path: "/1.0/certificates", body }, doing);
    const operation = operationEntity.safeParse(metadata);
    const token = operation.success ? asPendingToken(operation.data) : undefined;
    if (token === undefined) {
      throw new AccessError("LXD_PROTOCOL", `${doing}: the server's answer is not a certificate add token`);
    }
    return token;
  }

  /** Takes a client's name for the rest of this run; false where it is taken already. */
  claim(name: string): boolean {
    const isFree = !this.claimed.has(name);
    this.claimed.add(name);
    return isFree;
  }

  /** The certificate add tokens that wait to be redeemed, as far as this client may see them. */
  async getPendingTokens(options: ReadOptions = {}): Promise<PendingToken[]> {
    const doing = `Listing the pending trust tokens of ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0/operations", query: recursion }, options);
    const lists = this.parse(operationLists, reply, doing);
    return Object.values(lists).flatMap((operations) =>
      (operations ?? []).map(asPendingToken).filter((token) => token !== undefined),
    );
  }

  /** Cancels an operation: a token in it can no longer be redeemed. LXD_NOT_FOUND where it has ended already. */
  async deleteOperation(id: string): Promise<void> {
    const doing = `Revoking the trust token of operation ${id} on ${this.name}`;
    await this.write({ method: "DELETE", path: `/1.0/operations/${encodeURIComponent(id)}` }, doing);
  }

  /** Redeems a certificate add token with this connection's client certificate. The body holds the token and nothing else. */
  async redeemCertificateToken(token: string, field: "trust_token" | "password"): Promise<void> {
    const doing = `Redeeming a trust token on ${this.name}`;
    const secrets = [token, decodeTrustToken(token)?.secret ?? token];
    await this.write({ method: "POST", path: "/1.0/certificates", body: { [field]: token }, secrets }, doing);
  }

  /** Every address on every interface of the server, loopback included. `target` is a cluster member. */
  async getServerAddresses(options: { target?: string } = {}): Promise<ServerAddress[]> {
    const target: Record<string, string> = options.target === undefined ? {} : { target: options.target };
    const fresh = { fresh: true }; // it decides what is set
    const doing = `Listing the network interfaces of ${this.name}`;
    const reply = await this.read(
      { method: "GET", path: "/1.0/networks", query: { ...recursion, ...target } },
      {},
    );
    const networks = this.parse(networkEntity.array(), reply, doing);
    const states = await Promise.all(
      networks.map(async ({ name }) => {
        const path = `/1.0/networks/${encodeURIComponent(name)}/state`;
        const state = await this.read({ method: "GET", path, query: target }, fresh);
        return { name, ...this.parse(networkState, state, `Reading the interface ${name} of ${this.name}`) };
      }),
    );
    return states.flatMap(({ name, addresses }) =>
      addresses.map(({ family, address, netmask, scope }) => ({
        interface: name,
        family: family === "inet6" ? "inet6" : "inet",
        address,
        prefixLength: Number(netmask),
        scope,
      })),
    );
  }

  private async read(request: Request, options: ReadOptions): Promise<Reply> {
    const key = `${request.path}?${new URLSearchParams(request.query).toString()}`;
    const earlier = this.shared.get(key);
    if (options.fresh !== true && earlier !== undefined && performance.now() < earlier.until)
      return earlier.reply;
    const entry = { until: Infinity, reply: this.transport.send(request) };
    this.shared.set(key, entry);
    entry.reply.then(
      () => (entry.until = performance.now() + sharedFor),
      () => (entry.until = 0),
    );
    return entry.reply;
  }

  /** Sends a change. Whatever was read before it no longer holds, nor does what is read while it runs. */
  private async write(request: Request, doing: string): Promise<unknown> {
    this.shared.clear();
    try {
      const reply = await this.transport.send(request);
      return envelope(reply, doing, request.secrets).metadata;
    } finally {
      this.shared.clear();
    }
  }

  private parse<Entity>(entity: z.ZodType<Entity>, reply: Reply, doing: string): Entity {
    const parsed = entity.safeParse(envelope(reply, doing).metadata);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
    throw new AccessError(
      "LXD_PROTOCOL",
      `${doing}: the reply is not what LXD or Incus send (${where || "top level"})`,
    );
  }
}

const recursion = { recursion: "1" };

function certificatePath(fingerprint: string): string {
  return `/1.0/certificates/${encodeURIComponent(fingerprint)}`;
}

/** Takes the envelope off a reply, or throws what the server refused. */
function envelope(
  reply: Reply,
  doing: string,
  secrets: readonly string[] = [],
): z.infer<typeof replyEnvelope> {
  const parsed = replyEnvelope.safeParse(parseJson(reply.text));
  if (!parsed.success) {
    throw new AccessError(
      "LXD_PROTOCOL",
      `${doing}: the answer (HTTP ${reply.status}) is not one of LXD's or Incus's REST API. Is another service on this address?`,
    );
  }
  if (parsed.data.type !== "error" && reply.status < 400) return parsed.data;
  const said = secrets.reduce((text, secret) => text.replaceAll(secret, "[secret]"), parsed.data.error);
  throw new LxdError(doing, said.slice(0, 500), reply.status);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cluster join tokens are of class "token" too; only a certificate add token holds a request. */
function asPendingToken(operation: Operation): PendingToken | undefined {
  if (operation.class !== "token" || operation.status_code !== running) return undefined;
  const metadata = tokenOperationMetadata.safeParse(operation.metadata);
  return metadata.success ? { operation: operation.id, token: metadata.data } : undefined;
}
