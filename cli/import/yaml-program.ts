/** What a program in YAML has of what was taken over: its `resources`. */
import { commentsOf, type Program } from "./program";
import type { Taken } from "./take";

export function yamlProgram(program: Program): string {
  const { head, titles, foot } = commentsOf(program);
  const blocks = program.groups.flatMap(({ taken }, index) => {
    const [first = "", ...others] = taken.map((one) => resourceLines(one).join("\n"));
    return [`  # ${titles[index] ?? ""}\n${first}`, ...others];
  });
  return [
    [...comment(head), "resources:", blocks.join("\n\n")].join("\n"),
    ...(foot.length === 0 ? [] : [comment(foot).join("\n")]),
  ]
    .map((block) => `${block}\n`)
    .join("\n");
}

function comment(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line}`);
}

function resourceLines({ resource, name, inputs }: Taken): string[] {
  return [
    `  ${/^[a-z][\w-]*$/i.test(name) ? name : text(name)}:`,
    `    type: lxd-access:${resource}`,
    "    properties:",
    ...Object.entries(inputs).map(([key, value]) => `      ${key}: ${literal(value)}`),
    "    options:",
    "      protect: true",
  ];
}

function literal(value: unknown): string {
  // In a value `$` begins a reference to another resource.
  if (typeof value === "string") return text(value.replaceAll("$", "$$$$"));
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const all = Object.entries(value).map(([key, one]) => `${key}: ${literal(one)}`);
  return `{ ${all.join(", ")} }`;
}

/** What JSON calls a string is one in YAML. What cannot be seen is escaped, as YAML does it. */
function text(value: string): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`,
  );
}
