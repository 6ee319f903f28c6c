/** XML and HTML in which every text is escaped, since only what is written out in the program's source is markup. */
import { printable } from "../../../provider/errors";

/** What is markup already. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What can stand in {@link markup}: texts, which are escaped, and markup. */
type Content = Markup | string | number | undefined | readonly Content[];

/** As in markup`<b>${name}</b>`; what is put into an attribute has to stand in double quotes. */
export function markup(literals: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const parts = literals.map((literal, index) => `${literal}${written(contents[index])}`);
  return new Markup(parts.join(""));
}

/** Several one after the other, each on a line of its own. */
export function lines(contents: readonly Content[]): Markup {
  return new Markup(contents.map(written).join("\n"));
}

function written(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "string") return escaped(content);
  return typeof content === "number" ? String(content) : content.map(written).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  // XML has no such characters, not even escaped.
  "\ufffe": String.raw`\u{fffe}`,
  "\uffff": String.raw`\u{ffff}`,
};

/**
 * What reads a build's log takes `##` and `::` for commands: see withoutCommands. Written like this they are the same to a reader of
 * markup.
 */
function escaped(text: string): string {
  return printable(text)
    .replace(/[&<>"'\ufffe\uffff]/g, (character) => entities[character] ?? "")
    .replace(/([#:])(?=\1)/g, (character) => `&#${character.charCodeAt(0)};`);
}
