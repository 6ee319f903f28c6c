/** A TLS listener that shows what reached it, decrypted, and answers with whatever bytes it is told to. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Pair } from "./authority";

/** A request as it came in. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** The connection it came over, counted from 1. */
  readonly connection: number;
}

/** What to do about a request: write bytes, end the connection, or nothing at all. */
export type Answer = (socket: TLSSocket, request: Received) => void;

export interface TlsListener {
  readonly port: number;
  /** How often clients connected. */
  readonly connections: () => number;
  /** Every byte that clients sent inside TLS, once all of them have hung up. */
  readonly bytes: () => Promise<Buffer>;
  readonly requests: readonly Received[];
  close(): Promise<void>;
}

/** Listens on loopback with a certificate; TLS 1.3 as LXD and Incus do. */
export async function listenTls(pair: Pair, answer: Answer): Promise<TlsListener> {
  let secured = 0;
  const chunks: Buffer[] = [];
  const requests: Received[] = [];
  const server = createServer(
    {
      cert: pair.certificate,
      key: pair.privateKey,
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      const connection = ++secured;
      let waiting: Buffer = Buffer.alloc(0);
      let isBusy = false;
      // As the servers do, it looks at the next request when it has answered the one before.
      const next = (): void => {
        const found = isBusy ? undefined : firstRequest(waiting);
        if (found === undefined) return;
        isBusy = true;
        waiting = found.rest;
        const request = { ...found.request, connection };
        requests.push(request);
        answer(socket, request);
      };
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
      socket.write = (...args: unknown[]): boolean => {
        isBusy = false;
        setImmediate(next);
        return write(...args);
      };
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        waiting = Buffer.concat([waiting, chunk]);
        next();
      });
    },
  );
  const { port, connections, hungUp, close } = await listenOn(server);
  const bytes = async (): Promise<Buffer> => {
    await hungUp();
    return Buffer.concat(chunks);
  };
  return { port, connections, bytes, requests, close };
}

/** Starts any server on a loopback port, a free one by default; its end also ends what is connected to it. */
export async function listenOn(
  server: Server,
  port = 0,
): Promise<{
  port: number;
  connections: () => number;
  hungUp: () => Promise<void>;
  close: () => Promise<void>;
}> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.length,
    hungUp: async () => {
      await Promise.all(sockets.filter(({ closed }) => !closed).map((socket) => once(socket, "close")));
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A reply in the bytes of HTTP/1.1. */
export function reply(body: unknown, status = "200 OK", headers: readonly string[] = []): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const lines = [`HTTP/1.1 ${status}`, `content-length: ${Buffer.byteLength(text)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}

/** What an LXD server says of itself to a client that it trusts. */
export const server = { type: "sync", metadata: { api_extensions: [], auth: "trusted" } };

/** The first request in these bytes, once all of it is here, and what follows it. */
export function firstRequest(
  bytes: Buffer,
): { request: Omit<Received, "connection">; rest: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = bytes.subarray(0, end).toString("latin1");
  const whole = end + 4 + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  if (bytes.length < whole) return undefined;
  const [method, path] = head.split(" ", 2);
  assert.ok(method !== undefined && path !== undefined);
  const body = bytes.subarray(end + 4, whole).toString("utf8");
  return { request: { method, path, body }, rest: bytes.subarray(whole) };
}
