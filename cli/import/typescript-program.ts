/** The program in TypeScript that says what was taken over, as a person would write it and Prettier would leave it. */
import { printable } from "../../provider/errors";
import { commentsOf, type Program } from "./program";
import type { Taken } from "./take";

/** Columns, as Prettier counts them where nothing else is said. */
const width = 80;

export function typescriptProgram(program: Program): string {
  const { head, titles, foot } = commentsOf(program);
  const classes = [
    ...new Set(program.groups.flatMap(({ taken }) => taken.map(({ resource }) => resource))),
  ].sort();
  const blocks = program.groups.flatMap(({ taken }, index) => {
    const [first = "", ...others] = taken.map((one) => resourceLines(one).join("\n"));
    return [`// ${titles[index] ?? ""}\n${first}`, ...others];
  });
  return [
    ...[comment(head).join("\n"), `import { ${classes.join(", ")} } from "pulumi-lxd-access";`],
    ...blocks,
    ...(foot.length === 0 ? [] : [comment(foot).join("\n")]),
  ]
    .map((block) => `${block}\n`)
    .join("\n");
}

function comment(lines: readonly string[]): string[] {
  return lines.map((line) => `// ${line}`);
}

function resourceLines({ resource, name, inputs }: Taken): string[] {
  return [
    `new ${resource}(`,
    `  ${literal(name)},`,
    "  {",
    ...Object.entries(inputs).flatMap(([key, value]) => propertyLines(key, value, "    ")),
    "  },",
    "  { protect: true },",
    ");",
  ];
}

/** A property on a line of its own where it fits, and else as Prettier breaks it. */
function propertyLines(key: string, value: unknown, indent: string): string[] {
  const line = `${indent}${key}: ${literal(value)},`;
  const inner = `${indent}  `;
  if (widthOf(line) <= width) return [line];
  if (Array.isArray(value))
    return [`${indent}${key}: [`, ...value.map((one) => `${inner}${literal(one)},`), `${indent}],`];
  if (isObject(value))
    return [
      `${indent}${key}: {`,
      ...Object.entries(value).flatMap(([name, one]) => propertyLines(name, one, inner)),
      `${indent}},`,
    ];
  return [`${indent}${key}:`, `${inner}${literal(value)},`];
}

function literal(value: unknown): string {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (!isObject(value)) return String(value);
  const all = Object.entries(value).map(([key, one]) => `${key}: ${literal(one)}`);
  return `{ ${all.join(", ")} }`;
}

/** Between the quotes of which there are fewer inside. What cannot be seen is escaped, as programs are read by people. */
function text(value: string): string {
  const escaped = printable(JSON.stringify(value).slice(1, -1));
  if (value.split('"').length <= value.split("'").length) return `"${escaped}"`;
  const single = escaped.replace(/\\.|'/gsu, (found) => {
    if (found === '\\"') return '"';
    return found === "'" ? "\\'" : found;
  });
  return `'${single}'`;
}

const wide =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|\uFE0F/u;

/** Columns on a screen: characters of East Asia and pictures take two. */
function widthOf(line: string): number {
  const characters = Array.from(new Intl.Segmenter().segment(line));
  return characters.reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
