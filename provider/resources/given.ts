/**
 * What a program gave, kept beside what came of it. The engine's dynamic front shows `diff` only old outputs and new
 * inputs, so the outputs have to remember the inputs, or a dropped one would go unseen.
 */
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { RawInputs } from "../handler";
import { hasUnknown } from "../unknown";

/** Schema of the remembered inputs. Secret ones are not in here but in outputs of their own; here they are `true`. */
export const given = z.record(z.string(), z.unknown());

/** The inputs to remember: all but the connection, secrets only as present. */
export function remember(args: RawInputs, secrets: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args)
      .filter(([name, value]) => name !== "connection" && value !== undefined)
      .map(([name, value]) => [name, secrets.includes(name) ? true : value]),
  );
}

/** Says that two values of an input mean the same. */
export type SameInput = (before: unknown, after: unknown) => boolean;

/**
 * Names of the inputs that differ from those remembered. Secret ones are compared with the output that holds them, if
 * they were given at all. An input that is unknown yet counts as changed.
 */
export function changedInputs(
  state: { readonly given: Readonly<Record<string, unknown>>; readonly connection?: unknown },
  inputs: RawInputs,
  options: { secrets?: Readonly<Record<string, unknown>>; same?: Readonly<Record<string, SameInput>> } = {},
): string[] {
  const { secrets = {}, same = {} } = options;
  const before: Record<string, unknown> = { ...state.given };
  for (const [name, held] of Object.entries(secrets)) if (before[name] === true) before[name] = held;
  if (state.connection !== undefined) before["connection"] = state.connection;
  const names = new Set([...Object.keys(before), ...Object.keys(inputs)]);
  return [...names].filter((name) => {
    const after = own(inputs, name);
    if (hasUnknown(after)) return true;
    return !(own(same, name) ?? isDeepStrictEqual)(own(before, name), after);
  });
}

/** A property, unless it is inherited: stored state may hold any name. */
function own<Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
