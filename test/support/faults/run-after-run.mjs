/**
 * Lets a provider process go through one run after the other, where the engine would start another process for each. Loaded
 * with `node --expose-gc --import` into the SDK's process, which is then told of each new run.
 */
import { createRequire, Module } from "node:module";
import { join } from "node:path";

// The provider's code of the program's folder, as the engine finds it.
const require = createRequire(join(process.cwd(), "index.js"));
const provider = require.resolve("pulumi-lxd-access/provider");
// All of it is one file, which keeps the pool to itself.
const compiling = /** @type {{ _compile(code: string, ...rest: unknown[]): unknown }} */ (
  /** @type {unknown} */ (Module.prototype)
);
const { _compile: compile } = compiling;
compiling._compile = function (/** @type {string} */ code, /** @type {unknown[]} */ ...rest) {
  const open = rest[0] === provider ? `${code}\nmodule.exports.ClientPool = ClientPool;` : code;
  return compile.call(this, open, ...rest);
};
/** @type {{ ClientPool: { prototype: { client(...args: unknown[]): unknown } } }} */
const { ClientPool } = require(provider);

/** @type {Set<{ claims: { clear(): void } }>} */
const pools = new Set();
const { client } = ClientPool.prototype;
ClientPool.prototype.client = function (/** @type {unknown[]} */ ...args) {
  pools.add(/** @type {any} */ (this));
  return client.apply(this, args);
};

process.on("message", (question) => {
  // What resources have claimed holds for one run; connections and all else stay.
  if (question === "new run") for (const { claims } of pools) claims.clear();
  if (question === "memory") globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
// The channel to whoever asks is no reason to go on.
process.channel?.unref();
