/**
 * The schemas that check inputs, as Pulumi writes types. What a property means, and whether it is secret or replaces its
 * resource, stands in its metadata; an object or enum that has a type of its own has its name there, too.
 *
 * No default is among it. Generated SDKs would fill it in, and then it would stand beside inputs that it does not go with (a
 * port beside an address), and be a change of what was imported, or made by a program in a language that fills in nothing.
 */
import * as z from "zod";
import type { Enumeration } from "../properties";
import type { EnumSpec, ObjectSpec, Properties, PropertySpec, Types, TypeSpec } from "./spec";

/** Token of anything that this package has. */
export function tokenOf(name: string): string {
  return `lxd-access:index:${name}`;
}

/** The properties of an object schema, and which of them are always there. */
export function propertiesOf(schema: z.ZodType): { properties: Properties; required: readonly string[] } {
  const all = Object.entries(shapeOf(schema));
  return {
    properties: Object.fromEntries(all.map(([name, property]) => [name, propertyOf(property)])),
    required: all.filter(([, property]) => !(property instanceof z.ZodOptional)).map(([name]) => name),
  };
}

/** What of a stored state a program is shown: that which has a description. */
export function shownOf(state: z.ZodType): z.ZodType {
  const shown = Object.entries(shapeOf(state)).filter(([, property]) => property.description !== undefined);
  return z.object(Object.fromEntries(shown));
}

/** An object schema as the arguments or the answer of a function. */
export function objectOf(schema: z.ZodType): ObjectSpec {
  const { properties, required } = propertiesOf(schema);
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

/** Every type with a name of its own that is used in object schemas, by its token. */
export function typesIn(schemas: readonly z.ZodType[]): Types {
  const found = new Map<string, ObjectSpec | EnumSpec>();
  const visit = (schema: z.ZodType): void => {
    Object.values(shapeOf(schema)).forEach(visitType);
  };
  const visitType = (schema: z.ZodType): void => {
    if (schema instanceof z.ZodOptional) visitType(schema.unwrap() as z.ZodType);
    else if (schema instanceof z.ZodArray) visitType(schema.element as z.ZodType);
    else if (schema instanceof z.ZodEnum) {
      const enumeration = enumerationOf(schema);
      found.set(tokenOf(enumeration.name), enumOf(enumeration));
    } else if (schema instanceof z.ZodObject) {
      found.set(tokenOf(textOf(schema, "id")), {
        ...objectOf(schema),
        description: textOf(schema, "description"),
      });
      visit(schema);
    }
  };
  schemas.forEach(visit);
  return Object.fromEntries([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function enumOf({ description, values }: Enumeration): EnumSpec {
  return {
    type: "string",
    description,
    enum: Object.entries(values).map(([value, meaning]) => ({
      name: enumName(value),
      value,
      description: meaning,
    })),
  };
}

function enumerationOf(schema: z.ZodEnum): Enumeration {
  return schema.meta()?.["enumeration"] as Enumeration;
}

/** Names in code begin with a letter. */
function enumName(value: string): string {
  if (value === "3des") return "TripleDes";
  return value
    .split(/[^a-z0-9]+/i)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join("");
}

function propertyOf(schema: z.ZodType): PropertySpec {
  return {
    ...typeOf(schema),
    description: descriptionOf(schema),
    ...(isMarked(schema, "secret") && { secret: true }),
    ...(isMarked(schema, "replaces") && { willReplaceOnChanges: true }),
  };
}

function typeOf(schema: z.ZodType): TypeSpec {
  if (schema instanceof z.ZodOptional) return typeOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodString) return { type: "string" };
  if (schema instanceof z.ZodBoolean) return { type: "boolean" };
  if (schema instanceof z.ZodNumber)
    return { type: schema.format === "safeint" || isMarked(schema, "integer") ? "integer" : "number" };
  if (schema instanceof z.ZodArray) return { type: "array", items: typeOf(schema.element as z.ZodType) };
  if (schema instanceof z.ZodUnion)
    return { oneOf: schema.options.map((option) => typeOf(option as z.ZodType)) };
  const name = schema instanceof z.ZodEnum ? enumerationOf(schema).name : textOf(schema, "id");
  return { $ref: `#/types/${tokenOf(name)}` };
}

function textOf(schema: z.ZodType, key: string): string {
  const text = schema.meta()?.[key];
  if (typeof text === "string") return text;
  throw new Error(
    `A schema of kind ${schema.def.type} is not given its ${key}: ${JSON.stringify(schema.meta())}`,
  );
}

/** Where a property has none of its own, that of its type. */
function descriptionOf(schema: z.ZodType): string {
  return schema instanceof z.ZodOptional && schema.description === undefined
    ? descriptionOf(schema.unwrap() as z.ZodType)
    : textOf(schema, "description");
}

function isMarked(schema: z.ZodType, mark: "secret" | "replaces" | "integer"): boolean {
  if (schema.meta()?.[mark] === true) return true;
  return schema instanceof z.ZodOptional && isMarked(schema.unwrap() as z.ZodType, mark);
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  if (schema instanceof z.ZodObject) return schema.shape;
  throw new Error(`A schema of kind ${schema.def.type} stands where an object is wanted`);
}
