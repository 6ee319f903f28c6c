/** One identity joins a fleet: a Remote for each of K servers, all far away, over as many resources that do nothing. */
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { compareRuns } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { medianOf } from "../ground/statistics.mjs";

export const name = "fleet-join";
export const title = "Joining a fleet";

const roundTrip = 50;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  const counts = isQuick ? [1, 5] : [1, 10, 50];
  const rounds = isQuick ? 2 : 5;
  const servers = await startServers(Math.max(...counts));
  const sites = await Promise.all(
    servers.map(async (server) => ({ server, proxy: await openProxy(server.address, roundTrip) })),
  );
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  /** @type {Map<number, number[]>} milliseconds over the floor, by the number of servers */
  const added = new Map();
  let joins = 0;
  for (const count of counts) {
    const used = sites.slice(0, count);
    const floor = await Stack.ofNoOps(engine, count);
    const ours = await Stack.create(engine, []);
    const compared = await compareRuns({
      ...{ ours, floor, rounds, sites: used },
      before: async () => {
        const client = `client-${++joins}`;
        ours.give(await remotes(client, used));
      },
      work: (stack) => {
        stack.restore();
        return stack.up();
      },
    });
    result.samples[`up of ${count} remotes`] = { unit: "ms", values: compared.ours };
    result.samples[`up of ${count} no-ops`] = { unit: "ms", values: compared.floor };
    added.set(
      count,
      compared.ours.map((sample, round) => sample - (compared.floor[round] ?? NaN)),
    );
    const fleet = count === 1 ? "one server" : `${count} servers`;
    const most = Math.max(...compared.costs.map(({ mostConnections }) => mostConnections));
    result.figures.push({
      what: `${fleet}: connections to one server`,
      ratio: most,
      unit: "",
      bar: 1,
    });
    ours.remove();
    floor.remove();
  }
  const alone = added.get(1) ?? [];
  /** @type {Record<number, number>} */
  const bars = { 10: 3, 50: 10 };
  for (const [count, values] of added) {
    const spread = { min: Math.min(...values), max: Math.max(...values) };
    result.figures.push({
      what: `${count === 1 ? "one server" : `${count} servers`}: added time`,
      ratio: medianOf(values),
      ...spread,
      unit: "ms",
    });
    if (count > 1) {
      const ratio = medianOf(values) / medianOf(alone);
      result.figures.push({
        what: `${count} servers: added time, over that of one server`,
        ratio,
        unit: "×",
        bar: bars[count],
      });
    }
  }
  result.plots.push({
    ...{ kind: "lines", file: "fleet-join", x: "servers", y: "ms over as many no-ops" },
    title: `Joining K servers, ${roundTrip} ms round trip`,
    lines: [{ name: "Remotes", points: [...added].map(([x, values]) => ({ x, values })) }],
  });
  result.notes = [`${servers.length} servers are as many daemons, each behind a proxy of its own.`];
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}

/**
 * @param {string} client its name, the same on every server
 * @param {readonly import("../ground/traffic.mjs").Site[]} sites
 */
async function remotes(client, sites) {
  const { certificate, privateKey } = await makePair(client);
  return Promise.all(
    sites.map(async ({ server, proxy }, index) => ({
      ...{ kind: "Remote", name: `remote-${index}` },
      args: {
        token: await server.issueToken(client, proxy.address),
        ...{ clientCertificate: certificate, clientKey: privateKey },
      },
    })),
  );
}
