/** Many clients are onboarded at once: a key pair, a token and a Remote for each, over as many resources that do nothing. */
import { remoteNameOf, writeClientDirectory } from "../ground/client-directory.mjs";
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { likenessOf } from "../ground/shape.mjs";
import { compareRuns, tell } from "../ground/side-by-side.mjs";
import { Stack } from "../ground/stack.mjs";
import { tellSizes } from "../ground/state-size.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "onboardings";
export const title = "Many onboardings";

const resourcesEach = 3;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  const counts = isQuick ? [10] : [50, 100, 200];
  const servers = await startServers(isQuick ? 2 : 10);
  const admin = await makePair("admin");
  const sites = await Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      return { server, proxy: await openProxy(server.address, 0) };
    }),
  );
  const clientDirectory = writeClientDirectory(admin, sites);
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  const lines = ["onboardings of three resources", "as many no-ops"].map((line) => ({
    name: line,
    points: /** @type {{ x: number, values: readonly number[] }[]} */ ([]),
  }));
  for (const count of counts) {
    const isFull = count === counts.at(-1);
    const listeners = sites.map((site, index) => ({
      kind: "HttpsAddress",
      name: `server-${index}`,
      args: { address: site.server.address, verify: false, connection: administeredBy(admin, site) },
    }));
    const floor = await Stack.ofNoOps(engine, count * resourcesEach);
    const ours = await Stack.create(engine, listeners);
    // As for `lxc`, which has its remotes where this says.
    ours.environment["LXD_CONF"] = clientDirectory;
    // Each run begins at the same: the listeners are there, and of those that earlier runs let in none.
    await ours.up();
    ours.save();
    const before = async () => {
      await Promise.all(sites.map(({ server }) => server.trustOnly(admin.fingerprint)));
      ours.give([...listeners, ...joinings(count, sites)]);
    };
    const work = (/** @type {Stack} */ stack) => {
      stack.restore();
      return stack.up();
    };
    const likeness =
      isFull && !isQuick
        ? await likenessAfter(engine, ours, () => before().then(() => work(ours)))
        : undefined;
    const compared = await compareRuns({
      ours,
      floor,
      likeness,
      rounds: isQuick ? 1 : isFull ? 3 : 2,
      sites,
      before,
      work,
    });
    likeness?.remove();
    const resources = count * resourcesEach;
    tell(result, `up of ${count} onboardings (${resources} resources) on ${sites.length} servers`, compared, {
      ...(isFull && {
        times: 1.5,
        rest: "Each onboarding is a token issued, a connection of its own, a join and a look at what came of it.",
      }),
      costs: { requests: { called: "requests" }, connections: { called: "connections" } },
    });
    lines[0]?.points.push({ x: resources, values: compared.ours });
    lines[1]?.points.push({ x: resources, values: compared.floor });
    if (isFull) {
      tellMemory(result, resources, compared);
      tellSizes(result, ours.stored, "onboarding over HTTPS");
    }
    ours.remove();
    floor.remove();
  }
  result.plots.push({
    kind: "lines",
    file: "onboardings",
    title: "Many onboardings, loopback",
    x: "resources",
    y: "ms",
    lines,
  });
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}

/**
 * @param {import("../measures.mjs").Result} result
 * @param {number} resources
 * @param {import("../ground/side-by-side.mjs").Compared} compared
 */
function tellMemory(result, resources, { memory, floorMemory, likenessMemory }) {
  const ratio = memory / floorMemory;
  const bar = 1.3;
  const what = `memory of the provider's process at ${resources} resources`;
  result.figures.push({ what: `${what}, over the empty provider's`, ratio, unit: "×", bar });
  const sides = { resources: memory, "no-ops": floorMemory, "no-ops of the same properties": likenessMemory };
  for (const [side, kilobytes] of Object.entries(sides))
    if (kilobytes > 0)
      result.samples[`memory at ${resources} ${side}`] = { unit: "MB", values: [kilobytes / 1024] };
  if (ratio <= bar || likenessMemory === 0) return;
  const megabytes = (/** @type {number} */ kilobytes) => `${(kilobytes / 1024).toFixed(0)} MB`;
  (result.notes ??= []).push(
    `**Missed**: ${what} is ${megabytes(memory)}, where the empty provider has ${megabytes(floorMemory)}. No-ops of the same ` +
      `properties have ${megabytes(likenessMemory)}: that much is Pulumi's own, for what it hands over and gets back. The rest is the ` +
      "package's modules, and what it is done with but V8 has not collected: it looks through all of its heap only when that has " +
      "about doubled.",
  );
}

/**
 * @param {import("../../scripts/engine.mjs").Engine} engine
 * @param {Stack} ours
 * @param {() => Promise<unknown>} make has ours made, to see what it is like
 */
async function likenessAfter(engine, ours, make) {
  await make();
  return Stack.create(engine, await likenessOf(ours));
}

/**
 * @param {number} count
 * @param {readonly import("../ground/traffic.mjs").Site[]} sites
 * @returns {import("../ground/stack.mjs").Wanted[]}
 */
function joinings(count, sites) {
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const at = index % sites.length;
    const site = sites[at];
    if (site === undefined) return [];
    const args = {
      listener: `server-${at}`,
      addresses: [site.proxy.address],
      connection: { remote: remoteNameOf(at) },
    };
    return [{ kind: "Joining", name: `client-${index}`, args }];
  });
}
