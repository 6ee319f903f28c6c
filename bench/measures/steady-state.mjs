/** Nothing has changed: a refresh and an update of many resources on one server, over as many that do nothing. */
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServer } from "../ground/server.mjs";
import { likenessOf } from "../ground/shape.mjs";
import { compareRuns, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { tellSizes } from "../ground/state-size.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "steady-state";
export const title = "Nothing to do, on one server";

const identities = 10;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const rounds = isQuick ? 1 : 5;
  const counts = isQuick ? [20] : [50, 100, 200];
  const pairs = await Promise.all(
    Array.from({ length: identities }, (_, index) => makePair(`client-${index}`)),
  );
  /** @type {Record<string, Map<number, { refresh: number[], unchanged: number[] }>>} */
  const curves = { tokens: new Map(), remotes: new Map(), "no-ops": new Map() };

  for (const count of counts) {
    const isFull = count === counts.at(-1);
    const floor = await Stack.ofNoOps(engine, count);
    await floor.up();
    for (const [what, wanted] of /** @type {const} */ ([
      ["tokens", tokens],
      ["remotes", remotes],
    ])) {
      const server = await startServer();
      const site = { server, proxy: await openProxy(server.address, 0) };
      for (const [index, { certificate }] of pairs.entries())
        await server.trust(`client-${index}`, certificate);
      const ours = await Stack.create(engine, wanted(count, site, pairs));
      await ours.up();
      const likeness = isFull && !isQuick ? await Stack.create(engine, await likenessOf(ours)) : undefined;
      await likeness?.up();
      const options = {
        ours,
        floor,
        likeness,
        rounds: isFull ? rounds : Math.ceil(rounds / 2),
        sites: [site],
      };
      const refreshed = await compareRuns({ ...options, work: (stack) => stack.refresh() });
      const unchanged = await compareRuns({ ...options, work: (stack) => stack.unchanged() });
      curves[what]?.set(count, { refresh: refreshed.ours, unchanged: unchanged.ours });
      curves["no-ops"]?.set(count, { refresh: refreshed.floor, unchanged: unchanged.floor });
      const isToken = what === "tokens";
      const bars = isFull ? { times: 1.3 } : {};
      const requests = isToken
        ? { requests: { called: "requests", bar: isFull ? 8 : undefined } }
        : { mostRequests: { called: "requests of one client identity", bar: isFull ? 2 : undefined } };
      const mostConnections = isToken ? 1 : identities;
      const connections = {
        connections: { called: "connections", bar: isFull ? mostConnections : undefined },
      };
      const of = isToken ? `${count} tokens` : `${count} remotes of ${identities} identities`;
      tell(result, `refresh of ${of}`, refreshed, { ...bars, costs: { ...requests, ...connections } });
      tell(result, `update without a change of ${of}`, unchanged, {
        ...bars,
        costs: { requests: { called: "requests" } },
      });
      likeness?.remove();
      if (isFull) tellSizes(result, ours.stored, `over HTTPS, ${of}`);
      ours.remove();
      await server.stop();
    }
    floor.remove();
  }
  for (const run of /** @type {const} */ (["refresh", "unchanged"]))
    result.plots.push({
      ...{ kind: /** @type {const} */ ("lines"), file: `steady-state-${run}`, x: "resources", y: "ms" },
      title: run === "refresh" ? "Refresh" : "Update without a change",
      lines: Object.entries(curves).map(([curve, points]) => ({
        name: curve,
        points: [...points].map(([x, values]) => ({ x, values: values[run] })),
      })),
    });
  return result;
}

/**
 * @param {number} count
 * @param {import("../ground/traffic.mjs").Site} site
 * @param {readonly import("../ground/pairs.mjs").Pair[]} pairs
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function tokens(count, site, pairs) {
  const connection = pairs.slice(0, 1).map((admin) => administeredBy(admin, site))[0];
  return Array.from({ length: count }, (_, index) => ({
    kind: "TrustToken",
    name: `token-${index}`,
    args: { clientName: `invited-${index}`, restricted: false, connection },
  }));
}

/**
 * @param {number} count
 * @param {import("../ground/traffic.mjs").Site} site
 * @param {readonly import("../ground/pairs.mjs").Pair[]} pairs
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function remotes(count, { server, proxy }, pairs) {
  return Array.from({ length: count }, (_, index) => {
    const pair = pairs[index % pairs.length];
    return {
      ...{ kind: "Remote", name: `remote-${index}` },
      args: {
        ...{ addresses: [proxy.address], serverFingerprint: server.fingerprint },
        ...{ clientCertificate: pair?.certificate, clientKey: pair?.privateKey },
      },
    };
  });
}
