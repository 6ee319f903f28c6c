/** Paths of properties as Pulumi writes them: `connection.timeouts.connect`, `projects[1]`. */
import * as z from "zod";
import type { Properties } from "./right-inputs";

/** The inputs with another value at a path. */
export function replaced(inputs: Properties, path: string, value: unknown): Properties {
  return replacedAt(inputs, stepsOf(path), value) as Properties;
}

function replacedAt(inside: unknown, [step, ...rest]: readonly string[], value: unknown): unknown {
  if (step === undefined) return value;
  const entries = Object.entries(inside as object).filter(([key]) => key !== step);
  const inner = replacedAt((inside as Properties)[step], rest, value);
  if (!Array.isArray(inside)) return Object.fromEntries([...entries, [step, inner]]);
  return inside.map((element: unknown, index) => (String(index) === step ? inner : element));
}

function stepsOf(path: string): string[] {
  return path.replace(/\[(\d+)\]/g, ".$1").split(".");
}

/** Every path in some inputs: properties, what is inside them, and elements of lists. */
export function pathsIn(inputs: Properties): string[] {
  return inside(inputs, "");
}

function inside(value: unknown, path: string): string[] {
  const own = path === "" ? [] : [path];
  if (typeof value !== "object" || value === null) return own;
  const inner = Object.entries(value).flatMap(([key, element]) => inside(element, joined(path, key, value)));
  return [...own, ...inner];
}

function joined(path: string, key: string, holder: object): string {
  if (Array.isArray(holder)) return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** Every property that a resource's inputs, or a function's arguments, may have; `[]` for the elements of a list. */
export function propertiesOf({ args }: { readonly args: z.ZodType }): string[] {
  const schema = z.toJSONSchema(args, { io: "input" }) as JsonSchema;
  return propertiesIn(schema, "", schema.$defs ?? {});
}

interface JsonSchema {
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

function propertiesIn(
  schema: JsonSchema,
  path: string,
  defs: Readonly<Record<string, JsonSchema>>,
): string[] {
  const referred = schema.$ref === undefined ? schema : (defs[schema.$ref.replace("#/$defs/", "")] ?? {});
  const members = Object.entries(referred.properties ?? {}).flatMap(([key, property]) =>
    propertiesIn(property, path === "" ? key : `${path}.${key}`, defs),
  );
  const elements = referred.items === undefined ? [] : propertiesIn(referred.items, `${path}[]`, defs);
  return [...(path === "" ? [] : [path]), ...members, ...elements];
}

/** Whether a property is the one at a path, or inside it. */
export function isAt(property: string, path: string): boolean {
  return property === path || property.startsWith(`${path}.`) || property.startsWith(`${path}[`);
}
