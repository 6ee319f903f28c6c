/** `lxd-access drift` over a fleet in which some servers accept connections and say nothing. */
import { join } from "node:path";
import { root, run } from "../../scripts/run.mjs";
import { openProxy } from "../ground/delay-proxy.mjs";
import { makePair } from "../ground/pairs.mjs";
import { startServers } from "../ground/server.mjs";
import { Stack } from "../ground/stack.mjs";
import { interleave, summarize, timed } from "../ground/statistics.mjs";
import { takeCost } from "../ground/traffic.mjs";
import { administeredBy } from "../ground/ways-in.mjs";

export const name = "drift";
export const title = "`lxd-access drift`";

/** Of all servers. */
const silent = 2;
/** Seconds, of a connection. */
const timeout = 5;
const roundTrip = 50;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, engine }) {
  const count = isQuick ? 5 : 50;
  const servers = await startServers(count);
  const admin = await makePair("admin");
  const sites = await Promise.all(
    servers.map(async (server) => {
      await server.trust("admin", admin.certificate);
      return { server, proxy: await openProxy(server.address, roundTrip) };
    }),
  );
  const stack = await Stack.create(
    engine,
    sites.map((site, index) => ({
      ...{ kind: "TrustToken", name: `token-${index}` },
      args: {
        ...{ clientName: `invited-${index}`, restricted: false },
        connection: { ...administeredBy(admin, site), timeouts: { connect: timeout, request: timeout } },
      },
    })),
  );
  await stack.up();
  const command = join(root, "dist", "cli", "main.js");
  // Drift is 2, and what could not be told is 1.
  const look = (/** @type {number[]} */ expect) =>
    run(process.execPath, [command, "drift", "--format", "json"], {
      ...{ cwd: stack.directory, env: stack.environment, seconds: 120, expect },
      what: "lxd-access drift",
    });
  const rounds = isQuick ? 1 : 3;
  const sides = {
    export: () => timed(() => stack.pulumi("stack", "export", "--show-secrets")),
    answering: () => timed(() => look([0, 2])),
  };
  const { export: exports, answering } = await interleave(rounds, sides);
  await takeCost(sites);
  for (const { proxy } of sites.slice(0, silent)) await proxy.silence();
  const { silent: withSilent } = await interleave(rounds, { silent: () => timed(() => look([1, 2])) });
  const cost = await takeCost(sites.slice(silent));

  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  result.samples["`pulumi stack export`, which it begins with"] = { unit: "ms", values: exports };
  result.samples[`${count} servers, all answering`] = { unit: "ms", values: answering };
  result.samples[`${count} servers, ${silent} silent`] = { unit: "ms", values: withSilent };
  const told = (
    /** @type {string} */ what,
    /** @type {readonly number[]} */ values,
    /** @type {number} */ bar = NaN,
  ) => {
    const { median, min, max } = summarize(values.map((value) => value / 1000));
    result.figures.push({
      what,
      ratio: median,
      min,
      max,
      unit: "s",
      bar: Number.isNaN(bar) ? undefined : bar,
    });
  };
  told(`${count} servers, all answering, ${roundTrip} ms`, answering);
  told(`${count} servers, ${silent} silent, timeout ${timeout} s`, withSilent, timeout + 2);
  const mostOfOne = Math.ceil(cost.mostConnections / rounds);
  result.figures.push({ what: "connections to one server, each time", ratio: mostOfOne, unit: "", bar: 1 });
  stack.remove();
  await Promise.all(servers.map((server) => server.stop()));
  return result;
}
