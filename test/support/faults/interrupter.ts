/** A way to a server that breaks off once, in the middle of what is said over it, while something is done to the server. */
import { once } from "node:events";
import { connect, createServer, type NetConnectOpts, type Socket } from "node:net";

/**
 * What is lost when it breaks off: what the client is about to send, so that the server never sees it, or what the server
 * has just answered. Either way the client finds its connection closed.
 */
export type Loss = "request" | "reply";

export interface Interrupter {
  /**
   * Breaks off at this turn of the client, counted from 1 and from now on: each time it speaks after the server has.
   * Whoever connects is kept waiting until `meanwhile` is over.
   */
  arm(turn: number, loss: Loss, meanwhile: () => Promise<void>): void;
  /** Ends the arming. Answers how each turn since began, up to and including the one in which it broke off. */
  disarm(): string[];
  close(): Promise<void>;
}

/** Listens at a place and forwards to another one. */
export async function interruptTo(
  target: NetConnectOpts,
  at: { path: string } | { port: number },
): Promise<Interrupter> {
  const sockets = new Set<Socket>();
  let armed: { turn: number; loss: Loss; meanwhile: () => Promise<void> } | undefined;
  let turns: string[] = [];
  let brokenOff: Promise<void> = Promise.resolve();

  const forward = (near: Socket): void => {
    const far = connect(target);
    sockets.add(far.once("close", () => sockets.delete(far)));
    let isClientsTurn = true;
    let isBreaking = false;
    const breaksOff = (loss: Loss): boolean => {
      if (armed?.turn !== turns.length || armed.loss !== loss) return false;
      isBreaking = true;
      // A server that shuts down waits for those who have not said all that they want.
      far.destroy();
      const doing = armed.meanwhile();
      armed = undefined;
      brokenOff = doing.finally(() => {
        near.destroy();
      });
      return true;
    };
    near.on("data", (chunk: Buffer) => {
      if (isBreaking) return;
      if (isClientsTurn && armed !== undefined)
        turns.push(chunk.toString("latin1").split(" HTTP/", 1)[0] ?? "");
      isClientsTurn = false;
      if (!breaksOff("request")) far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      if (isBreaking) return;
      isClientsTurn = true;
      if (!breaksOff("reply")) near.write(chunk);
    });
    const end = (): void => {
      if (!isBreaking) near.destroy();
    };
    far.on("error", end).on("close", end);
    near.on("close", () => far.destroy());
  };
  const server = createServer((near) => {
    near.on("error", () => undefined);
    sockets.add(near.once("close", () => sockets.delete(near)));
    void brokenOff.then(() => {
      forward(near);
    });
  });
  server.listen("port" in at ? { host: "127.0.0.1", ...at } : at);
  await once(server, "listening");
  return {
    arm(turn, loss, meanwhile) {
      turns = [];
      armed = { turn, loss, meanwhile };
    },
    disarm() {
      armed = undefined;
      return turns;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
