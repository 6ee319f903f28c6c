/** Samples, and what is said of them. */

/** @typedef {{ median: number, min: number, max: number, samples: readonly number[] }} Summary */

/** @param {readonly number[]} samples */
export function medianOf(samples) {
  const sorted = [...samples].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}

/**
 * @param {readonly number[]} samples
 * @returns {Summary}
 */
export function summarize(samples) {
  return { median: medianOf(samples), min: Math.min(...samples), max: Math.max(...samples), samples };
}

/** @typedef {{ ratio: number, min: number, max: number }} Ratio the medians', and the least and the greatest of a round */

/**
 * How many times the one is the other. Samples of one index were taken one right after the other.
 * @param {readonly number[]} ours
 * @param {readonly number[]} baseline
 * @returns {Ratio}
 */
export function ratioOf(ours, baseline) {
  const rounds = ours.map((sample, round) => sample / (baseline[round] ?? NaN));
  return {
    ratio: medianOf(ours) / medianOf(baseline),
    min: Math.min(...rounds),
    max: Math.max(...rounds),
  };
}

/**
 * Measures several things in turn, A B A B and so on, so that what else the machine does meets all of them alike. Every other
 * round goes backwards: what one leaves behind does not always meet the same one.
 * @template {string} Side
 * @param {number} rounds
 * @param {Record<Side, (round: number) => Promise<number>>} sides each answers its own figure
 * @returns {Promise<Record<Side, number[]>>}
 */
export async function interleave(rounds, sides) {
  const names = /** @type {Side[]} */ (Object.keys(sides));
  /** @type {any} */
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : [...names].reverse())
      samples[name].push(await sides[name](round));
  return samples;
}

/**
 * Milliseconds that something takes.
 * @param {() => Promise<unknown>} work
 */
export async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
