/** A slow network in front of a server: what is under way can be held back, and let through again. */
import { connect, createServer, type Socket } from "node:net";
import { listenOn } from "../contract/tls-listener";

export interface Gate {
  readonly port: number;
  /** How many connections came so far. */
  connections(): number;
  /** Holds back whatever comes from now on, both ways. */
  shut(): void;
  /** Lets it through, and what was held back. */
  open(): void;
  /** When all the connections so far have ended. */
  hungUp(): Promise<void>;
  close(): Promise<void>;
}

/** Forwards to a port of 127.0.0.1. */
export async function gateTo(target: number): Promise<Gate> {
  const sockets: Socket[] = [];
  let isShut = false;
  const pass = (from: Socket, to: Socket): void => {
    sockets.push(from);
    from.on("data", (chunk: Buffer) => to.write(chunk));
    from.on("error", () => to.destroy()).on("close", () => to.destroy());
    if (isShut) from.pause();
  };
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    pass(near, far);
    pass(far, near);
  });
  const { port, connections, hungUp, close } = await listenOn(server);
  return {
    ...{ port, connections, hungUp, close },
    shut() {
      isShut = true;
      for (const socket of sockets) socket.pause();
    },
    open() {
      isShut = false;
      for (const socket of sockets) socket.resume();
    },
  };
}
