/** What a join waits for, one after the other, by what went through the delay proxy. */

/** @typedef {{ what: string, from: number, to: number }} Bar milliseconds since the beginning */

/**
 * The bars of one connection: TCP, TLS, each request with its reply, and what lies between, which is the provider's own work.
 * @param {readonly import("./delay-proxy-process.mjs").Packet[]} packets
 * @param {readonly string[]} requests in the order in which the server had them
 * @param {{ begun: number, ended: number, roundTrip: number }} span
 * @returns {Bar[]}
 */
export function waterfallOf(packets, requests, { begun, ended, roundTrip }) {
  const opened = packets.find(({ direction }) => direction === "open")?.at ?? begun;
  // A flight is what goes up until something comes down, and what comes down until something goes up again.
  /** @type {{ sent: number, received: number }[]} */
  const flights = [];
  let last = "open";
  for (const { at, direction } of packets) {
    if (direction === "open") continue;
    const flight = flights.at(-1);
    if (direction === "up" && last !== "up") flights.push({ sent: at, received: at });
    else if (flight !== undefined && direction === "down") flight.received = at;
    last = direction;
  }
  const [hello, ...exchanges] = flights.filter(({ sent, received }) => received > sent);
  const standing = opened + roundTrip;
  /** @type {Bar[]} */
  const bars = [
    { what: "TCP", from: opened, to: standing },
    ...(hello === undefined ? [] : [{ what: "TLS", from: standing, to: hello.received }]),
    ...exchanges.map(({ sent, received }, index) => ({
      what: requests[index] ?? "TLS, closing",
      from: sent,
      to: received,
    })),
  ];
  let before = begun;
  const all = [...bars, { what: "", from: ended, to: ended }].flatMap((bar) => {
    const gap = bar.from - before > 0.5 ? [{ what: "provider", from: before, to: bar.from }] : [];
    before = bar.to;
    return bar.what === "" ? gap : [...gap, bar];
  });
  return all.map(({ what, from, to }) => ({ what, from: from - begun, to: to - begun }));
}
