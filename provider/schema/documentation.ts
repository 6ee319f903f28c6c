/** What the documents say of the resources and functions as a whole, in the form of the Pulumi Registry. */
import { type FunctionName, handlers, type ResourceName } from "../registry";
import { functionExamples, importExamples, resourceExamples } from "./examples";
import { goImportPath, type Hosting } from "./languages";
import { csharpProgram } from "./programs/csharp";
import { goProgram } from "./programs/go";
import { javaProgram } from "./programs/java";
import { type Program, typed } from "./programs/program";
import { pythonProgram } from "./programs/python";
import { typescriptProgram } from "./programs/typescript";
import { yamlProgram } from "./programs/yaml";
import { tokenOf } from "./properties";
import { functionTexts, importTexts, remoteInId, resourceTexts } from "./texts";

export function resourceDescription(name: ResourceName, hosting: Hosting): string {
  return [resourceTexts[name], examples(resourceExamples[name], hosting), importSection(name)].join("\n\n");
}

export function functionDescription(name: FunctionName, hosting: Hosting): string {
  return [functionTexts[name], examples([functionExamples[name]], hosting)].join("\n\n");
}

function examples(programs: readonly Program[], hosting: Hosting): string {
  const texts = programs.flatMap((program) => [
    "{{% example %}}",
    `### ${program.title}`,
    ...Object.entries(inEachLanguage(program, hosting)).map(([language, text]) => fenced(language, text)),
    "{{% /example %}}",
  ]);
  return ["{{% examples %}}", "## Example Usage", ...texts, "{{% /examples %}}"].join("\n\n");
}

/** The text of a program by language, as code blocks name it. */
function inEachLanguage(program: Program, hosting: Hosting): Readonly<Record<string, string>> {
  const all = typed(program);
  return {
    yaml: yamlProgram(all),
    python: pythonProgram(all),
    go: goProgram(all, goImportPath(hosting)),
    csharp: csharpProgram(all),
    // What the class of a package's functions is called in Java, only its generator knows.
    ...(all.steps.every(({ kind }) => kind === "resource") && { java: javaProgram(all) }),
    typescript: typescriptProgram(all),
  };
}

function importSection(name: ResourceName): string {
  const { importId } = handlers[name];
  const form = [
    `What exists already is imported by an id of the form \`${importId.replaceAll("`", "")}\`.`,
    "What is in capitals is filled in.",
    ...(importId.includes("[") ? ["What is in square brackets may be left out."] : []),
    ...(importId.includes("REMOTE") ? [remoteInId] : []),
    importTexts[name],
  ];
  const commands = importExamples[name].map((id) => `$ pulumi import ${tokenOf(name)} example ${id}`);
  return ["## Import", form.join(" "), fenced("sh", commands.join("\n"))].join("\n\n");
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
