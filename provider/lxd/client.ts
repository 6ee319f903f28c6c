/**
 * The part of the LXD and Incus REST API that this provider uses, one method per call.
 * https://documentation.ubuntu.com/lxd/latest/api/
 */
import { X509Certificate } from "node:crypto";
import { AccessError, isAccessError } from "../errors";
import { RecentTexts } from "../recent";
import {
  certificateEntity,
  clusterMemberEntity,
  namesInUrls,
  networkEntity,
  networkState,
  operationEntity,
  operationLists,
  serverEntity,
  tokenOperationMetadata,
  type Certificate,
  type ClusterMember,
  type Operation,
  type Server,
  type TokenOperationMetadata,
} from "./entities";
import { IdentityApi } from "./identity-api";
import { inPath, type ReadOptions } from "./rest-api";
import { secretsOf } from "./trust-token";
import { fingerprintOf } from "./transport";

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

/** A configuration as a server shows it, which is as it takes it, and what says that it is still this one. */
export interface SeenConfig {
  readonly config: Readonly<Record<string, unknown>>;
  readonly etag: string | undefined;
}

/** A status of an operation: it runs, which for a token means that it waits to be redeemed. */
const running = 103;

/** Keys of a server's configuration whose values may hold a secret: URLs and proxies by a password in them. */
const secretKeys = /password|secret|token|key|environment|url$|proxy_https?$/i;

/** A read that is wanted next, to be asked ahead with these options. */
export type Ahead = (client: LxdClient, options: ReadOptions) => Promise<unknown>;

/**
 * Asks, and has another read sent in the same round trip that will be wanted next. Who wants it asks for it again and shares the
 * reply; should it fail, it is told there. Where the first one fails, nobody wants the next.
 */
export async function askAhead<Answer>(
  client: LxdClient,
  ask: () => Promise<Answer>,
  next: Ahead | undefined,
): Promise<Answer> {
  const drops: (() => void)[] = [];
  const asked = ask();
  next?.(client, { drops }).catch(() => undefined);
  try {
    return await asked;
  } catch (error) {
    for (const drop of drops) drop();
    throw error;
  }
}

export class LxdClient extends IdentityApi {
  private fingerprint: string | undefined;

  /** SHA-256 (hex) of the client certificate this connection shows; undefined over a unix socket. */
  get ownFingerprint(): string | undefined {
    const certificate = this.endpoint.kind === "https" ? this.endpoint.clientCertificate : undefined;
    if (certificate === undefined) return undefined;
    return (this.fingerprint ??= fingerprintOf(new X509Certificate(certificate)));
  }

  /** The server's description and configuration. `target` is a cluster member. */
  async getServer(options: ReadOptions & { target?: string } = {}): Promise<Server & { etag?: string }> {
    const { fresh, target } = options;
    const query = target === undefined ? undefined : { target };
    const doing = `Reading the server ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0", query }, doing, { fresh });
    const parse = (): Server => this.parse(serverEntity, reply, doing);
    // Of good replies alone, as the same text with another status is a refusal.
    const server = reply.status === 200 ? recentServers.of(reply.text, parse) : parse();
    return { ...server, etag: reply.etag };
  }

  /**
   * Changes some keys of the server's configuration. An empty string unsets a key (null is refused by newer servers).
   * With `seen`, as {@link getServer} gave it: LXD_ETAG_MISMATCH where any key has changed since. All of it is sent along,
   * as `lxc config set` does: where a change fails, LXD since 5.21 and Incus lose every key that was not named.
   */
  async updateServerConfig(
    change: Readonly<Record<string, string>>,
    { target, seen }: { target?: string; seen?: SeenConfig } = {},
  ): Promise<void> {
    const query = target === undefined ? undefined : { target };
    const config = { ...seen?.config, ...change };
    const secrets = Object.entries(seen?.config ?? {}).flatMap(([name, held]) =>
      typeof held === "string" && held !== "" && secretKeys.test(name) ? [held] : [],
    );
    const doing = `Setting ${Object.keys(change).join(", ")} on ${this.name}`;
    const request = { path: "/1.0", query, body: { config }, ifMatch: seen?.etag, secrets };
    await this.write({ method: "PATCH", ...request, keepsConnection: true }, doing);
  }

  /** The members of the cluster; the server refuses where it is not clustered. */
  async getClusterMembers(options: ReadOptions = {}): Promise<ClusterMember[]> {
    const doing = `Listing the members of the cluster of ${this.name}`;
    const reply = await this.read(
      { method: "GET", path: "/1.0/cluster/members", query: recursion },
      doing,
      options,
    );
    return this.parse(clusterMemberEntity.array(), reply, doing);
  }

  /** Names of the projects this client may see. */
  async getProjectNames(options: ReadOptions = {}): Promise<string[]> {
    const doing = `Listing the projects of ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0/projects" }, doing, options);
    return this.parse(namesInUrls, reply, doing);
  }

  /** The trust store. Servers show restricted clients only a part of it, or nothing. */
  async getCertificates(options: ReadOptions = {}): Promise<readonly Certificate[]> {
    const doing = `Listing the trust store of ${this.name}`;
    const reply = await this.read(
      { method: "GET", path: "/1.0/certificates", query: recursion },
      doing,
      options,
    );
    return this.parse(certificateList, reply, doing);
  }

  /**
   * Changes what is named of an entry of the trust store, and nothing that somebody else may change meanwhile. The
   * certificate is PEM; another one rotates the client's key. LXD_NOT_FOUND where there is no such entry.
   */
  async updateCertificate(
    fingerprint: string,
    change: Partial<Omit<Certificate, "fingerprint">>,
  ): Promise<void> {
    const doing = `Changing the trusted client ${fingerprint} on ${this.name}`;
    await this.write({ method: "PATCH", path: certificatePath(fingerprint), body: change }, doing);
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
    if (token === undefined || token.token.secret === "") {
      throw new AccessError("LXD_PROTOCOL", `${doing}: the server's answer is not a certificate add token`);
    }
    return token;
  }

  /** The certificate add tokens that wait to be redeemed, as far as this client may see them. */
  async getPendingTokens(options: ReadOptions = {}): Promise<readonly PendingToken[]> {
    const doing = `Listing the pending trust tokens of ${this.name}`;
    const reply = await this.read(
      { method: "GET", path: "/1.0/operations", query: recursion },
      doing,
      options,
    );
    return this.parse(pendingTokens, reply, doing);
  }

  /** An operation by its id, wherever in a cluster it runs. LXD_UNREACHABLE where that member does not answer. */
  async getOperation(id: string): Promise<Operation> {
    const path = `/1.0/operations/${inPath(id)}`;
    const doing = `Looking at the operation ${id} on ${this.name}`;
    const reply = await this.read({ method: "GET", path }, doing, { fresh: true });
    return this.parse(operationEntity, reply, doing);
  }

  /** Cancels an operation: a token in it can no longer be redeemed. LXD_NOT_FOUND where it has ended already. */
  async deleteOperation(id: string): Promise<void> {
    const doing = `Revoking the trust token of operation ${id} on ${this.name}`;
    await this.write({ method: "DELETE", path: `/1.0/operations/${inPath(id)}` }, doing);
  }

  /** Redeems a certificate add token with this connection's client certificate. The body holds the token and nothing else. */
  async redeemCertificateToken(token: string, field: "trust_token" | "password"): Promise<void> {
    const doing = `Redeeming a trust token on ${this.name}`;
    const secrets = secretsOf(token);
    await this.write({ method: "POST", path: "/1.0/certificates", body: { [field]: token }, secrets }, doing);
  }

  /**
   * Every address on every interface of the server, loopback included. `target` is a cluster member; without the API
   * extension network_get_target only those interfaces are looked at that the server which answers has, too.
   */
  async getServerAddresses(options: { target?: string } = {}): Promise<ServerAddress[]> {
    const target: Record<string, string> = options.target === undefined ? {} : { target: options.target };
    const fresh = { fresh: true }; // it decides what is set
    const doing = `Listing the network interfaces of ${this.name}`;
    const reply = await this.read(
      { method: "GET", path: "/1.0/networks", query: { ...recursion, ...target } },
      doing,
      fresh,
    );
    const networks = this.parse(networkEntity.array(), reply, doing);
    const states = await Promise.all(
      networks.map(async ({ name }) => {
        const path = `/1.0/networks/${inPath(name)}/state`;
        const reading = `Reading the interface ${name} of ${this.name}`;
        const state = await this.read({ method: "GET", path, query: target }, reading, fresh);
        try {
          return { name, ...this.parse(networkState, state, reading) };
        } catch (error) {
          // Those of instances come and go.
          if (isAccessError(error, "LXD_NOT_FOUND")) return { name, addresses: [] };
          throw error;
        }
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
}

/** Of what servers say of themselves: it is long, with hundreds of API extensions, and the same again and again. */
const recentServers = new RecentTexts<Server>(20);

const certificateList = certificateEntity.array();

/** The certificate add tokens among the operations. */
const pendingTokens = operationLists.transform((lists) =>
  Object.values(lists).flatMap((operations) =>
    (operations ?? []).map(asPendingToken).filter((token) => token !== undefined),
  ),
);

const recursion = { recursion: "1" };

function certificatePath(fingerprint: string): string {
  return `/1.0/certificates/${inPath(fingerprint)}`;
}

/** Cluster join tokens are of class "token" too; only a certificate add token holds a request. */
function asPendingToken(operation: Operation): PendingToken | undefined {
  if (operation.class !== "token" || operation.status_code !== running) return undefined;
  const metadata = tokenOperationMetadata.safeParse(operation.metadata);
  return metadata.success ? { operation: operation.id, token: metadata.data } : undefined;
}
