/** A refresh of a whole fleet that is far away: four resources on each server. */
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { compareRuns, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "fleet-refresh";
export const title = "Refresh of a fleet";

const roundTrip = 50;
const resourcesEach = 4;
/** More than the engine works on at once by itself, which is four for each core. */
const wide = 64;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  const counts = isQuick ? [5] : [10, 25, 50];
  const servers = await startServers(Math.max(...counts));
  const admin = await makePair("admin");
  const sites = await Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      return { server, proxy: await openProxy(server.address, 0) };
    }),
  );
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  /** @type {{ name: string, points: { x: number, values: readonly number[] }[] }[]} */
  const lines = [
    { name: "four resources on each", points: [] },
    { name: "as many no-ops", points: [] },
  ];
  for (const count of counts) {
    const used = sites.slice(0, count);
    const isFull = count === counts.at(-1);
    const ours = await Stack.create(
      engine,
      used.flatMap((site, index) => fourOn(site, `${count}-${index}`, admin)),
    );
    const floor = await Stack.ofNoOps(engine, count * resourcesEach);
    for (const { proxy } of used) await proxy.setRoundTrip(0);
    await ours.up();
    await floor.up();
    for (const { proxy } of used) await proxy.setRoundTrip(roundTrip);
    const rounds = isQuick ? 2 : isFull ? 5 : 3;
    const compared = await compareRuns({
      ours,
      floor,
      rounds,
      sites: used,
      work: (stack) => stack.refresh(),
    });
    lines[0]?.points.push({ x: count, values: compared.ours });
    lines[1]?.points.push({ x: count, values: compared.floor });
    tell(result, `refresh of ${count} servers × ${resourcesEach} resources, ${roundTrip} ms`, compared, {
      ...(isFull && { times: 1.5 }),
      costs: {
        // The administrator, and the client of the Remote.
        mostConnections: {
          called: "connections to one server, of two client identities",
          bar: isFull ? 2 : undefined,
        },
        mostRequests: { called: "requests of one client identity" },
      },
    });
    if (isFull) {
      const work = (/** @type {Stack} */ stack) => stack.refresh("--parallel", String(wide));
      const wider = await compareRuns({ ours, floor, rounds: Math.min(rounds, 3), sites: used, work });
      tell(result, `the same with --parallel ${wide}`, wider, {});
    }
    ours.remove();
    floor.remove();
  }
  result.plots.push({ kind: "lines", file: "fleet-refresh", title, x: "servers", y: "ms", lines });
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}

/**
 * A listener, a key pair, a token and a remote: one onboarding.
 * @param {import("../ground/traffic.mjs").Site} site
 * @param {string} index of the server, for names that no earlier stack has used
 * @param {import("../ground/pairs.mjs").Pair} admin
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function fourOn(site, index, admin) {
  const listener = `server-${index}`;
  const connection = administeredBy(admin, site);
  const listens = { address: site.server.address, connection, verify: false };
  return [
    { kind: "HttpsAddress", name: listener, args: listens },
    {
      kind: "Joining",
      name: `client-${index}`,
      args: { listener, addresses: [site.proxy.address], connection },
    },
  ];
}
