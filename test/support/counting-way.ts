/** A way to a server that counts what goes over it: connections, and how often a client had to wait for the server. */
import { connect, createServer, type Socket } from "node:net";
import { listenOn } from "../contract/tls-listener";

/** What went over a way. */
export interface Cost {
  readonly connections: number;
  /**
   * How often a server's answer was passed on to a client that had sent something since the one before. What a client sends
   * before it has an answer is of the same round trip, in however many packets; what a server sends of itself, such as TLS
   * tickets, is of none.
   */
  readonly roundTrips: number;
}

export interface CountingWay {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** What went over it since it was asked last. */
  takeCost(): Cost;
  /** Closes it and what goes through it. */
  close(): Promise<void>;
}

/** How long both sides have to be silent before an answer is passed on, in milliseconds: so that the question is whole. */
const silence = 1;

/** Forwards to a target, `host:port`. */
export async function countOnTheWayTo(target: string): Promise<CountingWay> {
  const [host = "", port = ""] = target.split(":");
  let connections = 0;
  let roundTrips = 0;
  const server = createServer((client) => {
    connections++;
    const onward = connect(Number(port), host);
    passInRoundTrips(client, onward, () => roundTrips++);
  });
  const { port: own, close } = await listenOn(server);
  return {
    address: `127.0.0.1:${own}`,
    takeCost() {
      const cost = { connections, roundTrips };
      connections = roundTrips = 0;
      return cost;
    },
    close,
  };
}

function passInRoundTrips(client: Socket, server: Socket, onRoundTrip: () => void): void {
  const held: Buffer[] = [];
  let hasAsked = false;
  let timer: NodeJS.Timeout | undefined;
  const passOn = (): void => {
    // Nobody waits for what a server says to one who hangs up.
    if (client.destroyed || client.readableEnded) return;
    if (hasAsked) onRoundTrip();
    hasAsked = false;
    client.write(Buffer.concat(held.splice(0)));
  };
  client.on("data", (chunk: Buffer) => {
    hasAsked = true;
    server.write(chunk);
    if (held.length > 0) timer?.refresh();
  });
  server.on("data", (chunk: Buffer) => {
    held.push(chunk);
    clearTimeout(timer);
    timer = setTimeout(passOn, silence);
  });
  client.on("error", () => server.destroy()).on("close", () => server.destroy());
  server.on("error", () => client.destroy());
  server.on("close", () => {
    clearTimeout(timer);
    if (held.length > 0) passOn();
    client.end();
  });
}
