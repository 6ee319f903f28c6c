/** Another address of a server, as a router has that forwards a port: plain TCP, which knows nothing of TLS. */
import { connect, createServer } from "node:net";
import { listenOn } from "../contract/tls-listener";

export interface Forwarder {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** How many connections came so far. */
  connections(): number;
  /** Closes it and what goes through it; may be called again. */
  close(): Promise<void>;
}

/** Forwards to a target, `host:port`, which need not listen yet; `isOpen` is asked at each connection, false refuses it. */
export async function forwardTo(target: string, isOpen: () => boolean = () => true): Promise<Forwarder> {
  const [host = "", port = ""] = target.split(":");
  const server = createServer((socket) => {
    if (!isOpen()) return void socket.destroy();
    const onward = connect(Number(port), host);
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  const { port: own, connections, close } = await listenOn(server);
  let closed: Promise<void> | undefined;
  return { address: `127.0.0.1:${own}`, connections, close: () => (closed ??= close()) };
}
