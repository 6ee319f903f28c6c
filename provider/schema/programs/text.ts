/** What the texts of several languages are made of. */

/** Lines as they stand inside something: `indent` is one step of the language's. */
export function indented(indent: string, lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split("\n")).map((line) => (line === "" ? "" : indent + line));
}

/** `privateKeyPath` as `PrivateKeyPath`. */
export function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** `privateKeyPath` as `private_key_path`. */
export function snakeCased(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, "_$&").toLowerCase();
}

/** A text in double quotes, which all of the languages have. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
