/**
 * A provider's process as the engine starts one for a run: loads the compiled package, reads calls from standard input (JSON),
 * makes them all at once, and answers on standard output what came of each.
 */
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

/** @typedef {import("./doomed-provider.ts").Call} Call */

const provider = createRequire(import.meta.url)("../../../dist/provider/dynamic.js");

/** @type {Call[]} */
const calls = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await Promise.all(calls.map(answer))));
// Connections that are kept for a next call are none of this one.
process.exit(0);

/** @param {Call} call */
async function answer({ resource, kind, id, outputs, inputs }) {
  const of = provider[resource];
  try {
    if (kind === "create") return await of.create(inputs);
    return (await (kind === "update" ? of.update(id, outputs, inputs) : of.delete(id, outputs))) ?? {};
  } catch (error) {
    // A half-made resource is recorded by what the error carries.
    const {
      message,
      id: half,
      properties,
    } = /** @type {Error & { id?: string, properties?: object }} */ (error);
    return { error: message, id: half, outs: properties };
  }
}
