/** `npm test`: sets up what is missing, runs the layers of tests, several processes at a time, and counts. */
import { parseArgs } from "node:util";
import { isEnding, main } from "./ending.mjs";
import { describe, environmentFor, layers, portionsOf, runPortions, summarize } from "./layers.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail } from "./steps.mjs";

/**
 * How many files of a layer one process runs, the layers in the order in which they are begun. Of files that take long it
 * is few, so that no process is at work alone for long in the end; of others many, since each process reads all of the
 * code.
 */
const portionSizes = /** @type {const} */ ({
  engine: 1,
  faults: 3,
  server: 3,
  contract: 5,
  unit: 10,
});
const order = /** @type {(keyof typeof portionSizes)[]} */ (Object.keys(portionSizes));
/** How many processes run at the same time. They wait for daemons, for the engine and for time-outs much of the time. */
const atOnce = 4;

const help = `npm test [-- OPTIONS]

Runs the tests, layer by layer, and sets up what they need first.

  --layer NAME   only this layer (${order.join(", ")}); may be given several times
  --grep TEXT    only tests whose name holds this text
  --help

The exit code is 0 when something ran and nothing failed. Environment: LXD_BIN and INCUS_BIN name other daemons.`;

main(async () => {
  const { values } = readArguments();
  if (values.help) {
    console.log(help);
    return 0;
  }
  const wanted = chosenLayers(values.layer ?? []);
  /** @type {import("./setup.mjs").Found} */
  let found;
  try {
    found = await setUp(Object.assign({}, ...wanted.map((layer) => layers[layer])));
  } catch (error) {
    // Counted, so that the last line is the plain one whatever happens.
    const reason = error instanceof Error ? error.message : String(error);
    return summarize([{ layer: "set-up", passed: [], failed: [reason], skipped: [], seconds: 0 }]);
  }
  for (const line of describe(found)) detail(line);
  const env = environmentFor(found);
  const { grep } = values;
  const portions = wanted.flatMap((layer) => portionsOf(layer, { size: portionSizes[layer], grep }));
  const counts = await runPortions(portions, { atOnce, env, grep });
  return isEnding() ? 1 : summarize(counts);
});

function readArguments() {
  const text = /** @type {const} */ ({ type: "string" });
  try {
    return parseArgs({
      options: { layer: { ...text, multiple: true }, grep: text, help: { type: "boolean" } },
    });
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * @param {readonly string[]} names
 * @returns {typeof order} in the order in which they run
 */
function chosenLayers(names) {
  const unknown = names.filter((name) => !order.some((layer) => layer === name));
  if (unknown.length > 0)
    throw new StepError(`There is no layer ${unknown.join(", ")}; there are ${order.join(", ")}.`);
  return order.filter((layer) => names.length === 0 || names.includes(layer));
}
