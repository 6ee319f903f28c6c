/**
 * A network that misbehaves, in front of a real daemon. It holds the daemon's own certificate and key, so it sees each request
 * decrypted and can do to it what a broken network, a proxy or a failing server does; whether a token is taken the daemon
 * itself says, which is asked with the pairs of the clients. It remembers whatever reached it.
 */
import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";
import { firstRequest, listenOn, type Received } from "../../contract/tls-listener";
import type { Stage } from "../joined-server";
import type { ClientPair, OpensslPair } from "../openssl-pair";

/** A request as it came to the front. */
export interface SeenRequest {
  /** "POST /1.0/certificates", without a query. */
  readonly what: string;
  readonly body: string;
  /** The connection it came over. */
  readonly connection: SeenConnection;
}

/** A connection that a client made to the front. */
export interface SeenConnection {
  /** Counted from 1. */
  readonly number: number;
  /** Whatever came, as it came. */
  readonly raw: Buffer[];
  /** What came inside TLS. */
  readonly decrypted: Buffer[];
  /** What was shown as the server's certificate. */
  readonly shown: "own" | "other";
  /** "TLSv1.3", once there is TLS. */
  protocol?: string;
  wasResumed: boolean;
}

/** A request, and what can be done to it. */
export interface Exchange {
  readonly request: SeenRequest;
  /** Hands the request to the daemon, and answers what it said in the bytes of HTTP. */
  readonly ask: () => Promise<Buffer>;
  readonly write: (bytes: Buffer | string) => void;
  /** Ends the connection in order. */
  readonly end: (bytes?: Buffer | string) => void;
  /** Breaks the connection off. */
  readonly reset: () => void;
  /** Whether the client is still connected. */
  readonly isOpen: () => boolean;
}

/** A TCP connection, and what can be done to it. */
export interface Wire {
  readonly near: Socket;
  readonly number: number;
  /** Lets everything through from now on; `change` is what becomes of what is sent to the client. */
  readonly pass: (change?: (chunk: Buffer, near: Socket) => void) => void;
}

/** What the front does where it is not as it should be. */
export interface Conduct {
  readonly onRequest?: (exchange: Exchange, seen: readonly SeenRequest[]) => Promise<void> | void;
  readonly onWire?: (wire: Wire) => void;
  /** Hangs up on these connections when their TLS handshake is over, and before it reads anything. */
  readonly hangsUp?: (connection: number) => boolean;
  /** After how many connections nobody listens any more. */
  readonly refusesAfter?: number;
  /** What is shown as the server's certificate on a connection. */
  readonly shows?: (connection: number) => "own" | "other";
  readonly tls?: Pick<TlsOptions, "minVersion" | "maxVersion">;
}

export interface Front {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly requests: SeenRequest[];
  readonly connections: SeenConnection[];
  /** Behaves like this from now on; well, where nothing is said. What was seen so far is forgotten. */
  behave(conduct?: Conduct): Promise<void>;
  close(): Promise<void>;
}

/** Stands in front of a server; `pairs` are those of the clients that will come, `other` what it shows as a stranger. */
export async function standInFront(
  { server: { directory }, address }: Pick<Stage, "server" | "address">,
  pairs: readonly OpensslPair[],
  other: ClientPair,
): Promise<Front> {
  const [cert, key] = ["server.crt", "server.key"].map((file) => readFileSync(join(directory, file), "utf8"));
  const requests: SeenRequest[] = [];
  const connections: SeenConnection[] = [];
  /** By the port from which the front connects to itself. */
  const wires = new Map<number, { near: Socket; seen: SeenConnection }>();
  // Both certificates are behind one key for tickets: who resumes a session of the right one would be let in to the other.
  const ticketKeys = randomBytes(48);
  let conduct: Conduct = {};
  let inner: { readonly ports: Record<"own" | "other", number>; close(): Promise<unknown> } | undefined;

  const onSecured = (socket: TLSSocket): void => {
    const { near, seen } =
      wires.get(socket.remotePort ?? 0) ?? assert.fail("a connection of the front's own");
    seen.protocol = socket.getProtocol() ?? "";
    seen.wasResumed = socket.isSessionReused();
    if (conduct.hangsUp?.(seen.number) === true) return void near.destroy();
    const pair = pairOf(socket, pairs);
    let waiting: Buffer = Buffer.alloc(0);
    let isBusy = false;
    // As a server does, it looks at the next request when it has answered the one before.
    const next = (): void => {
      const found = isBusy ? undefined : firstRequest(waiting);
      if (found === undefined) return;
      isBusy = true;
      waiting = found.rest;
      const parsed = found.request;
      const request: SeenRequest = {
        what: `${parsed.method} ${parsed.path.replace(/\?.*/, "")}`,
        ...{ body: parsed.body, connection: seen },
      };
      requests.push(request);
      let isAnswered = false;
      const exchange: Exchange = {
        request,
        ask: () => askServer(address, pair, parsed),
        write: (bytes) => {
          socket.write(bytes);
          isAnswered = true;
        },
        end: (bytes) => void socket.end(bytes ?? ""),
        reset: () => void near.resetAndDestroy(),
        isOpen: () => !near.destroyed,
      };
      Promise.resolve((conduct.onRequest ?? passOn)(exchange, requests)).then(
        () => {
          isBusy = !isAnswered;
          next();
        },
        // A server that is asked in vain fails the test by its reply that does not come.
        () => near.destroy(),
      );
    };
    socket.on("error", () => near.destroy());
    socket.on("data", (chunk: Buffer) => {
      seen.decrypted.push(chunk);
      waiting = Buffer.concat([waiting, chunk]);
      next();
    });
  };

  const startInner = async (): Promise<NonNullable<typeof inner>> => {
    const options = { ticketKeys, requestCert: true, rejectUnauthorized: false, ...conduct.tls };
    const start = async (pair: { cert?: string; key?: string }) =>
      listenOn(createTlsServer({ ...options, ...pair }, onSecured).on("tlsClientError", () => undefined));
    const own = await start({ cert, key });
    const stranger = await start({ cert: other.certificate, key: other.privateKey });
    const close = () => Promise.all([own.close(), stranger.close()]);
    return { ports: { own: own.port, other: stranger.port }, close };
  };

  const outer = createServer((near) => {
    const number = connections.length + 1;
    const shown = conduct.shows?.(number) ?? "own";
    const seen: SeenConnection = { number, shown, raw: [], decrypted: [], wasResumed: false };
    connections.push(seen);
    const pass: Wire["pass"] = (change) => {
      const far = connect(inner?.ports[shown] ?? 0, "127.0.0.1", () => {
        wires.set(far.localPort ?? 0, { near, seen });
        near.on("data", (chunk: Buffer) => void far.write(chunk)).resume();
      });
      near.pause().on("close", () => far.destroy());
      near.on("end", () => far.end());
      far.on("data", (chunk: Buffer) => {
        if (change === undefined) near.write(chunk);
        else change(chunk, near);
      });
      far.on("error", () => near.destroy());
      far.on("end", () => {
        if (change === undefined) near.end();
      });
    };
    near.on("data", (chunk: Buffer) => void seen.raw.push(chunk));
    if (number === conduct.refusesAfter) outer.close();
    (conduct.onWire ?? passAll)({ near, number, pass });
  });
  const { port, close } = await listenOn(outer);
  inner = await startInner();
  return {
    ...{ address: `127.0.0.1:${port}`, requests, connections },
    async behave(wanted = {}) {
      const { tls } = conduct;
      conduct = wanted;
      requests.length = 0;
      connections.length = 0;
      if (!outer.listening) await once(outer.listen(port, "127.0.0.1"), "listening");
      if (wanted.refusesAfter === 0) outer.close();
      if (tls === wanted.tls) return;
      await inner?.close();
      inner = await startInner();
    },
    close: async () => {
      if (outer.listening) await close();
      await inner?.close();
    },
  };
}

/** What a front does that is as it should be. */
export async function passOn(exchange: Exchange): Promise<void> {
  exchange.write(await exchange.ask());
}

function passAll(wire: Wire): void {
  wire.pass();
}

/** The pair of the client that came; undefined for one that shows no certificate. */
function pairOf(socket: TLSSocket, pairs: readonly OpensslPair[]): OpensslPair | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const fingerprint = createHash("sha256").update(certificate.raw).digest("hex");
  return pairs.find((pair) => pair.fingerprint === fingerprint) ?? assert.fail("a client nobody told of");
}

function askServer(
  address: string,
  pair: OpensslPair | undefined,
  { method, path, body }: Pick<Received, "method" | "path" | "body">,
): Promise<Buffer> {
  const [host, port] = address.split(":");
  const identity = pair && { cert: pair.certificate, key: pair.privateKey };
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { host, port, method, path, headers, agent: false as const, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ ...options, ...identity }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => void chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve(inBytes(response.statusCode ?? 0, Buffer.concat(chunks), response.headers.date));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** A reply in the bytes of HTTP. */
function inBytes(status: number, body: Buffer, date = ""): Buffer {
  const lines = [
    `HTTP/1.1 ${status} ${status < 400 ? "OK" : "Refused"}`,
    ...["content-type: application/json", `date: ${date}`, `content-length: ${body.length}`],
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}
