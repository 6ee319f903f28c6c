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

/** What the package does in a run in which nothing changes. */
const loading =
  "That goes into loading its modules (see the provider's process) and into looking at each resource";

/**
 * @typedef {object} Case
 * @property {string} called
 * @property {(count: number, site: import("../ground/traffic.mjs").Site, pairs: readonly import("../ground/pairs.mjs").Pair[]) => import("../ground/stack.mjs").Wanted[]} wanted
 * @property {boolean} [isConfigured] the stack's configuration leads to the server
 * @property {boolean} [isOnlyTold] for comparison, with no bar for the time
 * @property {Partial<Record<keyof import("../ground/traffic.mjs").Cost, { called: string, bar: number }>>} bars
 */

const barsOfTokens = {
  requests: { called: "requests", bar: 8 },
  connections: { called: "connections", bar: 1 },
};

/** @type {readonly Case[]} */
const cases = [
  { called: "tokens", wanted: tokens, isConfigured: true, bars: barsOfTokens },
  {
    called: `remotes of ${identities} identities`,
    wanted: remotes,
    bars: {
      mostRequests: { called: "requests of one client identity", bar: 2 },
      connections: { called: "connections", bar: identities },
    },
  },
  {
    called: "tokens with a connection in each",
    wanted: connectedTokens,
    isOnlyTold: true,
    bars: barsOfTokens,
  },
];

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const counts = isQuick ? [20] : [50, 100, 200];
  const pairs = await Promise.all(
    Array.from({ length: identities }, (_, index) => makePair(`client-${index}`)),
  );
  /** @type {Record<string, Map<number, { refresh: number[], unchanged: number[] }>>} */
  const curves = {};

  for (const count of counts) {
    const isFull = count === counts.at(-1);
    const floor = await Stack.ofNoOps(engine, count);
    await floor.up();
    for (const { called, wanted, isConfigured, bars, isOnlyTold } of cases) {
      if (isOnlyTold && (isQuick || !isFull)) continue;
      const server = await startServer();
      const site = { server, proxy: await openProxy(server.address, 0) };
      for (const [index, { certificate }] of pairs.entries())
        await server.trust(`client-${index}`, certificate);
      const ours = await Stack.create(engine, wanted(count, site, pairs));
      if (isConfigured)
        for (const admin of pairs.slice(0, 1)) await ours.configure(administeredBy(admin, site));
      await ours.up();
      const likeness =
        isFull && !isQuick && !isOnlyTold ? await Stack.create(engine, await likenessOf(ours)) : undefined;
      await likeness?.up();
      const rounds = isQuick ? 1 : isFull && !isOnlyTold ? 5 : 2;
      const options = { ours, floor, likeness, rounds, sites: [site] };
      const refreshed = await compareRuns({ ...options, work: (stack) => stack.refresh() });
      const unchanged = await compareRuns({ ...options, work: (stack) => stack.unchanged() });
      (curves[called] ??= new Map()).set(count, { refresh: refreshed.ours, unchanged: unchanged.ours });
      (curves["no-ops"] ??= new Map()).set(count, { refresh: refreshed.floor, unchanged: unchanged.floor });
      const of = `${count} ${called}`;
      const times = isFull && !isOnlyTold ? 1.3 : undefined;
      tell(result, `refresh of ${of}`, refreshed, {
        ...{ times, rest: `${loading}, the server's replies included.` },
        costs: Object.fromEntries(
          Object.entries(bars).map(([cost, { called: name, bar }]) => [
            cost,
            { called: name, bar: isFull && !isOnlyTold ? bar : undefined },
          ]),
        ),
      });
      tell(result, `update without a change of ${of}`, unchanged, {
        ...{ times, rest: `${loading}.` },
        costs: { requests: { called: "requests" } },
      });
      likeness?.remove();
      if (isFull) tellSizes(result, ours.stored, `over HTTPS, ${of}`);
      ours.remove();
      await server.stop();
    }
    floor.remove();
  }
  result.notes = [
    "Tokens are measured twice. The connection that all of them share is in the stack's configuration, where it belongs " +
      "and costs nothing; beside that, without a bar for time, each of them is given it. Then Pulumi keeps it with each of them, in " +
      "what was given and in what came of it, certificate and key included, and handles it in each step. A Remote has no " +
      "`connection`: it is told whom it joins as, which is what it is for.",
    ...(result.notes ?? []),
  ];
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
 * Tokens to whose server the stack's configuration leads.
 * @param {number} count
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function tokens(count) {
  return Array.from({ length: count }, (_, index) => ({
    kind: "TrustToken",
    name: `token-${index}`,
    args: { clientName: `invited-${index}`, restricted: false },
  }));
}

/**
 * Tokens that are each given their connection.
 * @param {number} count
 * @param {import("../ground/traffic.mjs").Site} site
 * @param {readonly import("../ground/pairs.mjs").Pair[]} pairs
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function connectedTokens(count, site, pairs) {
  const connection = pairs.slice(0, 1).map((admin) => administeredBy(admin, site))[0];
  return tokens(count).map(({ args, ...token }) => ({ ...token, args: { ...args, connection } }));
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
