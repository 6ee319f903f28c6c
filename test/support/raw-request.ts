import * as http from "node:http";
import * as https from "node:https";

/** A reply of an LXD or Incus server: the HTTP status, the headers, and the decoded JSON body. */
export interface RawReply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: RawBody;
}

/** The envelope around every reply. */
export interface RawBody {
  type: "sync" | "async" | "error";
  status: string;
  status_code: number;
  operation: string;
  error_code: number;
  error: string;
  metadata: unknown;
}

/** Where a raw request goes: the server's unix socket, or its HTTPS listener on this machine. */
export type RawTarget =
  | { socketPath: string; agent?: http.Agent }
  | {
      /** `127.0.0.1:PORT` or `[::1]:PORT`. */
      address: string;
      /** The client certificate, PEM; left out means an anonymous client. */
      certificate?: string;
      /** The key of that certificate, PEM, secret. */
      privateKey?: string;
      agent?: https.Agent;
    };

/**
 * One request to a server on this machine, independent of the product's own client, so that tests can look at
 * a server behind its back. The server's certificate is NOT verified, therefore only loopback is accepted.
 *
 * Rejects with Node's own error (`code` ECONNREFUSED, ECONNRESET...) when no reply arrives.
 */
export function rawRequest(
  target: RawTarget,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<RawReply> {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const common = {
    method,
    path,
    agent: target.agent ?? false,
    headers: {
      ...headers,
      ...(text === undefined
        ? {}
        : { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) }),
    },
  };
  const request =
    "socketPath" in target
      ? http.request({ ...common, agent: target.agent ?? false, socketPath: target.socketPath })
      : https.request({
          ...common,
          agent: target.agent ?? false,
          ...loopback(target.address),
          cert: target.certificate,
          key: target.privateKey,
          rejectUnauthorized: false,
        });
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      readReply(response).then(resolve, reject);
    });
    request.end(text);
  });
}

function loopback(address: string): { host: string; port: number } {
  const match = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):(\d+)$/.exec(address);
  if (!match?.[1] || !match[2])
    throw new Error(
      `rawRequest does not verify certificates and talks to loopback only, not to "${address}".`,
    );
  return { host: match[1].replace(/^\[|\]$/g, ""), port: Number(match[2]) };
}

async function readReply(response: http.IncomingMessage): Promise<RawReply> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as RawBody };
}
