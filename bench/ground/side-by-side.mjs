/** Runs of the engine, ours beside as many resources that do nothing. */
import { interleave, ratioOf } from "./statistics.mjs";
import { takeCost } from "./traffic.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */
/** @typedef {import("./traffic.mjs").Cost} Cost */

/**
 * @typedef {object} Compared
 * @property {number[]} ours milliseconds
 * @property {number[]} floor
 * @property {number[]} [likeness]
 * @property {number} memory kB, of the provider's process at its highest
 * @property {number} floorMemory
 * @property {Cost[]} costs of each of our runs
 */

/**
 * @param {object} options
 * @param {Stack} options.ours
 * @param {Stack} options.floor
 * @param {Stack} [options.likeness] as many resources that do nothing, but have the properties and secrets of ours
 * @param {number} options.rounds
 * @param {(stack: Stack) => Promise<import("./stack.mjs").Run>} options.work
 * @param {(round: number) => Promise<unknown>} [options.before] done before each of our runs, and not timed
 * @param {readonly import("./traffic.mjs").Site[]} options.sites
 * @returns {Promise<Compared>}
 */
export async function compareRuns({ ours, floor, likeness, rounds, work, before, sites }) {
  const memory = { ours: 0, floor: 0 };
  /** @type {Cost[]} */
  const costs = [];
  /** @type {Record<string, (round: number) => Promise<number>>} */
  const sides = {
    ours: async (round) => {
      await before?.(round);
      await takeCost(sites);
      const { milliseconds, providerMemory } = await work(ours);
      costs.push(await takeCost(sites));
      memory.ours = Math.max(memory.ours, providerMemory);
      return milliseconds;
    },
    floor: async () => {
      const { milliseconds, providerMemory } = await work(floor);
      memory.floor = Math.max(memory.floor, providerMemory);
      return milliseconds;
    },
    ...(likeness !== undefined && { likeness: async () => (await work(likeness)).milliseconds }),
  };
  const { ours: own = [], floor: least = [], likeness: alike } = await interleave(rounds, sides);
  return { ours: own, floor: least, likeness: alike, memory: memory.ours, floorMemory: memory.floor, costs };
}

/**
 * Tells what came of it: the ratio to the floor, and whatever costs have a bar.
 * @param {import("../measures.mjs").Result} result
 * @param {string} what
 * @param {Compared} compared
 * @param {{ times?: number, costs?: Partial<Record<keyof Cost, { called: string, bar?: number }>> }} bars
 */
export function tell(result, what, { ours, floor, likeness, costs }, { times, costs: told = {} }) {
  result.samples[`${what}`] = { unit: "ms", values: ours };
  result.samples[`${what}: no-ops`] = { unit: "ms", values: floor };
  result.figures.push({
    what: `${what}, over as many no-ops`,
    ...ratioOf(ours, floor),
    unit: "×",
    bar: times,
  });
  if (likeness !== undefined) {
    result.samples[`${what}: no-ops of the same properties`] = { unit: "ms", values: likeness };
    const figure = { ...ratioOf(ours, likeness), unit: /** @type {const} */ ("×") };
    result.figures.push({ what: `${what}, over no-ops of the same properties`, ...figure });
  }
  for (const [name, { called, bar }] of Object.entries(told)) {
    const values = costs.map((cost) => cost[/** @type {keyof Cost} */ (name)]);
    const [min, max] = [Math.min(...values), Math.max(...values)];
    // What is counted has no noise that a median would have to take out.
    /** @type {Omit<import("../measures.mjs").Figure, "what">} */
    const figure = { ratio: max, min, max, unit: "", bar };
    result.figures.push({ what: `${what}: ${called}`, ...figure });
  }
}
