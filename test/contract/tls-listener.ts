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
      let waiting = Buffer.alloc(0);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        waiting = Buffer.concat([waiting, chunk]);
        const request = parse(waiting, connection);
        if (request === undefined) return;
        waiting = Buffer.alloc(0);
        requests.push(request);
        answer(socket, request);
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

/** The request, once all of it is here. The client sends one at a time, with the length of its body. */
function parse(bytes: Buffer, connection: number): Received | undefined {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const length = Number(/^content-length: (\d+)$/im.exec(text.slice(0, end))?.[1] ?? 0);
  const body = bytes.subarray(end + 4).toString("utf8");
  if (Buffer.byteLength(body) < length) return undefined;
  const [method, path] = text.split(" ", 2);
  assert.ok(method !== undefined && path !== undefined);
  return { method, path, body, connection };
}
