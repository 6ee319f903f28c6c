/** The two fronts as a stack in miniature drives them. */
import { dynamicProvider } from "../../provider/dynamic-provider";
import type { ClientPool } from "../../provider/lxd/pool";
import { HalfDoneError, PluginProvider } from "../../provider/plugin/plugin-provider";
import type { ResourceName, Surroundings } from "../../provider/registry";

type Properties = Record<string, unknown>;

/** Which front a stack drives. */
export type FrontName = "dynamic" | "plugin";

/** The calls of one resource's provider, as those of a dynamic one; what fails may have `id` and `properties` to record. */
export interface StackProvider {
  check(inputs: Properties): Promise<{ inputs?: unknown; failures?: { property: string; reason: string }[] }>;
  diff(
    id: string,
    outputs: Properties,
    inputs: Properties,
    before: Properties,
  ): Promise<{ changes?: boolean; replaces?: string[] }>;
  create(inputs: Properties): Promise<{ id: string; outs?: unknown }>;
  read(id: string, outputs: Properties, inputs: Properties): Promise<{ id?: string; props?: unknown }>;
  update(id: string, outputs: Properties, inputs: Properties): Promise<{ outs?: unknown }>;
  delete(id: string, outputs: Properties): Promise<void>;
}

/** A provider as a new process would have it, configured. `config` is stack config without its namespace. */
export function stackProvider(
  front: FrontName,
  name: ResourceName,
  surroundings: Omit<Surroundings, "config">,
  config: Readonly<Record<string, string>>,
  pool: ClientPool,
): StackProvider {
  return front === "dynamic"
    ? ofTheDynamicFront(name, surroundings, config, pool)
    : ofThePlugin(name, surroundings, config, pool);
}

function ofTheDynamicFront(
  name: ResourceName,
  surroundings: Omit<Surroundings, "config">,
  config: Readonly<Record<string, string>>,
  pool: ClientPool,
): StackProvider {
  const provider = dynamicProvider(name, surroundings, pool);
  const get = (key: string): string | undefined => config[key.replace("lxd-access:", "")];
  // As the engine's server does, which does not wait for it either.
  void provider.configure?.({ config: { get, require: (key) => get(key) ?? "" } });
  return {
    check: (inputs) => provider.check?.({}, inputs) ?? lacking(),
    diff: (id, outputs, inputs) => provider.diff?.(id, outputs, inputs) ?? lacking(),
    create: (inputs) => provider.create(inputs),
    read: (id, outputs) => provider.read?.(id, outputs) ?? lacking(),
    update: (id, outputs, inputs) => provider.update?.(id, outputs, inputs) ?? lacking(),
    delete: (id, outputs) => provider.delete?.(id, outputs) ?? lacking(),
  };
}

function ofThePlugin(
  name: ResourceName,
  { log, ...surroundings }: Omit<Surroundings, "config">,
  config: Readonly<Record<string, string>>,
  pool: ClientPool,
): StackProvider {
  const provider = new PluginProvider(surroundings, pool, (level, message) => {
    if (level !== "status") log(level, message);
  });
  provider.configure(config);
  const urn = `urn:pulumi:test::test::lxd-access:index:${name}::it`;
  const limit = { seconds: 0 };
  return {
    check: (inputs) => Promise.resolve(provider.check({ urn, inputs })),
    diff: (id, outputs, inputs, before) => {
      const { paths } = provider.diff({ urn, id, outputs, before, inputs, ignored: [] });
      const replaces = paths.filter(({ replaces }) => replaces).map(({ path }) => path);
      return Promise.resolve({ changes: paths.length > 0, replaces });
    },
    create: async (inputs) => {
      const { id, outputs } = await asDynamic(provider.create({ urn, inputs, ...limit }));
      return { id, outs: outputs };
    },
    read: async (id, outputs, inputs) => {
      const props = await provider.read({ urn, id, outputs, inputs, ...limit });
      return props === undefined ? {} : { id, props };
    },
    update: async (id, outputs, inputs) => ({
      outs: await asDynamic(provider.update({ urn, id, outputs, inputs, ...limit })),
    }),
    delete: (id, outputs) => provider.delete({ urn, id, outputs, ...limit }),
  };
}

/** What is to be recorded of a failure stands where the engine finds it with dynamic providers. */
async function asDynamic<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HalfDoneError) Object.assign(error, { properties: error.outputs });
    throw error;
  }
}

function lacking(): never {
  throw new Error("the provider lacks this call");
}
