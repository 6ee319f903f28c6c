/** A thousand resources in one stack: time and memory by how many of them the engine works on at once. */
import { remoteNameOf, writeClientDirectory } from "../ground/client-directory.mjs";
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { compareRuns, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";

export const name = "scale";
export const title = "A thousand resources";
export const onlyInFull = true;

const count = 1000;
const hosts = 10;
const roundTrip = 50;
/** In the middle, the engine's own choice on two cores: four for each. */
const parallels = {
  // To make them all one after the other would take the most of an hour.
  up: [8, 64],
  refresh: [1, 8, 64],
  // Nothing is waited for.
  unchanged: [8, 64],
};

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ engine }) {
  const admin = await makePair("admin");
  /** @type {import("../ground/traffic.mjs").Site[]} */
  let sites = [];
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const ours = await Stack.create(engine, []);
  const floor = await Stack.ofNoOps(engine, count);
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
    rows.push([
      ...[what, parallel, (compared.ours[0] ?? NaN) / 1000, (compared.floor[0] ?? NaN) / 1000],
      ...[compared.memory / 1024, compared.floorMemory / 1024],
    ]);
  };
  for (const parallel of parallels.up) {
    // Servers that know of no tokens from before.
    await stopAll(sites);
    sites = await startSites(admin);
    ours.give(tokens(writeClientDirectory(admin, sites)));
    await compare("up", parallel, (stack) => {
      stack.restore();
      return stack.up("--parallel", String(parallel));
    });
  }
  for (const run of /** @type {const} */ (["refresh", "unchanged"]))
    for (const parallel of parallels[run])
      await compare(run, parallel, (stack) => stack[run]("--parallel", String(parallel)));
  result.tables = [
    {
      title: `${count} resources on ${hosts} servers, ${roundTrip} ms: seconds, and megabytes of the provider's process`,
      head: ["run", "`--parallel`", "time", "time of no-ops", "memory", "memory of no-ops"],
      rows,
    },
  ];
  ours.remove();
  floor.remove();
  await stopAll(sites);
  return result;
}

/** @param {import("../ground/pairs.mjs").Pair} admin whom all of them trust */
async function startSites(admin) {
  const servers = await startServers(hosts);
  return Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      return { server, proxy: await openProxy(server.address, roundTrip) };
    }),
  );
}

/** @param {readonly import("../ground/traffic.mjs").Site[]} sites */
async function stopAll(sites) {
  await Promise.all(sites.map(({ server }) => server.stop()));
}

/**
 * @param {string} configDir in which the servers are remotes
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function tokens(configDir) {
  return Array.from({ length: count }, (_, index) => {
    const connection = { remote: remoteNameOf(index % hosts), configDir };
    const args = { clientName: `invited-${index}`, restricted: false, connection };
    return { kind: "TrustToken", name: `token-${index}`, args };
  });
}
