/**
 * One connection to one server: over its unix socket, also one that an SSH host forwards, or over HTTPS pinned to a
 * certificate.
 *
 * The pin is compared inside the TLS connector, before the HTTP client gets the socket: no byte of a request reaches
 * a server that is not the pinned one. Requests are answered one after the other over one kept-alive connection, each with
 * its own deadline, which starts when there is a connection for it and the one before is done. A read is sent before that
 * where only reads are ahead of it, so that several take one round trip.
 */
import type { Duplex } from "node:stream";
import type { buildConnector, Client } from "undici";
import { AccessError, NotSentError } from "../errors";
import { unlessAborted } from "../waiting";
import { formatHostAndPort } from "./address";
import { connectionFailure } from "./connection-failure";
import { exchange, type Reply, type Request, wasClosed } from "./exchange";
import { type Connect, forwarded } from "./forwarded-connector";
import { type Pin, pinned } from "./pinned-connector";
import { giveConnection } from "./reply-parser";
import { hintForNoReply, RequestDeadline } from "./request-deadline";
import { describeSshHost, type SshHost } from "./ssh/host";
import { type Share, shareSshConnection } from "./ssh/shared";

export type { Reply, Request } from "./exchange";
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

/** For whom a request is sent. */
export interface Sender {
  /** Aborted when nobody wants it any more: what waits for its turn is not sent then, nor a change that waits for a connection. */
  readonly signal: AbortSignal;
  /** Called right before it is sent, and again where a read is repeated. */
  readonly onSending?: () => void;
}

/** How long a connection is kept that nobody uses, in milliseconds: each takes some 100 kB of memory. */
const idle = 5000;
/** ... and how long one that is kept for longer: until it is known whether the server answers elsewhere. */
const idleAtMost = 60_000;

/** How many reads may be on their way at once. */
const mostAhead = 8;

/** A request that was sent, when so many replies had come. */
interface Attempt {
  readonly reply: Promise<Reply>;
  readonly after: number;
}

/** A read that is sent before its turn. */
interface Ahead extends Attempt {
  readonly deadline: RequestDeadline;
}

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
  /** What time it was at the server when it answered last, where it says so. */
  serverTime: Date | undefined;
  private client: Promise<Client> | undefined;
  private ssh: Share | undefined;
  /** The ends of the latest requests, of as many as may be on their way at once. */
  private ends: readonly Promise<void>[] = [];
  /** How many requests are waiting or under way, and how many of them are changes. */
  private waiting = 0;
  private changes = 0;
  /** Runs while nobody uses the connection. */
  private idleTimer: NodeJS.Timeout | undefined;
  private isKept = false;
  /** How many replies have come. */
  private replies = 0;
  /** What the connection runs over, once there is one; it may be closed since. */
  private stream: Duplex | null = null;
  /** Why the last attempt to connect failed. */
  private connectError: Error | undefined;
  /** When the last request got no reply in time, if it did not. */
  private unansweredAt: number | undefined;
  /** For whom there was no use in waiting, by when they came, and why: without an error because others got no reply. */
  private lost: { readonly at: number; readonly error?: unknown } | undefined;
  /** Of the request that is being served. */
  private deadline: RequestDeadline | undefined;

  constructor(
    readonly endpoint: Endpoint,
    readonly timeouts: Timeouts,
  ) {}

  /** Sends a request after those before it. Fails with LXD_UNREACHABLE, LXD_TIMEOUT, LXD_SERVER_IDENTITY or LXD_PROTOCOL. */
  async send(request: Request, sender: Sender): Promise<Reply> {
    const queued = performance.now();
    const isRead = request.method === "GET";
    const ahead = isRead && this.changes === 0 ? this.sendAhead(request, sender, queued) : undefined;
    if (!isRead) this.changes++;
    this.waiting++;
    clearTimeout(this.idleTimer);
    this.isKept ||= request.keepsConnection === true;
    const turn = (this.ends.at(-1) ?? Promise.resolve()).then(() => {
      if (this.isLost(queued)) {
        const error = this.lost?.error ?? tooManyUnanswered(ahead === undefined ? "not sent" : "given up");
        ahead?.deadline.end(error);
        throw notSent(this.failure(error, request));
      }
      return this.serve(request, sender, ahead);
    });
    const isOver = (): void => {
      if (!isRead) this.changes--;
      if (--this.waiting === 0 && !this.isKept) this.closeInTime();
    };
    this.ends = [...this.ends, turn.then(isOver, isOver)].slice(-mostAhead);
    return turn;
  }

  /** Closes the connection, if one came about. Who waits for it has waited in vain; a later call opens another. */
  async close(): Promise<void> {
    const { client, ssh } = this;
    this.client = undefined;
    this.ssh = undefined;
    this.lost = {
      at: performance.now(),
      error: new AccessError("LXD_UNREACHABLE", "the connection was closed from here"),
    };
    try {
      // Whoever sent a request was told why none came about.
      const opened = await client?.catch(() => undefined);
      await opened?.destroy();
    } finally {
      ssh?.release();
    }
  }

  /**
   * Sends a read before its turn, when it is one of the next few. Others are not handed to the HTTP client yet: it can end none
   * that it has not sent, and connects even for those that nobody waits for any more. Whether it fails is looked at in its turn.
   */
  private sendAhead(request: Request, { signal }: Sender, queued: number): Ahead {
    const deadline = new RequestDeadline(this.timeouts.request);
    const before = this.ends.length === mostAhead ? this.ends[0] : undefined;
    const begin = async (): Promise<Reply> => {
      await before;
      signal.throwIfAborted();
      if (this.isLost(queued)) throw tooManyUnanswered("not sent");
      return this.exchange(await this.opened(), request, deadline.signal).reply;
    };
    const reply = begin();
    reply.catch(() => undefined);
    return { reply, after: this.replies, deadline };
  }

  /** Apart from the request before it, which its timer would keep in memory. */
  private closeInTime(): void {
    this.idleTimer = setTimeout(() => this.stream?.destroy(), idle).unref();
  }

  /** Whether there is no use in serving what came then: it would wait as long as those before it, one after the other. */
  private isLost(queued: number): boolean {
    return this.lost !== undefined && this.lost.at >= queued;
  }

  /** Whether the connection that there was is gone. */
  private get isCut(): boolean {
    return this.stream?.destroyed === true;
  }

  private async serve(request: Request, { signal, onSending }: Sender, ahead?: Ahead): Promise<Reply> {
    const client = await this.opened();
    if (ahead === undefined) signal.throwIfAborted();
    const giveUp = (): void => {
      // The connection would be given up with it, for which others wait; so a read, which does no harm, goes over it all the same.
      if (request.method !== "GET" || this.isCut) deadline.end(signal.reason);
    };
    const deadline =
      ahead?.deadline ??
      new RequestDeadline(this.timeouts.request, () => {
        signal.removeEventListener("abort", giveUp);
        onSending?.();
      });
    this.deadline = deadline;
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    if (this.stream !== null && !this.isCut) deadline.run();
    try {
      const reply = await this.exchangeOrRepeat(client, request, deadline.signal, ahead);
      this.unansweredAt = undefined;
      this.serverTime = reply.time;
      return reply;
    } catch (error) {
      if (error === signal.reason && signal.aborted) throw error;
      this.noteLoss(error, deadline.signal.aborted);
      const failure = this.failure(error, request);
      throw this.isConnectError(error) ? notSent(failure) : failure;
    } finally {
      deadline.pause();
      this.deadline = undefined;
      signal.removeEventListener("abort", giveUp);
    }
  }

  /**
   * A server that restarted has closed the connection that was kept: reading again is safe, writing is not. Once more will do,
   * unless others got replies meanwhile: where a server closes after each reply, this one was behind them.
   */
  private async exchangeOrRepeat(
    client: Client,
    request: Request,
    signal: AbortSignal,
    ahead: Ahead | undefined,
  ): Promise<Reply> {
    let { reply, after } = ahead ?? this.exchange(client, request, signal);
    for (let inVain = 0; ;) {
      try {
        return await reply;
      } catch (error) {
        if (request.method !== "GET" || !wasClosed(error) || this.isConnectError(error)) throw error;
        if (this.replies === after && ++inVain === 2) throw error;
        ({ reply, after } = this.exchange(client, request, signal));
      }
    }
  }

  private exchange(client: Client, request: Request, signal: AbortSignal): Attempt {
    // The HTTP client itself does not end one that waits behind another.
    const reply = unlessAborted(signal, exchange(client, request, signal));
    const after = this.replies;
    reply.then(() => this.replies++).catch(() => undefined);
    return { reply, after };
  }

  /**
   * Notes whom it is of no use to serve: who waits already, if no connection came about; and if two requests in a row got no
   * reply, who waited before the first of them. Who came after that, to take something back say, knows of it.
   */
  private noteLoss(error: unknown, isUnanswered: boolean): void {
    const at = performance.now();
    // Over SSH each further connection would be another attempt to log in, too.
    if (this.isConnectError(error)) this.lost = { at, error };
    if (isUnanswered && this.unansweredAt !== undefined) this.lost = { at: this.unansweredAt };
    this.unansweredAt = isUnanswered ? at : undefined;
  }

  private isConnectError(error: unknown): boolean {
    return error !== undefined && error === this.connectError;
  }

  private failure(error: unknown, { method, path }: Request): AccessError {
    const doing = `${method} ${path} on ${describeEndpoint(this.endpoint)}`;
    return connectionFailure(error, doing, this.endpoint, this.timeouts);
  }

  /** The client; made anew after it could not be made. */
  private async opened(): Promise<Client> {
    const client = (this.client ??= this.open());
    try {
      return await client;
    } catch (error) {
      if (this.client === client) this.client = undefined;
      throw error;
    }
  }

  private async open(): Promise<Client> {
    const { Client, buildConnector } = await import("undici");
    const { endpoint, client } = this;
    const timeout = this.timeouts.connect * 1000;
    const options = (connect: Connect): Client.Options => ({
      ...{ pipelining: mostAhead, keepAliveTimeout: idleAtMost, headersTimeout: 0, bodyTimeout: 0 },
      connect: this.watched(connect, client),
    });
    if (endpoint.kind === "unix") {
      const connect = buildConnector({ socketPath: endpoint.socketPath, timeout });
      return new Client("http://unix.socket", options(connect));
    }
    const name = describeEndpoint(endpoint);
    if (endpoint.kind === "ssh") {
      this.ssh ??= shareSshConnection(endpoint.host, endpoint.bastion);
      const connect = forwarded(this.ssh.connection, endpoint.socketPaths, this.timeouts.connect, name);
      return new Client("http://unix.socket", options(connect));
    }
    const server = { ...endpoint, name };
    const connect = pinned(server, timeout, buildConnector, (pem) => {
      this.serverCertificate = pem;
    });
    return new Client(`https://${formatHostAndPort(endpoint)}`, options(connect));
  }

  /**
   * A connector for the HTTP client, whose outcome is noted, unless the client was closed meanwhile. Its types ask for a socket;
   * what it uses of it is what any stream has, and `ref` and `unref`.
   */
  private watched(connect: Connect, client: Promise<Client> | undefined): buildConnector.connector {
    const watched: Connect = (options, callback) => {
      connect(options, (error, stream) => {
        const isClosed = client !== this.client;
        if (error !== null && !isClosed) this.connectError = error;
        if (error !== null || isClosed) {
          callback(error, stream);
          return;
        }
        this.stream = stream;
        stream?.once("close", () => this.deadline?.pause());
        this.deadline?.run();
        giveConnection(stream, callback);
      });
    };
    return watched as buildConnector.connector;
  }
}

function tooManyUnanswered(what: "not sent" | "given up"): AccessError {
  return new AccessError("LXD_TIMEOUT", `${what}, as 2 requests before it got no reply. ${hintForNoReply}`);
}

function notSent(failure: AccessError): NotSentError {
  return new NotSentError(failure.errorCode, failure.summary, { cause: failure.cause });
}
