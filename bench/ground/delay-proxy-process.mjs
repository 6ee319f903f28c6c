/**
 * The process of the delay proxies: TCP on loopback, as if the server were far away. It runs apart from what is measured, so
 * that neither waits for the other.
 *
 * The model: half a round trip for each direction. A client's kernel says here at once that a connection stands, where a
 * far server would take a round trip for it; so what the client sends is held for one round trip from the beginning, and the
 * server is dialled when the client's last packet of the handshake would arrive. Each direction is one queue, the end of the
 * connection included, so nothing overtakes anything; how much is in it is not limited, so throughput is not either.
 */
import { connect, createServer } from "node:net";

/** @typedef {{ at: number, direction: "open" | "up" | "down", bytes: number, connection: number }} Packet milliseconds since the epoch, where the client is */
/** @typedef {{ connections: number, bytesUp: number, bytesDown: number, packets: Packet[] }} Traffic */
/** @typedef {{ target: string, roundTrip: number, isSilent: boolean, traffic: Traffic }} Proxy */

/** @type {Map<number, Proxy>} by port */
const proxies = new Map();
let accepted = 0;

/** @returns {Traffic} */
const noTraffic = () => ({ connections: 0, bytesUp: 0, bytesDown: 0, packets: [] });

/** Passes things on in their order, each at its time. */
class Queue {
  /** @type {{ due: number, pass: () => void }[]} */
  #waiting = [];

  /**
   * @param {number} due by performance.now()
   * @param {() => void} pass
   */
  add(due, pass) {
    const now = performance.now();
    if (this.#waiting.length === 0 && due <= now) return pass();
    this.#waiting.push({ due, pass });
    if (this.#waiting.length === 1) this.#wait();
  }

  #wait() {
    const [first] = this.#waiting;
    if (first === undefined) return;
    // Node's timers count whole milliseconds, and may be one early.
    setTimeout(() => this.#passDue(), Math.max(0, Math.floor(first.due - performance.now())));
  }

  #passDue() {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      const left = first.due - performance.now();
      if (left > 1) return this.#wait();
      if (left > 0) return void setImmediate(() => this.#passDue());
      this.#waiting.shift();
      first.pass();
    }
  }
}

/**
 * @param {Proxy} proxy
 * @param {import("node:net").Socket} client
 */
function serve(proxy, client) {
  const { target, roundTrip } = proxy;
  const connection = ++accepted;
  const [host = "", port = ""] = target.split(":");
  const begun = performance.now();
  const note = (/** @type {Packet["direction"]} */ direction, bytes = 0) =>
    proxy.traffic.packets.push({
      at: performance.timeOrigin + performance.now(),
      direction,
      bytes,
      connection,
    });
  proxy.traffic.connections++;
  note("open");
  client.setNoDelay(true);
  client.on("error", () => undefined);
  if (proxy.isSilent) return void client.resume();
  const up = new Queue();
  const down = new Queue();
  /** @type {import("node:net").Socket | undefined} */
  let server;
  const half = roundTrip / 2;
  const goesUp = () => Math.max(performance.now(), begun + roundTrip) + half;
  up.add(begun + roundTrip + half, () => {
    server = connect(Number(port), host);
    server.setNoDelay(true);
    server.on("error", () => undefined);
    server.on("data", (chunk) => {
      proxy.traffic.bytesDown += chunk.length;
      down.add(performance.now() + half, () => {
        note("down", chunk.length);
        client.write(chunk);
      });
    });
    server.on("end", () => down.add(performance.now() + half, () => client.end()));
    server.on("close", () => down.add(performance.now() + half, () => client.destroy()));
  });
  client.on("data", (chunk) => {
    proxy.traffic.bytesUp += chunk.length;
    note("up", chunk.length);
    up.add(goesUp(), () => server?.write(chunk));
  });
  client.on("end", () => up.add(goesUp(), () => server?.end()));
  client.on("close", () => up.add(goesUp(), () => server?.destroy()));
}

/** @type {Record<string, (request: any) => Promise<unknown>>} */
const requests = {
  async open({ target, roundTrip }) {
    const proxy = { target, roundTrip, isSilent: false, traffic: noTraffic() };
    const server = createServer({ allowHalfOpen: true }, (client) => serve(proxy, client));
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: 0, host: "127.0.0.1", backlog: 511 }, () => resolve(undefined));
    });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    proxies.set(port, proxy);
    return port;
  },
  async silence({ port }) {
    const proxy = proxies.get(port);
    if (proxy !== undefined) proxy.isSilent = true;
  },
  async setRoundTrip({ port, roundTrip }) {
    const proxy = proxies.get(port);
    if (proxy !== undefined) proxy.roundTrip = roundTrip;
  },
  async takeTraffic({ port }) {
    const proxy = proxies.get(port);
    const traffic = proxy?.traffic ?? noTraffic();
    if (proxy !== undefined) proxy.traffic = noTraffic();
    return traffic;
  },
};

process.on("message", (/** @type {any} */ { id, what, ...request }) => {
  requests[what]?.(request).then(
    (answer) => process.send?.({ id, answer }),
    (error) => process.send?.({ id, error: String(error) }),
  );
});
// The bench has ended, however it did.
process.on("disconnect", () => process.exit(0));
