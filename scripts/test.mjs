/** `npm test`: sets up what is missing, runs each layer of tests in a process of its own, three at a time, and counts. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isEnding, main } from "./ending.mjs";
import { root } from "./run.mjs";
import { InTurn } from "./in-turn.mjs";
import { describe, environmentFor, hasSpecs, layers, runLayer, summarize } from "./layers.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail } from "./steps.mjs";

/** @typedef {import("./layers.mjs").Layer} Layer */

/** The layers in the order in which they are begun: the long ones first, so that they all end at about the same time. */
const order = /** @type {const} */ (["engine", "server", "faults", "contract", "unit"]);
/** How many run at the same time. They wait for daemons and for the engine much of the time. */
const atOnce = 3;

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
  const wanted = chosenLayers(values.layer ?? []).filter((layer) => hasSpecs(join(root, "test", layer)));
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
  const screen = new InTurn(wanted.length);
  /** @type {import("./layers.mjs").Count[]} */
  const counts = [];
  const waiting = wanted.entries();
  const runs = Array.from({ length: atOnce }, async () => {
    // They share the iterator, so each layer is run by whoever is free first.
    for (const [index, layer] of waiting) {
      if (isEnding()) break;
      counts[index] = await runLayer(layer, env, values.grep, (text) => screen.write(index, text));
      screen.end(index);
    }
  });
  await Promise.all(runs);
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
 * @returns {Layer[]} in the order in which they run
 */
function chosenLayers(names) {
  const unknown = names.filter((name) => !order.some((layer) => layer === name));
  if (unknown.length > 0)
    throw new StepError(`There is no layer ${unknown.join(", ")}; there are ${order.join(", ")}.`);
  return order.filter((layer) => names.length === 0 || names.includes(layer));
}
