/** Programs in Python. */
import { importNames } from "../languages";
import type { Field, Typed, TypedProgram, TypedStep } from "./program";
import { indented, quoted, snakeCased } from "./text";

const indent = "    ";

export function pythonProgram({ steps, settings, outputs }: TypedProgram): string {
  return [
    "import pulumi",
    `import ${importNames.python} as lxd_access`,
    "",
    ...(settings.length > 0 ? ["config = pulumi.Config()"] : []),
    ...steps.map(statement),
    ...outputs.map(({ name, value }) => `pulumi.export(${quoted(name)}, ${valueText(value)})`),
  ].join("\n");
}

function statement({ kind, type, name, fields, dependsOn, isUsed }: TypedStep): string {
  const callee = kind === "resource" ? type : `${snakeCased(type)}_output`;
  const args = [
    ...(kind === "resource" ? [quoted(name)] : []),
    ...fields.map((field) => `${snakeCased(field.name)}=${valueText(field.value)}`),
    ...(dependsOn === undefined ? [] : [`opts=pulumi.ResourceOptions(depends_on=[${dependsOn}])`]),
  ];
  const call = `lxd_access.${callee}(${argumentsText(args)})`;
  return isUsed ? `${name} = ${call}` : call;
}

function argumentsText(args: readonly string[]): string {
  if (args.length < 2) return args.join("");
  return [
    "",
    ...indented(
      indent,
      args.map((arg) => `${arg},`),
    ),
    "",
  ].join("\n");
}

function valueText(typed: Typed): string {
  switch (typed.kind) {
    case "string":
      return quoted(typed.value);
    case "boolean":
      return typed.value ? "True" : "False";
    case "number":
      return String(typed.value);
    case "enum":
      return `lxd_access.${typed.type}.${snakeCased(typed.name).toUpperCase()}`;
    case "array":
      return `[${typed.items.map(valueText).join(", ")}]`;
    case "object":
      return objectText(typed.fields);
    case "reference":
      return `${typed.step}.${snakeCased(typed.output)}`;
    case "setting":
      return `config.require_secret(${quoted(typed.name)})`;
  }
}

function objectText(fields: readonly Field[]): string {
  const entries = fields.map(({ name, value }) => `${quoted(snakeCased(name))}: ${valueText(value)},`);
  return ["{", ...indented(indent, entries), "}"].join("\n");
}
