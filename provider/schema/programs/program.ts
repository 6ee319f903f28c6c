/** A program as data, from which its text in each language is made. What it names is looked up in the handlers. */
import { type FunctionName, functions, handlers, type ResourceName } from "../../registry";
import { propertiesOf, shownOf, typesIn } from "../properties";
import type { Properties, Types, TypeSpec } from "../spec";

/** The value of an input: as it is, an output of something before it, or a secret setting of the stack. */
export type Given =
  string | number | boolean | readonly Given[] | Reference | Setting | { readonly [name: string]: Given };

export class Reference {
  constructor(
    readonly step: string,
    readonly output: string,
  ) {}
}

export class Setting {
  constructor(readonly name: string) {}
}

/** A resource that is declared, or a function that is called. `name` is a variable, and the resource's name. */
export type Step =
  | {
      readonly resource: ResourceName;
      readonly name: string;
      readonly args: { readonly [name: string]: Given };
      readonly dependsOn?: string;
    }
  | { readonly ask: FunctionName; readonly name: string; readonly args: { readonly [name: string]: Given } };

export interface Program {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly outputs?: { readonly [name: string]: Reference };
}

/** A value together with its type. */
export type Typed =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "enum"; readonly type: string; readonly name: string; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly Typed[] }
  | { readonly kind: "object"; readonly type: string; readonly fields: readonly Field[] }
  | {
      readonly kind: "reference";
      readonly step: string;
      readonly output: string;
      readonly isOptional: boolean;
    }
  | { readonly kind: "setting"; readonly name: string };

export interface Field {
  readonly name: string;
  readonly value: Typed;
}

/** A step with its inputs typed. `isUsed` says whether anything after it needs its variable. */
export interface TypedStep {
  readonly kind: "resource" | "function";
  readonly type: string;
  readonly name: string;
  readonly fields: readonly Field[];
  readonly dependsOn: string | undefined;
  readonly isUsed: boolean;
}

export interface TypedProgram {
  readonly steps: readonly TypedStep[];
  /** Names of the secret settings that are read. */
  readonly settings: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly value: Typed & { kind: "reference" } }[];
}

/** Throws where the program names what does not exist, or gives it another type. */
export function typed({ steps, outputs = {} }: Program): TypedProgram {
  const types = typesIn(Object.values({ ...handlers, ...functions }).map(({ args }) => args));
  const look: Look = { steps, types };
  const used = new Set(Object.values(outputs).map(({ step }) => step));
  const settings = new Set<string>();
  for (const step of steps) {
    if ("dependsOn" in step && step.dependsOn !== undefined) used.add(step.dependsOn);
    for (const value of leavesOf(step.args)) {
      if (value instanceof Reference) used.add(value.step);
      if (value instanceof Setting) settings.add(value.name);
    }
  }
  return {
    steps: steps.map((step) => ({
      kind: "resource" in step ? "resource" : "function",
      type: typeName(step),
      name: step.name,
      fields: fieldsOf(look, propertiesOf(handlerOf(step).args).properties, step.args, step.name),
      dependsOn: "dependsOn" in step ? step.dependsOn : undefined,
      isUsed: used.has(step.name),
    })),
    settings: [...settings],
    outputs: Object.entries(outputs).map(([name, reference]) => ({ name, value: referred(look, reference) })),
  };
}

interface Look {
  readonly steps: readonly Step[];
  readonly types: Types;
}

function typeName(step: Step): string {
  return "resource" in step ? step.resource : step.ask;
}

function handlerOf(step: Step): (typeof handlers)[ResourceName] | (typeof functions)[FunctionName] {
  return "resource" in step ? handlers[step.resource] : functions[step.ask];
}

function leavesOf(given: Given): Given[] {
  if (typeof given !== "object" || given instanceof Reference || given instanceof Setting) return [given];
  return Object.values(given).flatMap(leavesOf);
}

function fieldsOf(
  look: Look,
  properties: Properties,
  given: { readonly [name: string]: Given },
  owner: string,
): Field[] {
  return Object.entries(given).map(([name, value]) => {
    const property = properties[name];
    if (property === undefined) throw new Error(`${owner} has no property ${name}`);
    return { name, value: typedValue(look, property, value, `${owner}.${name}`) };
  });
}

function typedValue(look: Look, type: TypeSpec, given: Given, path: string): Typed {
  if (given instanceof Reference) return referred(look, given);
  if (given instanceof Setting) return { kind: "setting", name: given.name };
  if (typeof given === "boolean" && type.type === "boolean") return { kind: "boolean", value: given };
  if (typeof given === "number" && (type.type === "integer" || type.type === "number"))
    return { kind: "number", value: given };
  if (typeof given === "string" && type.type === "string") return { kind: "string", value: given };
  if (Array.isArray(given) && type.items !== undefined) {
    const { items } = type;
    return { kind: "array", items: given.map((item: Given) => typedValue(look, items, item, `${path}[]`)) };
  }
  const token = type.$ref?.replace("#/types/", "") ?? "";
  const named = look.types[token];
  const name = token.replace(/^.*:/, "");
  if (named !== undefined && "enum" in named) {
    const found = named.enum.find(({ value }) => value === given);
    if (found !== undefined) return { kind: "enum", type: name, name: found.name, value: found.value };
  } else if (named !== undefined && typeof given === "object") {
    const fields = fieldsOf(look, named.properties, given as { [name: string]: Given }, path);
    return { kind: "object", type: name, fields };
  }
  throw new Error(`${path} cannot be ${JSON.stringify(given)}`);
}

function referred({ steps }: Look, { step: name, output }: Reference): Typed & { kind: "reference" } {
  const step = steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`There is no step ${name}`);
  const handler = handlerOf(step);
  const { properties, required } = propertiesOf(
    "result" in handler ? handler.result : shownOf(handler.state),
  );
  if (properties[output] === undefined) throw new Error(`${name} has no output ${output}`);
  return { kind: "reference", step: name, output, isOptional: !required.includes(output) };
}
