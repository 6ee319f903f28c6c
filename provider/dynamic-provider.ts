/**
 * The dynamic front: handlers as Pulumi dynamic providers. What the engine's process for them wants otherwise than a plugin's
 * is here and nowhere else: the text that finds the provider, errors with what is to be recorded, a yes or no for a diff.
 */
import type { dynamic } from "@pulumi/pulumi";
import { configNames, type ProviderConfig } from "./connection";
import { asAccessError, isAccessError } from "./errors";
import { type Context, PartialError, type RawInputs } from "./handler";
import type { ClientPool } from "./lxd/pool";
import { contextFor, type ResourceName, type Surroundings } from "./registry";
import { resourceFront } from "./resource-front";

/** Property by which the engine finds the provider of a dynamic resource; no business of the handlers. */
const providerKey = "__provider";

/** Makes the dynamic provider of a resource. The stack's configuration is added to what surrounds it when it is configured. */
export function dynamicProvider(
  name: ResourceName,
  surroundings: Omit<Surroundings, "config">,
  pool: ClientPool,
): dynamic.ResourceProvider {
  const { handler, ...front } = resourceFront(
    name,
    "; `get` and the option `import` are not supported for dynamic resources",
  );
  let config: ProviderConfig = {};

  const context = (): Context => contextFor({ ...surroundings, config }, pool);
  const stateOf = (stored: RawInputs): object => front.state(withoutProvider(stored));

  return {
    // The engine does not wait for this before the next call, so everything is read at once.
    configure({ config: stack }) {
      config = Object.fromEntries(configNames.map((key) => [key, stack.get(`lxd-access:${key}`)]));
      return Promise.resolve();
    },

    check: (_olds: RawInputs, news: RawInputs) =>
      reporting(name, () => Promise.resolve(front.check(withoutProvider(news)))),

    diff: (_id, olds: RawInputs, news: RawInputs) =>
      reporting(name, () => {
        const { changed, replaces, deleteBeforeReplace } = handler.diff(
          stateOf(olds),
          withoutProvider(news),
          surroundings.now(),
        );
        return Promise.resolve({ changes: changed.length > 0, replaces: [...replaces], deleteBeforeReplace });
      }),

    create: (inputs: RawInputs) =>
      reporting(
        name,
        async () => {
          const { id, state } = await handler.create(context(), front.args(withoutProvider(inputs)));
          return { id, outs: front.outputs(state) };
        },
        (state) => ({ ...front.outputs(state), [providerKey]: inputs[providerKey] }),
      ),

    read: (id: string, props: RawInputs) =>
      reporting(name, async () => {
        const state = await handler.read(context(), id, stateOf(props));
        return state === undefined ? {} : { id, props: front.outputs(state) };
      }),

    update: (id: string, olds: RawInputs, news: RawInputs) =>
      reporting(
        name,
        async () => {
          const wanted = front.args(withoutProvider(news));
          return { outs: front.outputs(await handler.update(context(), id, stateOf(olds), wanted)) };
        },
        (state) => ({ ...front.outputs(state), [providerKey]: news[providerKey] }),
      ),

    delete: (id: string, props: RawInputs) =>
      reporting(name, () => handler.delete(context(), id, stateOf(props))),
  };
}

/**
 * Runs a call and turns what it throws into what the engine's provider server understands: a plain error, for a
 * half-done resource with its id and outputs. No stack trace for expected errors: users would see it.
 */
async function reporting<Result>(
  name: ResourceName,
  call: () => Promise<Result>,
  recorded?: (state: object) => Record<string, unknown>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const reported = new Error(asAccessError(name, error).message);
    if (isAccessError(error)) reported.stack = "";
    if (error instanceof PartialError && recorded !== undefined) {
      Object.assign(reported, {
        id: error.id,
        properties: recorded(error.state as object),
        reasons: [error.message],
      });
    }
    throw reported;
  }
}

function withoutProvider(properties: RawInputs): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => key !== providerKey));
}
