/** What a join waits for, one after the other, by what went through the delay proxy. */

/** @typedef {{ what: string, from: number, to: number }} Bar milliseconds since the beginning */
/** @typedef {import("./delay-proxy-process.mjs").Packet} Packet */

/** What the bars of the time between are called. */
export const between = "provider";

/**
 * The bars of one or more connections: TCP, TLS, each request with its reply, and what lies between, which is the provider's own
 * work. Where requests are under way at the same time on one connection they share a bar.
 * @param {readonly Packet[]} packets
 * @param {readonly string[]} requests in the order in which the server had them
 * @param {{ begun: number, ended: number, roundTrip: number }} span
 * @returns {Bar[]}
 */
export function waterfallOf(packets, requests, { begun, ended, roundTrip }) {
  // Of one that was there before only the end may be seen.
  const opened = packets.filter(({ direction }) => direction === "open");
  const steps = opened
    .flatMap(({ connection }) =>
      barsOf(
        packets.filter((packet) => packet.connection === connection),
        roundTrip,
      ),
    )
    .sort((one, other) => one.from - other.from);
  let asked = 0;
  const named = steps.map((bar) =>
    bar.what === "" ? { ...bar, what: requests[asked++] ?? "TLS, the end" } : bar,
  );
  let before = begun;
  const all = [...named, { what: "", from: ended, to: ended }].flatMap((bar) => {
    const gap = bar.from - before > 0.5 ? [{ what: between, from: before, to: bar.from }] : [];
    before = Math.max(before, bar.to);
    return bar.what === "" ? gap : [...gap, bar];
  });
  return all.map(({ what, from, to }) => ({ what, from: from - begun, to: to - begun }));
}

/**
 * The bars of one connection, requests without a name.
 * @param {readonly Packet[]} packets
 * @param {number} roundTrip
 * @returns {Bar[]}
 */
function barsOf(packets, roundTrip) {
  const opened = packets.find(({ direction }) => direction === "open")?.at ?? 0;
  const standing = opened + roundTrip;
  // A flight is what goes up until something comes down, and what comes down until something goes up again.
  /** @type {Bar[]} */
  const flights = [];
  let last = "open";
  for (const { at, direction } of packets) {
    const flight = flights.at(-1);
    if (direction === "up" && last !== "up") flights.push({ what: "", from: at, to: at });
    else if (direction === "down" && flight !== undefined) flight.to = at;
    last = direction;
  }
  const [hello, ...exchanges] = flights.filter(({ from, to }) => to > from);
  const tcp = { what: "TCP", from: opened, to: standing };
  return hello === undefined ? [tcp] : [tcp, { what: "TLS", from: standing, to: hello.to }, ...exchanges];
}
