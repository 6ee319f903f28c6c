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

const flavors = /** @type {const} */ ({
  lxd: { server: "LXD", client: "lxc", variable: "LXD_CONF" },
  incus: { server: "Incus", client: "incus", variable: "INCUS_CONF" },
});

/** @typedef {keyof typeof flavors} Flavor */
/** @typedef {import("../measures.mjs").Result} Result */

/** @type {Record<string, string>} */
const labels = {
  remote: "Remote",
  remoteInDirectory: "Remote with a client directory",
  lean: "lean sequence",
  leanWithoutLook: "lean sequence without its first look",
  client: "lxc remote add",
};

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, found }) {
  /** @type {Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const roundTrips = isQuick ? [0, barredAt] : [0, barredAt, 150];
  await joinAt("lxd", { client: found.lxd?.client, roundTrips, rounds: isQuick ? 3 : 15 }, result);
  result.plots.push({
    ...{ kind: "lines", file: "one-join-round-trip", title: "One join", x: "round trip, ms", y: "ms" },
    lines: Object.entries(labels).map(([side, label]) => ({
      name: label,
      points: roundTrips.map((x) => ({
        x,
        values: result.samples[sampleName("lxd", side, x)]?.values ?? [],
      })),
    })),
  });
  if (found.incus !== undefined && !isQuick)
    await joinAt("incus", { client: found.incus.client, roundTrips: [barredAt], rounds: 5 }, result);
  return result;
}

/**
 * @param {Flavor} flavor
 * @param {string} side
 * @param {number} roundTrip
 */
function sampleName(flavor, side, roundTrip) {
  const label = side === "client" ? `${flavors[flavor].client} remote add` : labels[side];
  return `${flavors[flavor].server}: ${label}, ${roundTrip} ms`;
}

/**
 * @param {Flavor} flavor
 * @param {{ client: string | undefined, roundTrips: readonly number[], rounds: number }} options `client`: its path
 * @param {Result} result
 */
async function joinAt(flavor, { client, roundTrips, rounds }, result) {
  const stage = await Stage.set(flavor);
  /** @type {Record<string, (round: number) => Promise<number>>} */
  const sides = {
    remote: () => stage.join(),
    remoteInDirectory: () => stage.join({ configDir: stage.newDirectory() }),
    lean: () => stage.joinLean({ looksFirst: true }),
    leanWithoutLook: () => stage.joinLean({ looksFirst: false }),
    ...(client !== undefined && { client: () => stage.joinBy(client) }),
  };
  const { server, client: command } = flavors[flavor];
  // Whatever is loaded with the first call is no part of a join; the measure of the provider's process has it.
  result.samples[`${server}: Remote, the first of a process, 0 ms`] = {
    unit: "ms",
    values: [await stage.join()],
  };
  for (const roundTrip of roundTrips) {
    await stage.proxy.setRoundTrip(roundTrip);
    const isBarred = roundTrip === barredAt;
    const samples = await interleave(isBarred ? rounds : Math.ceil(rounds / 3), sides);
    for (const [side, values] of Object.entries(samples))
      result.samples[sampleName(flavor, side, roundTrip)] = { unit: "ms", values };
    /**
     * @param {string} what
     * @param {string} side
     * @param {string} baseline
     * @param {number} [bar]
     */
    const compare = (what, side, baseline, bar) => {
      const [ours, base] = [samples[side] ?? [], samples[baseline] ?? []];
      if (base.length === 0) return;
      const figure = {
        ...ratioOf(ours, base),
        unit: /** @type {const} */ ("×"),
        bar: isBarred ? bar : undefined,
      };
      result.figures.push({ what: `${server}, ${roundTrip} ms: ${what}`, ...figure });
    };
    compare("over the lean sequence", "remote", "lean", 1.15);
    compare(`over \`${command} remote add\``, "remote", "client", 0.4);
    compare("over the lean sequence without its first look", "remote", "leanWithoutLook");
    compare("with a new client directory, over the lean sequence", "remoteInDirectory", "lean");
    compare(`with a new client directory, over \`${command} remote add\``, "remoteInDirectory", "client");
    if (isBarred) await stage.lookClosely(result, server);
  }
  await stage.end();
}

/** A server far away, and those who join it. */
class Stage {
  #joins = 0;

  /**
   * @param {Flavor} flavor
   * @param {import("../ground/server.mjs").Server} server
   * @param {import("../ground/delay-proxy.mjs").DelayProxy} proxy
   */
  constructor(flavor, server, proxy) {
    this.flavor = flavor;
    this.server = server;
    this.proxy = proxy;
    this.folder = mkdtempSync(join(tmpdir(), "lxa-bench-"));
    atEnd(`removing ${this.folder}`, () => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** @param {Flavor} flavor */
  static async set(flavor) {
    const server = await startServer(flavor);
    return new Stage(flavor, server, await openProxy(server.address, 0));
  }

  newDirectory() {
    return join(this.folder, `directory-${this.#joins}`);
  }

  /** A token for another client, after which traffic and requests count anew. */
  async invite() {
    const client = `client-${++this.#joins}`;
    const token = await this.server.issueToken(client, this.proxy.address);
    await this.proxy.takeTraffic();
    this.server.takeRequests();
    return { client, token };
  }

  /** @param {object} [more] inputs of the Remote */
  async join(more) {
    const { client, token } = await this.invite();
    const own = new OwnProvider("Remote", this.folder);
    const milliseconds = await timed(() => own.create({ name: client, token, ...more }));
    await own.close();
    return milliseconds;
  }

  /** @param {{ looksFirst: boolean }} options */
  async joinLean({ looksFirst }) {
    const { client, token } = await this.invite();
    const pair = await makePair(client);
    const { address } = this.proxy;
    const { fingerprint } = this.server;
    const field = this.flavor === "lxd" ? "password" : "trust_token";
    return timed(() => joinLean({ address, fingerprint, pair, token, field, looksFirst }));
  }

  /** @param {string} command `lxc` or `incus` */
  async joinBy(command) {
    const { client, token } = await this.invite();
    const nowhere = "http://127.0.0.1:9";
    const env = {
      ...{
        PATH: process.env["PATH"],
        HOME: this.folder,
        [flavors[this.flavor].variable]: this.newDirectory(),
      },
      ...{ HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, NO_PROXY: "127.0.0.1" },
    };
    return timed(() =>
      run(command, ["remote", "add", client, token], { env, cwd: this.folder, seconds: 60 }),
    );
  }

  /**
   * Counts connections, and draws what a join waits for.
   * @param {Result} result
   * @param {string} server
   */
  async lookClosely(result, server) {
    for (const { what, inputs, file, bar } of [
      { what: "a join", inputs: () => ({}), file: "one-join", bar: 1 },
      {
        what: "a join with a new client directory",
        inputs: () => ({ configDir: this.newDirectory() }),
        file: "one-join-directory",
      },
    ]) {
      const { client, token } = await this.invite();
      const own = new OwnProvider("Remote", this.folder);
      const begun = performance.timeOrigin + performance.now();
      await own.create({ name: client, token, ...inputs() });
      const ended = performance.timeOrigin + performance.now();
      await own.close();
      const { connections, packets } = await this.proxy.takeTraffic();
      const requests = this.server.takeRequests().map(({ request }) => request);
      result.figures.push({
        what: `${server}: TLS connections of ${what}`,
        ratio: connections,
        unit: "",
        bar,
      });
      result.figures.push({ what: `${server}: requests of ${what}`, ratio: requests.length, unit: "" });
      const bars = waterfallOf(packets, requests, { begun, ended, roundTrip: barredAt });
      const plot = {
        file: `${file}-${this.flavor}`,
        title: `${server}: ${what}, ${barredAt} ms round trip`,
        bars,
      };
      result.plots.push({ kind: "waterfall", ...plot });
    }
  }

  async end() {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
