/** Programs in TypeScript, with the generated SDK. */
import { importNames } from "../languages";
import type { Field, Typed, TypedProgram, TypedStep } from "./program";
import { capitalized, indented, quoted } from "./text";

const indent = "    ";

export function typescriptProgram({ steps, settings, outputs }: TypedProgram): string {
  const needsPulumi = settings.length > 0;
  return [
    ...(needsPulumi ? ['import * as pulumi from "@pulumi/pulumi";'] : []),
    `import * as lxd_access from ${quoted(importNames.nodejs)};`,
    "",
    ...(needsPulumi ? ["const config = new pulumi.Config();"] : []),
    ...steps.map(statement),
    ...outputs.map(({ name, value }) => `export const ${name} = ${valueText(value)};`),
  ].join("\n");
}

function statement({ kind, type, name, fields, dependsOn, isUsed }: TypedStep): string {
  const args = fields.length > 0 ? objectText(fields) : "{}";
  const call =
    kind === "function"
      ? `lxd_access.${type}Output(${args})`
      : `new lxd_access.${type}(${quoted(name)}, ${args}${dependsOn === undefined ? "" : `, { dependsOn: [${dependsOn}] }`})`;
  return `${isUsed ? `const ${name} = ` : ""}${call};`;
}

function objectText(fields: readonly Field[]): string {
  const entries = fields.map(({ name, value }) => `${name}: ${valueText(value)},`);
  return ["{", ...indented(indent, entries), "}"].join("\n");
}

function valueText(typed: Typed): string {
  switch (typed.kind) {
    case "string":
      return quoted(typed.value);
    case "boolean":
    case "number":
      return String(typed.value);
    case "enum":
      return `lxd_access.${typed.type}.${capitalized(typed.name)}`;
    case "array":
      return `[${typed.items.map(valueText).join(", ")}]`;
    case "object":
      return objectText(typed.fields);
    case "reference":
      return `${typed.step}.${typed.output}`;
    case "setting":
      return `config.requireSecret(${quoted(typed.name)})`;
  }
}
