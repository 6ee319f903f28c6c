/** Checking inputs against their zod schema, and reading from the schema which of them are secret. */
import { z } from "zod";
import type { CheckFailure, RawInputs, ResourceHandler } from "./handler";
import { hasUnknown } from "./unknown";

/** Metadata a property may carry in its schema. */
export interface PropertyMetadata {
  readonly description?: string;
  readonly secret?: boolean;
}

/** Every mistake in the inputs, by property. What is unknown in a preview is not judged. */
export function checkInputs<Args extends object, State extends object>(
  handler: ResourceHandler<Args, State>,
  inputs: RawInputs,
): CheckFailure[] {
  const parsed = handler.args.safeParse(inputs);
  const issues = parsed.success ? [] : parsed.error.issues;
  const failures = issues
    .filter((issue) => !hasUnknown(valueAt(inputs, issue.path)))
    .flatMap((issue) => describeIssue(issue, inputs));
  const faulty = new Set(failures.map(({ property }) => property.replace(/[.[].*$/, "")));
  const broken = handler.rules(inputs).filter(({ property }) => !faulty.has(property));
  return [...failures, ...broken];
}

function describeIssue(issue: z.core.$ZodIssue, inputs: RawInputs): CheckFailure[] {
  const property = propertyPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      property: propertyPath([...issue.path, key]),
      reason: "is not a property of this resource",
    }));
  }
  if (issue.code === "invalid_type" && valueAt(inputs, issue.path) === undefined) {
    return [{ property, reason: "is required" }];
  }
  if (issue.code === "invalid_type") return [{ property, reason: `must be ${article(issue.expected)}` }];
  if (issue.code === "invalid_value") {
    return [
      { property, reason: `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}` },
    ];
  }
  return [{ property, reason: issue.message }];
}

/** Writes a path as Pulumi does: `connection.address`, `projects[0]`. */
function propertyPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`,
    )
    .join("");
}

function article(type: string): string {
  const name = type === "record" ? "object" : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function valueAt(inputs: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== "object" || value === null) return value;
    return Reflect.get(value, step) as unknown;
  }, inputs);
}

/** Paths of the secret properties of an object schema, as lists of keys: `["connection", "clientKey"]`. */
export function secretPaths(schema: z.ZodType): string[][] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, property]) =>
    isSecret(property) ? [[key]] : secretPaths(property).map((path) => [key, ...path]),
  );
}

function isSecret(schema: z.ZodType): boolean {
  if (schema.meta()?.["secret"] === true) return true;
  return schema instanceof z.ZodOptional && isSecret(schema.unwrap() as z.ZodType);
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap() as z.ZodType) : schema;
}
