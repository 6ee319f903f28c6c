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
const parallels = [1, 8, 16, 64];

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
  const ours = await Stack.create(
    engine,
    Array.from({ length: count }, (_, index) => index).flatMap((index) => {
      const site = sites[index % hosts];
      if (site === undefined) return [];
      const args = {
        clientName: `invited-${index}`,
        restricted: false,
        connection: administeredBy(admin, site),
      };
      return [{ kind: "TrustToken", name: `token-${index}`, args }];
    }),
  );
  const floor = await Stack.ofNoOps(engine, count);
  /** @type {Record<string, { x: number, values: readonly number[] }[]>} */
  const curves = {};
  /** @type {(string | number)[][]} */
  const rows = [];
  for (const parallel of parallels) {
    const flags = ["--parallel", String(parallel)];
    const options = { ours, floor, rounds: 1, sites };
    /** @type {(string | number)[]} */
    const row = [parallel];
    for (const run of /** @type {const} */ (["up", "refresh", "unchanged"])) {
      const compared = await compareRuns({ ...options, work: (stack) => stack[run](...flags) });
      tell(result, `${run} of ${count} tokens on ${hosts} servers, --parallel ${parallel}`, compared, {});
      (curves[run] ??= []).push({ x: parallel, values: compared.ours });
      (curves[`${run}, no-ops`] ??= []).push({ x: parallel, values: compared.floor });
      row.push((compared.ours[0] ?? NaN) / 1000, (compared.floor[0] ?? NaN) / 1000);
      if (run === "up") row.push(compared.memory / 1024, compared.floorMemory / 1024);
    }
    rows.push(row);
    await ours.pulumi("destroy", "--yes", "--skip-preview");
    await floor.pulumi("destroy", "--yes", "--skip-preview");
  }
  result.tables = [
    {
      title: `${count} resources on ${hosts} servers, ${roundTrip} ms: seconds, and megabytes of the provider's process`,
      head: [
        ...["`--parallel`", "up", "no-ops", "memory", "no-ops", "refresh", "no-ops"],
        ...["update without a change", "no-ops"],
      ],
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
