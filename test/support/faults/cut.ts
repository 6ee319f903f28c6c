/** A router in front of a listener that lets one connection through, until that breaks in the middle of something. */
import { connect, createServer, type Socket } from "node:net";
import { listenOn } from "../../contract/tls-listener";

export interface CutRouter {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Forwards the first connection to a target, `host:port`, and refuses every other; `onRefused` is told of the first one.
 * From then on the connection lets through as many requests of the client as are said, and breaks at the next.
 */
export async function routeUntil(
  target: string,
  { requests, onRefused }: { requests: number; onRefused: () => void },
): Promise<CutRouter> {
  const [host = "", port = ""] = target.split(":");
  let first: Socket | undefined;
  let left = Infinity;
  const server = createServer((near) => {
    if (first !== undefined) {
      if (left === Infinity) onRefused();
      left = Math.min(left, requests);
      near.destroy();
      return;
    }
    first = near;
    const far = connect(Number(port), host);
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    far.on("data", (chunk: Buffer) => near.write(chunk));
    near.on("close", () => far.destroy());
    // What a client sends at once is a request, or its headers.
    near.on("data", (chunk: Buffer) => {
      if (left-- > 0) far.write(chunk);
      else near.destroy();
    });
  });
  const { port: own, close } = await listenOn(server);
  return { address: `127.0.0.1:${own}`, close };
}
