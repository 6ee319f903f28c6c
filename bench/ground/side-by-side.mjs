/** Runs of the engine, ours beside as many resources that do nothing. */
import { interleave, medianOf, ratioOf, timed } from "./statistics.mjs";
import { takeCost } from "./traffic.mjs";

/** @typedef {import("./stack.mjs").Stack} Stack */
/** @typedef {import("./traffic.mjs").Cost} Cost */

/**
 * @typedef {object} Compared
 * @property {number[]} ours milliseconds
 * @property {number[]} floor
 * @property {number[]} [likeness]
 * @property {number[]} [least]
 * @property {number} memory kB, of the provider's process at its highest
 * @property {number} floorMemory
 * @property {number} likenessMemory
 * @property {Cost[]} costs of each of our runs
 */

/**
 * @param {object} options
 * @param {Stack} options.ours
 * @param {Stack} options.floor
 * @param {Stack} [options.likeness] as many resources that do nothing, but have the properties and secrets of ours
 * @param {() => Promise<unknown>} [options.least] the same work with no part of Pulumi or of the package
 * @param {number} options.rounds
 * @param {(stack: Stack) => Promise<import("./stack.mjs").Run>} options.work
 * @param {(round: number) => Promise<unknown>} [options.before] done before each of our runs, and not timed
 * @param {readonly import("./traffic.mjs").Site[]} options.sites
 * @returns {Promise<Compared>}
 */
export async function compareRuns({ ours, floor, likeness, least, rounds, work, before, sites }) {
  const memory = { ours: 0, floor: 0, likeness: 0 };
  /** @type {Cost[]} */
  const costs = [];
  const workOn = async (/** @type {keyof typeof memory} */ side, /** @type {Stack} */ stack) => {
    const { milliseconds, providerMemory } = await work(stack);
    memory[side] = Math.max(memory[side], providerMemory);
    return milliseconds;
  };
  /** @type {Record<string, (round: number) => Promise<number>>} */
  const sides = {
    ours: async (round) => {
      await before?.(round);
      await takeCost(sites);
      const milliseconds = await workOn("ours", ours);
      costs.push(await takeCost(sites));
      return milliseconds;
    },
    floor: () => workOn("floor", floor),
    ...(likeness !== undefined && { likeness: () => workOn("likeness", likeness) }),
    ...(least !== undefined && { least: () => timed(least) }),
  };
  const samples = await interleave(rounds, sides);
  return {
    ...{ ours: samples["ours"] ?? [], floor: samples["floor"] ?? [] },
    ...{ likeness: samples["likeness"], least: samples["least"] },
    ...{ memory: memory.ours, floorMemory: memory.floor, likenessMemory: memory.likeness },
    costs,
  };
}

/**
 * Tells what came of it: the ratio to the floor, and whatever costs have a bar; where the time has one and misses it, what
 * takes the rest.
 * @param {import("../measures.mjs").Result} result
 * @param {string} what
 * @param {Compared} compared
 * @param {{ times?: number, rest?: string, costs?: Partial<Record<keyof Cost, { called: string, bar?: number }>> }} bars
 *   `rest`: what the package itself does in that time
 */
export function tell(result, what, compared, { times, rest = "", costs: told = {} }) {
  const { ours, floor, likeness, costs } = compared;
  result.samples[`${what}`] = { unit: "ms", values: ours };
  result.samples[`${what}: no-ops`] = { unit: "ms", values: floor };
  result.figures.push({
    what: `${what}, over as many no-ops`,
    ...ratioOf(ours, floor),
    unit: "×",
    bar: times,
  });
  if (times !== undefined) (result.notes ??= []).push(...missed(what, compared, times, rest));
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

/**
 * @param {string} what
 * @param {Compared} compared
 * @param {number} times the bar
 * @param {string} rest
 */
function missed(what, { ours, floor, likeness }, times, rest) {
  const [own, none] = [medianOf(ours), medianOf(floor)];
  if (own <= times * none) return [];
  const told = `**Missed**: ${what} takes ${inSeconds(own)}, ${inSeconds(own - none)} more than as many no-ops; the bar leaves ${inSeconds(none * (times - 1))}.`;
  if (likeness === undefined) return [`${told} ${rest}`.trim()];
  const alike = medianOf(likeness);
  const left =
    own > alike
      ? `${inSeconds(own - alike)} are the package's. ${rest}`
      : "The package adds nothing to that which could be measured.";
  return [
    `${told} No-ops of the same properties take ${inSeconds(alike - none)} more, too: that is Pulumi's own work with what the resources hold. ${left}`.trim(),
  ];
}

/** @param {number} milliseconds */
export function inSeconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
