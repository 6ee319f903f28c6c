/** Secrets in the place of something else: what a property holds that is not a secret one is stored and shown in plain text. */
import type { RawInputs } from "./handler";
import { decodeTrustToken } from "./lxd/trust-token";

/** A secret where none belongs, and why it cannot stay there, as a phrase. */
export interface MisplacedSecret {
  readonly path: readonly PropertyKey[];
  readonly reason: string;
}

/** No property is as deep. */
const deepest = 20;

/** Every private key and trust token that stands outside the paths of the secret properties, at any depth. */
export function misplacedSecrets(
  inputs: RawInputs,
  secretPaths: readonly (readonly string[])[],
): MisplacedSecret[] {
  const found: MisplacedSecret[] = [];
  const seen = new Set<unknown>();
  const waiting: { value: unknown; path: readonly PropertyKey[] }[] = [{ value: inputs, path: [] }];
  for (const { value, path } of waiting) {
    if (secretPaths.some((secret) => isSamePath(secret, path))) continue;
    if (typeof value === "string") {
      const reason = describeMisplaced(value, path);
      if (reason !== undefined) found.push({ path, reason });
    } else if (typeof value === "object" && value !== null && !seen.has(value) && path.length < deepest) {
      seen.add(value);
      for (const [key, inner] of Object.entries(value))
        waiting.push({ value: inner, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return found;
}

function isSamePath(one: readonly PropertyKey[], other: readonly PropertyKey[]): boolean {
  return one.length === other.length && one.every((step, index) => step === other[index]);
}

function describeMisplaced(text: string, path: readonly PropertyKey[]): string | undefined {
  const next = /certificate$/i.test(String(path.at(-1)))
    ? "give the certificate alone"
    : "here it would be stored and shown in plain text";
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return `must not hold a private key: ${next}`;
  return decodeTrustToken(text) === undefined ? undefined : `must not hold a trust token: ${next}`;
}
