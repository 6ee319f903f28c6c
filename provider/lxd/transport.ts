/**
 * One connection to one server: over its unix socket, also one that an SSH host forwards, or over HTTPS pinned to a
 * certificate.
 *
 * The pin is compared inside the TLS connector, before the HTTP client gets the socket: no byte of a request reaches
 * a server that is not the pinned one. Requests go one after the other over one kept-alive connection, each with its
 * own deadline that starts when the request does.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { buildConnector, Client } from "undici";
import { AccessError, isAccessError, messageOf, refuse } from "../errors";
import { formatHostAndPort } from "./address";
import { type Pin, pinned } from "./pinned-connector";
import { describeSshHost, type SshHost } from "./ssh/host";
import { type Share, shareSshConnection } from "./ssh/shared";
import { deadlineIn } from "./ssh/within-time";

export { fingerprintOf, type Pin } from "./pinned-connector";

/** Where a server is. Key and certificate are PEM; the key is secret, as are keys and passphrases of SSH hosts. */
export type Endpoint =
  | { readonly kind: "unix"; readonly socketPath: string }
  | {
      readonly kind: "ssh";
      readonly host: SshHost;
      /** The host through which the other one is reached. */
      readonly bastion?: SshHost;
      /** Sockets on the host, tried in this order. */
      readonly socketPaths: readonly string[];
    }
  | {
      readonly kind: "https";
      readonly host: string;
      readonly port: number;
      readonly pin: Pin;
      readonly clientCertificate?: string;
      readonly clientKey?: string;
    };

/** Bounds on waiting, in seconds. */
export interface Timeouts {
  /** From the first packet to a pinned connection. */
  readonly connect: number;
  /** From the request to the last byte of its reply. */
  readonly request: number;
}

/** A request. `secrets` are texts that must not come back in an error message. */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly secrets?: readonly string[];
}

/** A reply, as received. */
export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** No reply of these servers comes near this; a longer one is cut off as a fault. */
const longestReply = 64 * 1024 * 1024;

/** Names a server in messages: its socket path, `https://host:port`, or `ssh://user@host:port` with the path of a socket. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return endpoint.socketPath;
  if (endpoint.kind === "https") return `https://${formatHostAndPort(endpoint)}`;
  const [path = "", ...others] = endpoint.socketPaths;
  return `${describeSshHost(endpoint.host)}${others.length === 0 ? path : ""}`;
}

export class Transport {
  /** PEM of the certificate the server showed on the connection in use; undefined over a unix socket. */
  serverCertificate: string | undefined;
  private client: Promise<Client> | undefined;
  private previous: Promise<unknown> = Promise.resolve();
  private lost: { readonly at: number; readonly error: AccessError } | undefined;
  private ssh: Share | undefined;
  /** Why no stream came about over SSH. */
  private sshError: unknown;

  constructor(
    readonly endpoint: Endpoint,
    readonly timeouts: Timeouts,
  ) {}

  /** Sends a request after those before it. Fails with LXD_UNREACHABLE, LXD_TIMEOUT, LXD_SERVER_IDENTITY or LXD_PROTOCOL. */
  async send(request: Request): Promise<Reply> {
    const queued = performance.now();
    const turn = this.previous.then(() => {
      // Whoever waited while no connection could be made would wait as long again, one after the other.
      if (this.lost !== undefined && this.lost.at >= queued) throw this.lost.error;
      return this.sendNow(request);
    });
    this.previous = turn.catch(() => undefined);
    return turn;
  }

  /** Closes the connection, if one came about. */
  async close(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // Whoever sent a request was told why none came about.
    const opened = await client?.catch(() => undefined);
    await opened?.destroy();
    const ssh = this.ssh;
    this.ssh = undefined;
    await ssh?.release();
  }

  private async sendNow(request: Request): Promise<Reply> {
    const doing = `${request.method} ${request.path} on ${describeEndpoint(this.endpoint)}`;
    for (let attempt = 1; ; attempt++) {
      this.client ??= this.open();
      try {
        return await exchange(await this.client, request, this.timeouts);
      } catch (error) {
        // A server that restarted has closed the connection that was kept: reading again is safe, writing is not.
        if (attempt === 1 && request.method === "GET" && wasClosed(error)) continue;
        const failed = failure(error, doing, this.timeouts);
        // Over SSH each one would be another attempt to log in, too.
        const hasNoConnection =
          codeOf(error) === "UND_ERR_CONNECT_TIMEOUT" || (error !== undefined && error === this.sshError);
        if (hasNoConnection) this.lost = { at: performance.now(), error: failed };
        throw failed;
      }
    }
  }

  private async open(): Promise<Client> {
    const { Client, buildConnector } = await import("undici");
    const { endpoint } = this;
    const timeout = this.timeouts.connect * 1000;
    const common = { pipelining: 1, keepAliveTimeout: 60_000, headersTimeout: 0, bodyTimeout: 0 };
    if (endpoint.kind === "unix") {
      return new Client("http://unix.socket", {
        ...common,
        connect: { socketPath: endpoint.socketPath, timeout },
      });
    }
    if (endpoint.kind === "ssh") {
      return new Client("http://unix.socket", { ...common, connect: this.forwarded(endpoint) });
    }
    const connect = pinned(
      { ...endpoint, name: describeEndpoint(endpoint) },
      timeout,
      buildConnector,
      (pem) => {
        this.serverCertificate = pem;
      },
    );
    return new Client(`https://${formatHostAndPort(endpoint)}`, { ...common, connect });
  }

  /** A connector that has the host's SSH connection forward a stream to the server's socket. */
  private forwarded({ host, bastion, socketPaths }: Endpoint & { kind: "ssh" }): buildConnector.connector {
    this.ssh ??= shareSshConnection(host, bastion);
    const { connection } = this.ssh;
    const forward = async (): Promise<Socket> => {
      const stream = await connection.forwardToSocket(socketPaths, deadlineIn(this.timeouts.connect));
      return isLikeSocket(stream) ? stream : refuse("BUG", "a forwarded stream cannot stand in for a socket");
    };
    return (_options, callback) => {
      forward().then(
        (socket) => {
          callback(null, socket);
        },
        (reason: unknown) => {
          const error = isAccessError(reason, "LXD_SERVER_IDENTITY")
            ? new AccessError(
                reason.errorCode,
                `Connecting to ${describeEndpoint(this.endpoint)}: ${reason.summary}`,
                { cause: reason },
              )
            : reason;
          this.sshError = error;
          callback(error instanceof Error ? error : new Error(messageOf(error)), null);
        },
      );
    };
  }
}

/** Whether the HTTP client can use a stream as its socket: it asks for no more than this. */
function isLikeSocket(stream: Duplex): stream is Socket {
  return "ref" in stream && "unref" in stream;
}

async function exchange(client: Client, request: Request, timeouts: Timeouts): Promise<Reply> {
  const deadline = AbortSignal.timeout(Math.ceil((timeouts.connect + timeouts.request) * 1000));
  const response = await client.request({
    method: request.method,
    path: request.path,
    query: request.query,
    headers: { "content-type": "application/json" },
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    signal: deadline,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestReply) throw new AccessError("LXD_PROTOCOL", "The reply is longer than 64 MiB");
    chunks.push(chunk);
  }
  return { status: response.statusCode, text: Buffer.concat(chunks).toString("utf8") };
}

/** What went wrong on the way, in this provider's terms. */
function failure(error: unknown, doing: string, timeouts: Timeouts): AccessError {
  if (isAccessError(error, "LXD_SERVER_IDENTITY")) return error;
  if (isAccessError(error))
    return new AccessError(error.errorCode, `${doing}: ${messageOf(error)}`, { cause: error });
  const code = codeOf(error);
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return new AccessError("LXD_TIMEOUT", `${doing}: no connection within ${timeouts.connect} s`, {
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "TimeoutError") {
    return new AccessError("LXD_TIMEOUT", `${doing}: no reply within ${timeouts.request} s`, {
      cause: error,
    });
  }
  const foreign = foreignProtocol(error, code);
  if (foreign !== undefined) {
    return new AccessError("LXD_PROTOCOL", `${doing}: ${foreign}. Is another service on this address?`, {
      cause: error,
    });
  }
  const hint = hintFor(error, code);
  return new AccessError(
    "LXD_UNREACHABLE",
    `${doing}: ${messageOf(error) || code}${hint === undefined ? "" : `. ${hint}`}`,
    { cause: error },
  );
}

/** What is wrong where somebody answers, but not as LXD or Incus do; undefined where that is not the matter. */
function foreignProtocol(error: unknown, code: string): string | undefined {
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    const reason = error instanceof Error && "reason" in error ? String(error.reason) : code;
    return `TLS 1.3 is not spoken there (${reason})`;
  }
  // Node's parser of HTTP gives its errors a code only now and then.
  const isUnreadable = error instanceof Error && error.name === "HTTPParserError";
  return isUnreadable || code === "UND_ERR_HEADERS_OVERFLOW"
    ? `the reply is not HTTP: ${messageOf(error)}`
    : undefined;
}

const hints: Readonly<Record<string, string | undefined>> = {
  ENOENT: "No server runs with this socket: is LXD or Incus installed and started on this machine?",
  EACCES: "This user may not use the socket: add it to the group of the server (lxd or incus-admin)",
  ECONNREFUSED:
    "Nothing listens there. Where the same program exposes the server, make this resource depend on its HttpsAddress",
};

function hintFor(error: unknown, code: string): string | undefined {
  // A server that was killed leaves its unix socket, which then refuses.
  const isUnixSocket = error instanceof Error && !("port" in error);
  return hints[code === "ECONNREFUSED" && isUnixSocket ? "ENOENT" : code];
}

function wasClosed(error: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
