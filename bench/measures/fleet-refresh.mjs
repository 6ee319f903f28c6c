/** A refresh of a whole fleet that is far away: four resources on each server. */
import { cpus } from "node:os";
import { openProxy } from "../ground/delay-proxy.mjs";
import { readLean } from "../ground/lean-connection.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { likenessOf } from "../ground/shape.mjs";
import { compareRuns, inSeconds, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { medianOf, ratioOf } from "../ground/statistics.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "fleet-refresh";
export const title = "Refresh of a fleet";

const roundTrip = 50;
const resourcesEach = 4;
/** Of those, a key pair has nothing to ask. */
const asking = 3;
/** What the engine works on at once by itself. */
const slots = 4 * cpus().length;
/** More than the engine works on at once by itself. */
const wide = 64;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  const counts = isQuick ? [5] : [10, 25, 50];
  const servers = await startServers(Math.max(...counts));
  const admin = await makePair("admin");
  const reader = await makePair("reader");
  const sites = await Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      await server.trust("reader", reader.certificate);
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
    const rounds = isQuick ? 2 : isFull ? 5 : 2;
    const lean = isFull ? await connectionsOf(ours, used, [admin, reader]) : [];
    const likeness = isFull && !isQuick ? await Stack.create(engine, await likenessOf(ours)) : undefined;
    await likeness?.up();
    const compare = (/** @type {number} */ times, /** @type {string[]} */ ...more) =>
      compareRuns({
        ...{ ours, floor, likeness, rounds: times, sites: used },
        work: (stack) => stack.refresh(...more),
        ...(isFull && { least: () => Promise.all(lean.map(readLean)) }),
      });
    const compared = await compare(rounds);
    lines[0]?.points.push({ x: count, values: compared.ours });
    lines[1]?.points.push({ x: count, values: compared.floor });
    const what = `refresh of ${count} servers × ${resourcesEach} resources, ${roundTrip} ms`;
    tell(result, what, compared, {
      ...(isFull && { times: 1.5, rest: "What that is, the note after this one tells." }),
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
      tellLeast(result, what, compared, lean.length);
      const wider = await compare(Math.min(rounds, 3), "--parallel", String(wide));
      const whatWider = `the same with --parallel ${wide}`;
      tell(result, whatWider, wider, {});
      tellLeast(result, whatWider, wider, lean.length);
      result.notes = [...(result.notes ?? []), boundOf(count, compared, wider, lean.length)];
    }
    likeness?.remove();
    ours.remove();
    floor.remove();
  }
  result.plots.push({ kind: "lines", file: "fleet-refresh", title, x: "servers", y: "ms", lines });
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}

/**
 * The connections of one refresh, to be made again without Pulumi and without the package: to which server, as another client
 * for each that asked there, and what is read over it.
 * @param {Stack} ours
 * @param {readonly import("../ground/traffic.mjs").Site[]} sites
 * @param {readonly import("../ground/pairs.mjs").Pair[]} pairs
 */
async function connectionsOf(ours, sites, pairs) {
  for (const { server } of sites) server.takeRequests();
  await ours.refresh();
  return sites.flatMap(({ server, proxy }) => {
    const asked = server.takeRequests();
    const clients = new Set(asked.map(({ client }) => client));
    return [...clients].flatMap((client, index) => {
      const pair = pairs[index];
      if (pair === undefined) throw new Error(`${clients.size} clients asked ${proxy.address}`);
      const requests = asked.filter((one) => one.client === client).map(({ request }) => request);
      const paths = requests.map((request) => request.replace(/^GET /, ""));
      return { address: proxy.address, fingerprint: server.fingerprint, pair, paths };
    });
  });
}

/**
 * Tells what we add to the no-ops' time, over what the connections and reads take by themselves.
 * @param {import("../measures.mjs").Result} result
 * @param {string} what
 * @param {import("../ground/side-by-side.mjs").Compared} compared
 * @param {number} connections
 */
function tellLeast(result, what, { ours, floor, least = [] }, connections) {
  const added = ours.map((sample, round) => sample - (floor[round] ?? NaN));
  result.samples[`${what}: the least, ${connections} connections at once`] = { unit: "ms", values: least };
  result.figures.push({
    what: `${what}: time over the no-ops', over the least`,
    ...ratioOf(added, least),
    unit: "×",
  });
}

/**
 * What waiting alone comes to, beside what was measured.
 * @param {number} count of servers
 * @param {import("../ground/side-by-side.mjs").Compared} compared
 * @param {import("../ground/side-by-side.mjs").Compared} wider
 * @param {number} connections
 */
function boundOf(count, compared, wider, connections) {
  const first = 3 * roundTrip;
  const waiting = count * asking;
  const bound = (/** @type {number} */ places) =>
    `${waiting} × ${first} ms / ${places} = ${inSeconds((waiting * first) / places)}`;
  const added = ({ ours, floor } = compared) => inSeconds(medianOf(ours) - medianOf(floor));
  const least = medianOf([...(compared.least ?? []), ...(wider.least ?? [])]);
  return [
    `**Where it goes**: a server's first answer takes three round trips (TCP, TLS, the request), ${first} ms, and the resource that`,
    `waits for it holds one of the places in which the engine works: ${slots} by itself. With ${asking} resources that ask on each of`,
    `${count} servers that is ${bound(slots)} over the no-ops, where ${added()} were measured; with --parallel ${wide} it is`,
    `${bound(wide)}, where ${added(wider)} were measured. The ${connections} connections and their reads by plain`,
    `\`node:tls\`, all at once and with nothing else, take ${inSeconds(least)} on this machine, of which ${inSeconds(first)} are round trips`,
    `and the rest is computing on the cores that clients and servers share.`,
  ].join(" ");
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
