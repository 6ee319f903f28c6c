/**
 * A provider's process for one call: loads the compiled package as the engine's does, in the folder it is started in, reads a
 * call from standard input (JSON), makes it, and answers on standard output. It may be killed on the way.
 */
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { crashAt } from "./crash-points.mjs";

/** @typedef {import("./doomed-provider.ts").Call} Call */

const provider = createRequire(import.meta.url)("../../../dist/provider/dynamic.js");

/** @type {{ call: Call, order: import("./crash-points.mjs").Order }} */
const { call, order } = JSON.parse(await text(process.stdin));
crashAt(order);
try {
  tell(await make(call));
} catch (error) {
  // A half-made resource is recorded by what the error carries.
  const { message, id, properties } = /** @type {Error & { id?: string, properties?: object }} */ (error);
  tell({ error: message, id, outs: properties });
}
// Connections that are kept for a next call are none of this one.
process.exit(0);

/** @param {Call} call */
function make({ resource, kind, id, outputs, inputs }) {
  const of = provider[resource];
  if (kind === "create") return of.create(inputs);
  return kind === "update" ? of.update(id, outputs, inputs) : of.delete(id, outputs);
}

/** @param {object | undefined} answer */
function tell(answer) {
  console.log(`answer ${JSON.stringify(answer ?? {})}`);
}
