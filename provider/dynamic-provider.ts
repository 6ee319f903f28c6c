/**
 * The dynamic front: handlers as Pulumi dynamic providers. Secrets, unknowns and errors are translated here and nowhere
 * else.
 */
import type { dynamic } from "@pulumi/pulumi";
import { configNames, type ProviderConfig } from "./connection";
import { AccessError, isAccessError, messageOf, printable } from "./errors";
import { type Context, PartialError, type RawInputs } from "./handler";
import type { ClientPool } from "./lxd/pool";
import { type AnyHandler, contextFor, handlers, type ResourceName, type Surroundings } from "./registry";
import { checkInputs, optionalProperties, secretPaths } from "./schema";
import { withSecrets } from "./secrets";
import { hasUnknown } from "./unknown";

/** Property by which the engine finds the provider of a dynamic resource; no business of the handlers. */
const providerKey = "__provider";

/** Makes the dynamic provider of a resource. The stack's configuration is added to what surrounds it when it is configured. */
export function dynamicProvider(
  name: ResourceName,
  surroundings: Omit<Surroundings, "config">,
  pool: ClientPool,
): dynamic.ResourceProvider {
  const handler: AnyHandler = handlers[name];
  const secretInputs = secretPaths(handler.args);
  const secretOutputs = secretPaths(handler.state);
  const absentOutputs = Object.fromEntries(optionalProperties(handler.state).map((key) => [key, null]));
  let config: ProviderConfig = {};

  const context = (): Context => contextFor({ ...surroundings, config }, pool);
  // In a preview an output that is not there counts as unknown, and what uses it as changed. Null is known.
  const outputs = (state: object): Record<string, unknown> => ({
    ...absentOutputs,
    ...withSecrets(withoutUndefined(state), secretOutputs),
  });

  return {
    // The engine does not wait for this before the next call, so everything is read at once.
    configure({ config: stack }) {
      config = Object.fromEntries(configNames.map((key) => [key, stack.get(`lxd-access:${key}`)]));
      return Promise.resolve();
    },

    check: (_olds: RawInputs, news: RawInputs) =>
      reporting(name, () => {
        const inputs = withoutEmpty(withoutProvider(news), secretInputs);
        const known = secretInputs.filter((path) => !hasUnknown(valueAt(inputs, path)));
        return Promise.resolve({
          inputs: withSecrets(inputs, known),
          // The engine prints the value of a property that is named here, a secret one's too. So the reason names it.
          failures: checkInputs(handler, inputs).map(({ property, reason }) => ({
            property: "",
            reason: printable(`${property}: ${reason}`),
          })),
        });
      }),

    diff: (_id, olds: RawInputs, news: RawInputs) =>
      reporting(name, () => {
        const { changed, replaces, deleteBeforeReplace } = handler.diff(
          stateOf(handler, name, olds),
          withoutProvider(news),
          surroundings.now(),
        );
        return Promise.resolve({ changes: changed.length > 0, replaces: [...replaces], deleteBeforeReplace });
      }),

    create: (inputs: RawInputs) =>
      reporting(
        name,
        async () => {
          const { id, state } = await handler.create(context(), handler.args.parse(withoutProvider(inputs)));
          return { id, outs: outputs(state) };
        },
        (state) => ({ ...outputs(state), [providerKey]: inputs[providerKey] }),
      ),

    read: (id: string, props: RawInputs) =>
      reporting(name, async () => {
        const state = await handler.read(context(), id, stateOf(handler, name, props));
        return state === undefined ? {} : { id, props: outputs(state) };
      }),

    update: (id: string, olds: RawInputs, news: RawInputs) =>
      reporting(
        name,
        async () => {
          const wanted = handler.args.parse(withoutProvider(news));
          return { outs: outputs(await handler.update(context(), id, stateOf(handler, name, olds), wanted)) };
        },
        (state) => ({ ...outputs(state), [providerKey]: news[providerKey] }),
      ),

    delete: (id: string, props: RawInputs) =>
      reporting(name, () => handler.delete(context(), id, stateOf(handler, name, props))),
  };
}

/** The stored outputs as the handler's state. What an unknown release or a hand wrote is refused, never guessed at. */
function stateOf(handler: AnyHandler, name: ResourceName, stored: RawInputs): object {
  const present = Object.entries(withoutProvider(stored)).filter(([, value]) => value !== null);
  const parsed = handler.state.safeParse(Object.fromEntries(present));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
  throw new AccessError(
    "INPUT_INVALID",
    `The stored state of this ${name} cannot be read (${where}). It was not written by this package, or by a newer release; ` +
      "`get` and the option `import` are not supported for dynamic resources",
  );
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
    const isExpected = isAccessError(error);
    const bug = `${name}: this is a bug in pulumi-lxd-access: ${messageOf(error)} [BUG]`;
    const reported = new Error(isExpected ? error.message : printable(bug));
    if (isExpected) reported.stack = "";
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

/** Drops secrets that turned out to be undefined: inside a secret the wire has no undefined and says null. */
function withoutEmpty(inputs: RawInputs, paths: readonly (readonly string[])[]): Record<string, unknown> {
  return paths
    .filter((path) => valueAt(inputs, path) === null)
    .reduce<Record<string, unknown>>(withoutPath, { ...inputs });
}

function withoutPath(object: Record<string, unknown>, path: readonly string[]): Record<string, unknown> {
  const [name, ...rest] = path;
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key]) => key !== name || rest.length > 0)
      .map(([key, value]) => [
        key,
        key === name ? withoutPath(value as Record<string, unknown>, rest) : value,
      ]),
  );
}

/** The wire format has no undefined. */
function withoutUndefined(state: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(state)) as Record<string, unknown>;
}

function valueAt(inputs: RawInputs, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (Reflect.get(value, key) as unknown) : undefined,
    inputs,
  );
}
