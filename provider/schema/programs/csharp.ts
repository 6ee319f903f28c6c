/** Programs in C#. */
import { importNames } from "../languages";
import type { Field, Typed, TypedProgram, TypedStep } from "./program";
import { capitalized, indented, quoted } from "./text";

const indent = "    ";

export function csharpProgram({ steps, settings, outputs }: TypedProgram): string {
  const isAnswer = (name: string): boolean =>
    steps.some((one) => one.name === name && one.kind === "function");
  const body = [
    ...(settings.length > 0 ? ["var config = new Config();"] : []),
    ...steps.map(statement),
    ...(outputs.length > 0
      ? [
          "",
          "return new Dictionary<string, object?>",
          "{",
          ...outputs.map(({ name, value: { step, output } }) => {
            const property = capitalized(output);
            const text = isAnswer(step)
              ? `${step}.Apply(answer => answer.${property})`
              : `${step}.${property}`;
            return `${indent}[${quoted(name)}] = ${text},`;
          }),
          "};",
        ]
      : []),
  ];
  return [
    ...(outputs.length > 0 ? ["using System.Collections.Generic;"] : []),
    "using Pulumi;",
    `using LxdAccess = ${importNames.csharp};`,
    "",
    "return await Deployment.RunAsync(() =>",
    "{",
    ...indented(indent, body),
    "});",
  ].join("\n");
}

function statement({ kind, type, name, fields, dependsOn, isUsed }: TypedStep): string {
  const args = objectText("new()", fields);
  const call =
    kind === "function"
      ? `LxdAccess.${capitalized(type)}.Invoke(${args})`
      : `new LxdAccess.${type}(${quoted(name)}, ${args}${optionsText(dependsOn)})`;
  return `${isUsed ? `var ${name} = ` : ""}${call};`;
}

function optionsText(dependsOn: string | undefined): string {
  return dependsOn === undefined ? "" : `, new CustomResourceOptions { DependsOn = { ${dependsOn} } }`;
}

function objectText(start: string, fields: readonly Field[]): string {
  if (fields.length === 0) return start;
  const entries = fields.map(({ name, value }) => `${capitalized(name)} = ${valueText(value)},`);
  return [start, "{", ...indented(indent, entries), "}"].join("\n");
}

function valueText(typed: Typed): string {
  switch (typed.kind) {
    case "string":
      return quoted(typed.value);
    case "boolean":
    case "number":
      return String(typed.value);
    case "enum":
      return `LxdAccess.${typed.type}.${typed.name}`;
    case "array":
      return `new[] { ${typed.items.map(valueText).join(", ")} }`;
    case "object":
      return objectText(`new LxdAccess.Inputs.${typed.type}Args`, typed.fields);
    case "reference":
      return `${typed.step}.${capitalized(typed.output)}`;
    case "setting":
      return `config.RequireSecret(${quoted(typed.name)})`;
  }
}
