/** Checking inputs against their zod schema, and reading from the schema which of them are secret. */
import * as z from "zod";
import { refuse } from "./errors";
import type { CheckFailure, RawInputs } from "./handler";
import { misplacedSecrets } from "./misplaced-secret";
import { unknownValue } from "./unknown";

/**
 * Every mistake in the inputs, by property, at most one each. What is unknown in a preview is not judged, and a rule
 * that spans several properties is not asked about one that is wrong by itself. `handler` is one of a resource or function.
 */
export function checkInputs(
  handler: { readonly args: z.ZodType; rules(inputs: RawInputs): CheckFailure[] },
  inputs: RawInputs,
): CheckFailure[] {
  // First, since another reason might repeat what is given.
  const misplaced = misplacedSecrets(inputs, secretPaths(handler.args)).map(({ path, reason }) => ({
    property: propertyPath(path),
    reason,
  }));
  const parsed = handler.args.safeParse(inputs);
  const issues = parsed.success ? [] : parsed.error.issues;
  const failures = issues.flatMap((issue) => describeIssue(issue, inputs));
  const broken = handler
    .rules(inputs)
    .filter((rule) => !failures.some(({ property }) => isOrIsInside(property, rule.property)));
  const first = new Map<string, CheckFailure>();
  for (const failure of [...misplaced, ...failures, ...broken])
    if (!first.has(failure.property)) first.set(failure.property, failure);
  return [...first.values()];
}

/**
 * The inputs of the handler of this name. INPUT_INVALID where there is a mistake in them: those of a resource have been checked,
 * but a policy may have put others in their place, which the engine does not have checked again.
 */
export function parseInputs<Args>(
  name: string,
  handler: { readonly args: z.ZodType<Args>; rules(inputs: RawInputs): CheckFailure[] },
  inputs: RawInputs,
): Args {
  const failures = checkInputs(handler, inputs);
  if (failures.length === 0) return handler.args.parse(inputs);
  const list = failures.map(({ property, reason }) => `${property}: ${reason}`).join("; ");
  return refuse("INPUT_INVALID", `${name}: ${list}`);
}

/** Whether a property's path is this one, or leads into it. */
export function isOrIsInside(property: string, outer: string): boolean {
  return property === outer || property.startsWith(`${outer}.`) || property.startsWith(`${outer}[`);
}

function describeIssue(issue: z.core.$ZodIssue, inputs: RawInputs): CheckFailure[] {
  const property = propertyPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const owner = property === "" ? "this resource" : property;
    return issue.keys.map((key) => ({
      property: propertyPath([...issue.path, key]),
      reason: `is not a property of ${owner}`,
    }));
  }
  const value = valueAt(inputs, issue.path);
  if (value === unknownValue) return [];
  if (issue.code === "invalid_type") {
    return [{ property, reason: value === undefined ? "is required" : `must be ${article(issue.expected)}` }];
  }
  if (issue.code === "invalid_value") {
    return [{ property, reason: `must be ${alternatives(issue.values)}` }];
  }
  return [{ property, reason: issue.message }];
}

/** Writes a path as Pulumi does: `connection.address`, `projects[0]`, `["odd name"]`. */
export function propertyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, step) => {
    if (typeof step === "number") return `${before}[${step}]`;
    const name = String(step);
    if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `${before}[${JSON.stringify(name)}]`;
    return before === "" ? name : `${before}.${name}`;
  }, "");
}

function article(type: string): string {
  const names: Readonly<Record<string, string | undefined>> = { record: "object", int: "whole number" };
  const name = names[type] ?? type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

function valueAt(inputs: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== "object" || value === null) return value;
    return Reflect.get(value, step) as unknown;
  }, inputs);
}

/** Paths of the secret properties of an object schema, as lists of keys: `["connection", "clientKey"]`. */
export function secretPaths(schema: z.ZodType): readonly (readonly string[])[] {
  const known = secretPathsOf.get(schema);
  if (known !== undefined) return known;
  const found = findSecretPaths(schema);
  secretPathsOf.set(schema, found);
  return found;
}

/** A schema does not change, and is asked about at each look at each resource. */
const secretPathsOf = new WeakMap<z.ZodType, readonly (readonly string[])[]>();

function findSecretPaths(schema: z.ZodType): string[][] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, property]) =>
    isSecret(property) ? [[key]] : findSecretPaths(property).map((path) => [key, ...path]),
  );
}

/** Names of the properties of an object schema that have a description: those that users know of. */
export function describedProperties(schema: z.ZodType): string[] {
  return describedEntries(schema).map(([key]) => key);
}

/** Names of those among them that may be absent. */
export function optionalProperties(schema: z.ZodType): string[] {
  return describedEntries(schema)
    .filter(([, property]) => property instanceof z.ZodOptional)
    .map(([key]) => key);
}

function describedEntries(schema: z.ZodType): [name: string, property: z.ZodType][] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).filter(
    ([, property]) => property.description !== undefined,
  );
}

function isSecret(schema: z.ZodType): boolean {
  if (schema.meta()?.["secret"] === true) return true;
  return schema instanceof z.ZodOptional && isSecret(schema.unwrap() as z.ZodType);
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap() as z.ZodType) : schema;
}
