/** What is measured: the package as it is compiled, the way users run it. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../../scripts/run.mjs";

const require = createRequire(import.meta.url);
const compiled = (/** @type {string} */ path) => require(join(root, "dist", path));

/** A provider as the engine's process has one, with connections of its own. */
export class OwnProvider {
  /**
   * @param {import("../../provider/registry.ts").ResourceName} resource
   * @param {string} directory the program's folder
   */
  constructor(resource, directory) {
    const { dynamicProvider } = compiled("provider/dynamic-provider.js");
    const { ClientPool } = compiled("provider/lxd/pool.js");
    this.pool = new ClientPool();
    const world = {
      environment: {},
      programDirectory: directory,
      now: () => new Date(),
      log: () => undefined,
    };
    /** @type {any} */
    this.provider = dynamicProvider(resource, world, this.pool);
  }

  /** @param {object} inputs */
  async create(inputs) {
    return this.provider.create({ ...inputs, __provider: "" });
  }

  close() {
    return this.pool.close();
  }
}
