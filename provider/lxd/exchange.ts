/** One request over HTTP and its reply. */
import type { Client } from "undici";
import { AccessError, codeOf } from "../errors";

/** A request. `secrets` are texts that must not come back in an error message. */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** ETag of what is changed, as it was read: where it is another one by now, the server refuses. */
  readonly ifMatch?: string;
  readonly secrets?: readonly string[];
  /** It may take away the way in, and then can only be taken back over its own connection, which is kept for longer. */
  readonly keepsConnection?: boolean;
}

/** A reply, as received. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly etag?: string;
  /** What time it was at the server, where it says so. */
  readonly time?: Date;
}

/** No reply of these servers comes near this; a longer one is cut off as a fault. */
const longestReply = 64 * 1024 * 1024;

/** Sends a request and takes its reply. Aborting it closes the connection. LXD_PROTOCOL where the reply has no end. */
export async function exchange(client: Client, request: Request, signal: AbortSignal): Promise<Reply> {
  const response = await client.request({
    method: request.method,
    path: request.path,
    query: request.query,
    blocking: request.method !== "GET", // others may follow a read before its reply has come
    headers: {
      "content-type": "application/json",
      ...(request.ifMatch !== undefined && { "if-match": request.ifMatch }),
    },
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    signal,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestReply) throw new AccessError("LXD_PROTOCOL", "The reply is longer than 64 MiB");
    chunks.push(chunk);
  }
  const { etag, date } = response.headers;
  const time = new Date(String(date));
  return {
    status: response.statusCode,
    text: Buffer.concat(chunks).toString("utf8"),
    ...(typeof etag === "string" && { etag }),
    ...(!Number.isNaN(time.getTime()) && { time }),
  };
}

/** Whether an error says that the connection was closed. */
export function wasClosed(error: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error));
}
