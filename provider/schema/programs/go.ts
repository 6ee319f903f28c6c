/** Programs in Go, as gofmt writes them. */
import type { Field, Typed, TypedProgram, TypedStep } from "./program";
import { capitalized, indented, quoted } from "./text";

const indent = "\t";

export function goProgram({ steps, settings, outputs }: TypedProgram, importPath: string): string {
  const imports = [
    '"github.com/pulumi/pulumi/sdk/v3/go/pulumi"',
    ...(settings.length > 0 ? ['"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"'] : []),
    quoted(importPath),
  ];
  const resources = steps.filter(({ kind }) => kind === "resource");
  const body = [
    ...(settings.length > 0 ? ['cfg := config.New(ctx, "")'] : []),
    ...steps.flatMap((step) =>
      step.kind === "resource" ? declared(step, step !== resources[0]) : [asked(step)],
    ),
    ...outputs.map(({ name, value }) => `ctx.Export(${quoted(name)}, ${valueText(value, steps)})`),
    "return nil",
  ];
  return [
    "package main",
    "",
    "import (",
    ...indented(indent, [...imports].sort()),
    ")",
    "",
    "func main() {",
    ...indented(indent, ["pulumi.Run(func(ctx *pulumi.Context) error {", ...indented(indent, body), "})"]),
    "}",
  ].join("\n");

  function declared({ type, name, fields, dependsOn, isUsed }: TypedStep, hasError: boolean): string[] {
    const options =
      dependsOn === undefined ? "" : `, pulumi.DependsOn([]pulumi.Resource{\n${indent}${dependsOn},\n})`;
    const args = structText(`lxdaccess.${type}Args`, fields, steps);
    const left = isUsed ? `${name}, err :=` : `_, err ${hasError ? "=" : ":="}`;
    return [
      `${left} lxdaccess.New${type}(ctx, ${quoted(name)}, &${args}${options})`,
      "if err != nil {",
      `${indent}return err`,
      "}",
    ];
  }

  function asked({ type, name, fields }: TypedStep): string {
    const args = structText(`lxdaccess.${capitalized(type)}OutputArgs`, fields, steps);
    return `${name} := lxdaccess.${capitalized(type)}Output(ctx, ${args})`;
  }
}

function structText(type: string, fields: readonly Field[], steps: readonly TypedStep[]): string {
  if (fields.length === 0) return `${type}{}`;
  const entries = fields.map(({ name, value }) => ({
    key: `${capitalized(name)}:`,
    text: valueText(value, steps),
  }));
  // Values of neighbours that take one line stand below one another.
  const isAligned = entries.map(({ text }) => !text.includes("\n"));
  const widthAt = (index: number): number => {
    let [from, to] = [index, index];
    while (isAligned[from - 1] === true) from--;
    while (isAligned[to + 1] === true) to++;
    return Math.max(...entries.slice(from, to + 1).map(({ key }) => key.length));
  };
  const lines = entries.map(({ key, text }, index) =>
    isAligned[index] === true ? `${key.padEnd(widthAt(index))} ${text},` : `${key} ${text},`,
  );
  return [`${type}{`, ...indented(indent, lines), "}"].join("\n");
}

function valueText(typed: Typed, steps: readonly TypedStep[]): string {
  switch (typed.kind) {
    case "string":
      return `pulumi.String(${quoted(typed.value)})`;
    case "boolean":
      return `pulumi.Bool(${String(typed.value)})`;
    case "number":
      return `pulumi.Int(${typed.value})`;
    case "enum":
      return `lxdaccess.${typed.type}${typed.name}`;
    case "array":
      return [
        "pulumi.StringArray{",
        ...indented(
          indent,
          typed.items.map((item) => `${valueText(item, steps)},`),
        ),
        "}",
      ].join("\n");
    case "object":
      return `&${structText(`lxdaccess.${typed.type}Args`, typed.fields, steps)}`;
    case "reference": {
      const isAnswer = steps.some(({ name, kind }) => name === typed.step && kind === "function");
      return `${typed.step}.${capitalized(typed.output)}${isAnswer ? "()" : ""}`;
    }
    case "setting":
      return `cfg.RequireSecret(${quoted(typed.name)})`;
  }
}
