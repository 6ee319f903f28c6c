/** A thousand resources in one stack: time and memory by how many of them the engine works on at once. */
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { compareRuns, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "scale";
export const title = "A thousand resources";
export const onlyInFull = true;

const count = 1000;
const hosts = 10;
const roundTrip = 50;
/** The second is the engine's own choice on two cores: four for each. */
const parallels = [1, 8, 64];
/** To make them all one after the other would take the most of an hour. */
const parallelsOfUp = [8, 64];

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ engine }) {
  const servers = await startServers(hosts);
  const admin = await makePair("admin");
  const sites = await Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      return { server, proxy: await openProxy(server.address, roundTrip) };
    }),
  );
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const ours = await Stack.create(engine, []);
  const floor = await Stack.ofNoOps(engine, count);
  /** @type {Record<string, { x: number, values: readonly number[] }[]>} */
  const curves = {};
  /** @type {(string | number)[][]} */
  const rows = [];
  /**
   * @param {"up" | "refresh" | "unchanged"} run
   * @param {number} parallel
   * @param {(stack: Stack) => Promise<import("../ground/stack.mjs").Run>} work
   */
  const compare = async (run, parallel, work) => {
    const compared = await compareRuns({ ours, floor, rounds: 1, sites, work });
    const what = run === "unchanged" ? "update without a change" : run;
    tell(result, `${what} of ${count} tokens on ${hosts} servers, --parallel ${parallel}`, compared, {});
    (curves[what] ??= []).push({ x: parallel, values: compared.ours });
    (curves[`${what}, no-ops`] ??= []).push({ x: parallel, values: compared.floor });
    rows.push([
      ...[what, parallel, (compared.ours[0] ?? NaN) / 1000, (compared.floor[0] ?? NaN) / 1000],
      ...[compared.memory / 1024, compared.floorMemory / 1024],
    ]);
  };
  for (const parallel of parallelsOfUp) {
    ours.give(tokens(parallel, sites, admin));
    await compare("up", parallel, (stack) => {
      stack.restore();
      return stack.up("--parallel", String(parallel));
    });
  }
  for (const run of /** @type {const} */ (["refresh", "unchanged"]))
    for (const parallel of parallels)
      await compare(run, parallel, (stack) => stack[run]("--parallel", String(parallel)));
  result.tables = [
    {
      title: `${count} resources on ${hosts} servers, ${roundTrip} ms: seconds, and megabytes of the provider's process`,
      head: ["run", "`--parallel`", "time", "time of no-ops", "memory", "memory of no-ops"],
      rows,
    },
  ];
  result.plots.push({
    ...{ kind: "lines", file: "parallel", title: `${count} resources`, x: "--parallel", y: "ms" },
    lines: Object.entries(curves).map(([curve, points]) => ({ name: curve, points })),
  });
  ours.remove();
  floor.remove();
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}

/**
 * @param {number} run whose names no other run has
 * @param {readonly import("../ground/traffic.mjs").Site[]} sites
 * @param {import("../ground/pairs.mjs").Pair} admin
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function tokens(run, sites, admin) {
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const site = sites[index % sites.length];
    if (site === undefined) return [];
    const connection = administeredBy(admin, site);
    const args = { clientName: `invited-${run}-${index}`, restricted: false, connection };
    return [{ kind: "TrustToken", name: `token-${index}`, args }];
  });
}
