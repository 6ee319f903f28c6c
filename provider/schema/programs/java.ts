/** Programs in Java. */
import { importNames } from "../languages";
import type { Field, Typed, TypedProgram, TypedStep } from "./program";
import { capitalized, indented, quoted } from "./text";

const indent = "    ";
/** The class that has the functions of the package. */
const functionsClass = "LxdaccessFunctions";

export function javaProgram({ steps, settings, outputs }: TypedProgram): string {
  const imported = new Set<string>();
  const use = (name: string, folder = ""): string => {
    imported.add(`${importNames.java}.${folder}${name}`);
    return name;
  };
  const isAnswer = (name: string): boolean =>
    steps.some((one) => one.name === name && one.kind === "function");
  const body = [
    ...(settings.length > 0 ? ["var config = ctx.config();"] : []),
    ...steps.map(statement),
    ...outputs.map(({ name, value: { step, output } }) => {
      const text = isAnswer(step)
        ? `${step}.applyValue(answer -> answer.${output}())`
        : `${step}.${output}()`;
      return `ctx.export(${quoted(name)}, ${text});`;
    }),
  ];
  const run = ["Pulumi.run(ctx -> {", ...indented(indent, body), "});"];
  return [
    "import com.pulumi.Pulumi;",
    ...(steps.some(({ dependsOn }) => dependsOn !== undefined)
      ? ["import com.pulumi.resources.CustomResourceOptions;"]
      : []),
    ...[...imported].sort().map((name) => `import ${name};`),
    "",
    "public class App {",
    ...indented(indent, ["public static void main(String[] args) {", ...indented(indent, run), "}"]),
    "}",
  ].join("\n");

  function statement({ kind, type, name, fields, dependsOn, isUsed }: TypedStep): string {
    const call =
      kind === "function"
        ? `${use(functionsClass)}.${type}(${built(use(`${capitalized(type)}Args`, "inputs."), fields)})`
        : `new ${use(type)}(${quoted(name)}, ${built(use(`${type}Args`), fields)}${optionsText(dependsOn)})`;
    return `${isUsed ? `var ${name} = ` : ""}${call};`;
  }

  function built(type: string, fields: readonly Field[]): string {
    const calls = fields.map(({ name, value }) => `.${name}(${valueText(value)})`);
    return [`${type}.builder()`, ...indented(indent, [...calls, ".build()"])].join("\n");
  }

  function valueText(typed: Typed): string {
    switch (typed.kind) {
      case "string":
        return quoted(typed.value);
      case "boolean":
      case "number":
        return String(typed.value);
      case "enum":
        return `${use(typed.type, "enums.")}.${typed.name}`;
      case "array":
        return typed.items.map(valueText).join(", ");
      case "object":
        return built(use(`${typed.type}Args`, "inputs."), typed.fields);
      case "reference":
        return `${typed.step}.${typed.output}()${typed.isOptional ? ".applyValue(value -> value.orElse(null))" : ""}`;
      case "setting":
        return `config.requireSecret(${quoted(typed.name)})`;
    }
  }
}

function optionsText(dependsOn: string | undefined): string {
  if (dependsOn === undefined) return "";
  return `, CustomResourceOptions.builder()\n${indent}.dependsOn(${dependsOn})\n${indent}.build()`;
}
