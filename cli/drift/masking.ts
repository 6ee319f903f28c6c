/** Keeps what is secret out of everything that is told. */
import { printable } from "../../provider/errors";
import { inPath } from "../../provider/lxd/rest-api";
import type { Observation } from "./report";

const masked = "[secret]";

/** What is no free text, or is in plain sight in the state of every stack. */
const plain = new Set([
  ...["stack", "urn", "urns", "kind", "status", "what", "type", "property", "code", "file"],
  ...["expiresAt", "fingerprint"],
]);

/** Puts `[secret]` in the place of secrets, in whatever form they are in a text. */
export function maskOf(secrets: Iterable<string>): (text: string) => string {
  const forms = [...new Set([...secrets].flatMap(formsOf))].sort((one, other) => other.length - one.length);
  return (text) =>
    forms.reduce(
      (rest, form) =>
        form.length <= rest.length && rest.includes(form) ? rest.replaceAll(form, masked) : rest,
      text,
    );
}

/** As it is, in quotes as JSON writes it, in a URL, and as messages show it. */
function formsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), inPath(secret), printable(secret)];
}

/** What was seen, without secrets. The names of resources and stacks are none. */
export function withoutSecrets(seen: Observation, mask: (text: string) => string): Observation {
  return maskIn(seen, mask) as Observation;
}

function maskIn(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((one) => maskIn(one, mask));
  if (typeof value !== "object" || value === null) return value;
  const isNamedByProgram = "urn" in value || "resources" in value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const stays = plain.has(key) || (key === "name" && isNamedByProgram);
      return [key, stays ? (inner as unknown) : maskIn(inner, mask)];
    }),
  );
}
