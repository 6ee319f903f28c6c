/** One client joins one server: a Remote's create inside the provider process, beside the least it can take, and `lxc`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "../../scripts/ending.mjs";
import { run } from "../../scripts/run.mjs";
import { openProxy } from "../ground/delay-proxy.mjs";
import { joinLean } from "../ground/lean-join.mjs";
import { makePair } from "../ground/pairs.mjs";
import { OwnProvider } from "../ground/product.mjs";
import { startServer } from "../ground/server.mjs";
import { interleave, ratioOf, timed } from "../ground/statistics.mjs";
import { waterfallOf } from "../ground/waterfall.mjs";

export const name = "one-join";
export const title = "One join";

/** The bars hold at this round trip, in milliseconds. */
const barredAt = 50;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, found }) {
  const server = await startServer();
  const proxy = await openProxy(server.address, 0);
  const folder = mkdtempSync(join(tmpdir(), "lxa-bench-"));
  atEnd(`removing ${folder}`, () => rmSync(folder, { recursive: true, force: true }));
  const lxc = found.lxd?.client;
  let number = 0;
  const next = async () => {
    const client = `client-${++number}`;
    const token = await server.issueToken(client, proxy.address);
    await proxy.takeTraffic();
    server.takeRequests();
    return { client, token };
  };
  /** @param {object} [more] */
  const joinOnce = async (more) => {
    const { client, token } = await next();
    const own = new OwnProvider("Remote", folder);
    const milliseconds = await timed(() => own.create({ name: client, token, ...more }));
    await own.close();
    return milliseconds;
  };
  /** @type {Record<string, (round: number) => Promise<number>>} */
  const sides = {
    remote: () => joinOnce(),
    remoteInDirectory: () => joinOnce({ configDir: join(folder, `directory-${number}`) }),
    lean: async () => {
      const { client, token } = await next();
      const pair = await makePair(client);
      return timed(() => joinLean(proxy.address, server.fingerprint, pair, token));
    },
    leanWithoutLook: async () => {
      const { client, token } = await next();
      const pair = await makePair(client);
      return timed(() => joinLean(proxy.address, server.fingerprint, pair, token, { looksFirst: false }));
    },
    ...(lxc !== undefined && {
      lxc: async () => {
        const { client, token } = await next();
        const env = {
          ...{ PATH: process.env["PATH"], HOME: folder, LXD_CONF: join(folder, `lxc-${number}`) },
          ...{ HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" },
        };
        return timed(() => run(lxc, ["remote", "add", client, token], { env, cwd: folder, seconds: 60 }));
      },
    }),
  };
  // Whatever is loaded with the first call is no part of a join; the measure of the provider process has it.
  const first = await joinOnce();

  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: { firstEver: { unit: "ms", values: [first] } }, plots: [] };
  const rounds = isQuick ? 3 : 15;
  const roundTrips = isQuick ? [0, barredAt] : [0, barredAt, 150];
  for (const roundTrip of roundTrips) {
    await proxy.setRoundTrip(roundTrip);
    const samples = await interleave(roundTrip === barredAt ? rounds : Math.ceil(rounds / 2), sides);
    for (const [side, values] of Object.entries(samples))
      result.samples[`${side}, ${roundTrip} ms`] = { unit: "ms", values };
    const { remote = [], remoteInDirectory = [], lean = [], leanWithoutLook = [], lxc: byLxc } = samples;
    const isBarred = roundTrip === barredAt;
    const at = `${roundTrip} ms`;
    const against = (
      /** @type {string} */ what,
      /** @type {number[]} */ ours,
      /** @type {number[]} */ base,
      bar = NaN,
    ) =>
      result.figures.push({
        ...{ what: `${what}, ${at}`, ...ratioOf(ours, base), unit: "×" },
        bar: isBarred && !Number.isNaN(bar) ? bar : undefined,
      });
    against("over the lean sequence", remote, lean, 1.15);
    if (byLxc !== undefined) against("over `lxc remote add`", remote, byLxc, 0.4);
    against("written into a client directory, over the lean sequence", remoteInDirectory, lean);
    against("over the lean sequence without its first look", remote, leanWithoutLook);
    if (!isBarred) continue;
    const counts = [];
    for (let count = 0; count < 3; count++) {
      await joinOnce();
      counts.push((await proxy.takeTraffic()).connections);
    }
    result.figures.push({ what: "TLS connections", ratio: Math.max(...counts), unit: "", bar: 1 });
    await joinOnce({ configDir: join(folder, "directory") });
    const { connections } = await proxy.takeTraffic();
    result.figures.push({
      what: "TLS connections, with a client directory that is new",
      ratio: connections,
      unit: "",
    });
    result.plots.push({
      kind: "waterfall",
      file: "one-join",
      title: `One join, ${at} round trip`,
      ...(await traced()),
    });
  }
  result.plots.push({
    ...{
      kind: /** @type {const} */ ("lines"),
      file: "one-join-round-trip",
      title: "One join",
      x: "round trip, ms",
      y: "ms",
    },
    lines: Object.keys(sides).map((side) => ({
      name: labels[side] ?? side,
      points: roundTrips.map((x) => ({ x, values: result.samples[`${side}, ${x} ms`]?.values ?? [] })),
    })),
  });
  await server.stop();
  return result;

  async function traced() {
    const { client, token } = await next();
    const own = new OwnProvider("Remote", folder);
    const begun = performance.timeOrigin + performance.now();
    await own.create({ name: client, token });
    const ended = performance.timeOrigin + performance.now();
    await own.close();
    const requests = server.takeRequests().map(({ request }) => request);
    return {
      bars: waterfallOf((await proxy.takeTraffic()).packets, requests, { begun, ended, roundTrip: barredAt }),
    };
  }
}

/** @type {Record<string, string>} */
const labels = {
  remote: "Remote",
  remoteInDirectory: "Remote with a client directory",
  lean: "lean sequence",
  leanWithoutLook: "lean sequence without its first look",
  lxc: "lxc remote add",
};
