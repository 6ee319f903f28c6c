/** Property values as the engine and a plugin exchange them. */
import { withoutMarks } from "../secrets";
import { unknownValue } from "../unknown";

/** Properties with the marks of secrets and the texts that stand for unknown values. */
export type WireProperties = Readonly<Record<string, unknown>>;

/** What the engine sends for a value that is not known yet, by the kind of value that it will be. */
const unknowns: ReadonlySet<unknown> = new Set([
  unknownValue,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** Properties as a handler takes them: without marks, with one text for what is unknown. What is null was left out. */
export function plainProperties(properties: WireProperties): Record<string, unknown> {
  const plain = withKnownUnknowns(withoutMarks(properties)) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null));
}

function withKnownUnknowns(value: unknown): unknown {
  if (unknowns.has(value)) return unknownValue;
  if (Array.isArray(value)) return value.map(withKnownUnknowns);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withKnownUnknowns(inner)]));
}
