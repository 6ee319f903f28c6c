/** What both fronts of the resources do alike: inputs checked, and outputs as they are stored. */
import { isDeepStrictEqual } from "node:util";
import { AccessError, printable } from "./errors";
import type { CheckFailure, RawInputs } from "./handler";
import { type AnyHandler, handlers, type ResourceName } from "./registry";
import { checkInputs, describedProperties, optionalProperties, parseInputs, secretPaths } from "./schema";
import { valueAt, withSecrets } from "./secrets";
import { hasUnknown } from "./unknown";

/** A resource of this name, as the engine is shown it. */
export interface ResourceFront {
  readonly handler: AnyHandler;
  /** Names of the outputs that the schema tells of. */
  readonly describedOutputs: readonly string[];
  /** Inputs with their secrets marked, and every mistake in them. `marked` are paths that are secret beside those of the schema. */
  check(
    inputs: RawInputs,
    marked?: readonly (readonly string[])[],
  ): { inputs: Record<string, unknown>; failures: CheckFailure[] };
  /** The inputs of a handler; INPUT_INVALID where they are wrong. */
  args(inputs: RawInputs): object;
  /** Inputs as they are stored, secrets marked. */
  inputs(args: object): Record<string, unknown>;
  /**
   * Outputs as they are stored, secrets marked. What is `marked` in the inputs although the schema does not stays so in the
   * output of its name, and in those outputs that the schema does not tell of, where it may be remembered.
   */
  outputs(state: object, marked?: readonly (readonly string[])[]): Record<string, unknown>;
  /** Stored outputs as the handler's state. What an unknown release or a hand wrote is refused, never guessed at. */
  state(stored: RawInputs): object;
}

/** The front of a resource. `advice` follows what is said of stored outputs that cannot be read. */
export function resourceFront(name: ResourceName, advice = ""): ResourceFront {
  const handler: AnyHandler = handlers[name];
  const secretInputs = secretPaths(handler.args);
  const secretOutputs = secretPaths(handler.state);
  const describedOutputs = describedProperties(handler.state);
  const absentOutputs = Object.fromEntries(optionalProperties(handler.state).map((key) => [key, null]));

  return {
    handler,
    describedOutputs,

    check(given, marked = []) {
      const inputs = withoutEmpty(given, secretInputs);
      const known = secretInputs.filter((path) => !hasUnknown(valueAt(inputs, path)));
      return {
        inputs: withSecrets(inputs, [...marked, ...known]),
        // The engine prints the value of a property that is named here, a secret one's too. So the reason names it.
        failures: checkInputs(handler, inputs).map(({ property, reason }) => ({
          property: "",
          reason: printable(`${property}: ${reason}`),
        })),
      };
    },

    args: (inputs) => parseInputs(name, handler, inputs),

    inputs: (args) => withSecrets(withoutUndefined(args), secretInputs),

    outputs(state, marked = []) {
      const outputs = withoutUndefined(state);
      const ofTheProgram = marked.filter((path) => !secretInputs.some((one) => isDeepStrictEqual(one, path)));
      const hidden = Object.keys(outputs).filter((key) => !describedOutputs.includes(key));
      const alsoSecret =
        ofTheProgram.length === 0 ? [] : [...hidden, ...ofTheProgram.map(([key = ""]) => key)];
      const secret = [...secretOutputs, ...alsoSecret.map((key) => [key])];
      // In a preview an output that is not there counts as unknown, and what uses it as changed. Null is known.
      return { ...absentOutputs, ...withSecrets(outputs, secret) };
    },

    state(stored) {
      const present = Object.entries(stored).filter(([, value]) => value !== null);
      const parsed = handler.state.safeParse(Object.fromEntries(present));
      if (parsed.success) return parsed.data;
      const where = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
      throw new AccessError(
        "INPUT_INVALID",
        `The stored state of this ${name} cannot be read (${where}). It was not written by this package, or by a newer release${advice}`,
      );
    },
  };
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
