/** Every measure, in the order in which they are taken and told. */
import * as drift from "./measures/drift.mjs";
import * as fleetJoin from "./measures/fleet-join.mjs";
import * as fleetRefresh from "./measures/fleet-refresh.mjs";
import * as onboardings from "./measures/onboardings.mjs";
import * as oneJoin from "./measures/one-join.mjs";
import * as providerProcess from "./measures/provider-process.mjs";
import * as scale from "./measures/scale.mjs";
import * as ssh from "./measures/ssh.mjs";
import * as steadyState from "./measures/steady-state.mjs";

/**
 * @typedef {object} Bench
 * @property {boolean} isQuick fewer rounds, fewer resources
 * @property {import("../scripts/setup.mjs").Found} found
 * @property {import("../scripts/engine.mjs").Engine} engine
 */

/**
 * Something that is told, with a bar if it has one, which it must not be above. `ratio` is the median of what is timed, and the
 * most of what is counted.
 * @typedef {{ what: string, ratio: number, min?: number, max?: number, unit: "×" | "ms" | "s" | "kB" | "MB" | "", bar?: number }} Figure
 */

/** @typedef {{ name: string, points: { x: number, values: readonly number[] }[] }} Line */

/**
 * @typedef {{ kind: "waterfall", file: string, title: string, bars: import("./ground/waterfall.mjs").Bar[] }
 *   | { kind: "lines", file: string, title: string, x: string, y: string, lines: Line[] }
 *   | { kind: "flame", file: string, title: string, top: import("./ground/profile.mjs").Frame }} Plot
 */

/** @typedef {{ title: string, head: readonly string[], rows: readonly (string | number)[][] }} Table */

/**
 * @typedef {object} Result
 * @property {Figure[]} figures
 * @property {Record<string, { unit: string, values: readonly number[] }>} samples
 * @property {Plot[]} plots
 * @property {Table[]} [tables]
 * @property {string[]} [notes]
 */

/** @typedef {{ name: string, title: string, onlyInFull?: boolean, measure: (bench: Bench) => Promise<Result> }} Measure */

/** @type {readonly Measure[]} */
export const measures = [
  oneJoin,
  fleetJoin,
  steadyState,
  fleetRefresh,
  onboardings,
  providerProcess,
  ssh,
  drift,
  scale,
];
