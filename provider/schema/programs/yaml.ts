/** Programs in Pulumi YAML. */
import { stringify } from "yaml";
import type { Field, Typed, TypedProgram, TypedStep } from "./program";

export function yamlProgram({ steps, settings, outputs }: TypedProgram): string {
  const resources = steps.filter(({ kind }) => kind === "resource");
  const asked = steps.filter(({ kind }) => kind === "function");
  const named = (list: readonly TypedStep[], content: (step: TypedStep) => object): object =>
    Object.fromEntries(list.map((step) => [step.name, content(step)]));
  return stringify({
    ...(settings.length > 0 && {
      config: Object.fromEntries(settings.map((name) => [name, { type: "string", secret: true }])),
    }),
    ...(asked.length > 0 && {
      variables: named(asked, ({ type, fields }) => ({
        "fn::invoke": {
          function: `lxd-access:${type}`,
          ...(fields.length > 0 && { arguments: plain(fields) }),
        },
      })),
    }),
    ...(resources.length > 0 && {
      resources: named(resources, ({ type, fields, dependsOn }) => ({
        type: `lxd-access:${type}`,
        ...(fields.length > 0 && { properties: plain(fields) }),
        ...(dependsOn !== undefined && { options: { dependsOn: [`\${${dependsOn}}`] } }),
      })),
    }),
    ...(outputs.length > 0 && {
      outputs: Object.fromEntries(outputs.map(({ name, value }) => [name, plainValue(value)])),
    }),
  }).trimEnd();
}

function plain(fields: readonly Field[]): object {
  return Object.fromEntries(fields.map(({ name, value }) => [name, plainValue(value)]));
}

function plainValue(typed: Typed): unknown {
  switch (typed.kind) {
    case "array":
      return typed.items.map(plainValue);
    case "object":
      return plain(typed.fields);
    case "reference":
      return `\${${typed.step}.${typed.output}}`;
    case "setting":
      return `\${${typed.name}}`;
    case "string":
    case "boolean":
    case "number":
    case "enum":
      return typed.value;
  }
}
