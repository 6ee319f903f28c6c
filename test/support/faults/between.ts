/** What stands between a provider and a server's socket, and sees to it that something else happens at a given moment. */
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { TestServer } from "../servers";

/** A request on its way to the server. */
export interface Passing {
  readonly method: string;
  /** Hands it to the server; its reply is kept until the moment is over. */
  readonly pass: () => Promise<void>;
  /** Breaks the connection off instead of giving the reply. */
  readonly lose: () => void;
}

export interface Between {
  /** `connection` for resources. */
  readonly connection: { readonly socketPath: string };
  /** What happens to a request from now on; it is only passed on where nothing is said. */
  readonly meanwhile: (happens?: (passing: Passing) => Promise<void>) => void;
  close(): Promise<void>;
}

/** Stands in front of a server, which may be started again meanwhile. */
export async function standBetween(server: Pick<TestServer, "directory" | "socketPath">): Promise<Between> {
  let happens: (passing: Passing) => Promise<void> = ({ pass }) => pass();
  const between = createServer((incoming, outgoing) => {
    void buffer(incoming).then(async (body) => {
      let reply: Reply | undefined;
      let isLost = false;
      const pass = async (): Promise<void> => {
        reply = await handOn(server.socketPath, incoming, body);
      };
      try {
        await happens({ method: incoming.method ?? "", pass, lose: () => void (isLost = true) });
      } catch {
        isLost = true; // a server that is not there has no answer
      }
      if (isLost || reply === undefined) return void outgoing.destroy();
      outgoing.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  const socketPath = join(server.directory, "between.socket");
  between.listen(socketPath);
  await once(between, "listening");
  return {
    connection: { socketPath },
    meanwhile: (wanted = ({ pass }) => pass()) => void (happens = wanted),
    close: async () => {
      between.close();
      between.closeAllConnections();
      await once(between, "close");
    },
  };
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function handOn(socketPath: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const onward = httpRequest({ socketPath, method, path: url, headers, agent: false }, (response) => {
      buffer(response).then((answer) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer });
      }, reject);
    });
    onward.on("error", reject);
    onward.end(body);
  });
}
