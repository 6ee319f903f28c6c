/** Pulumi's wire form of a secret value, which marks it for the engine wherever it stands in an object. */

/** Key and value by which the engine knows a secret on the wire. */
const signature = { key: "4dabf18193072939515e22adb298388d", secret: "1b47061264138c4ac30d75fd1eb44270" };

/** Marks the values at some paths as secret. What is absent stays absent; the object given stays as it is. */
export function withSecrets(
  value: Readonly<Record<string, unknown>>,
  paths: readonly (readonly string[])[],
): Record<string, unknown> {
  return paths.reduce<Record<string, unknown>>((object, path) => markAt(object, path), { ...value });
}

function markAt(
  object: Readonly<Record<string, unknown>>,
  [key, ...rest]: readonly string[],
): Record<string, unknown> {
  if (key === undefined || object[key] === undefined) return { ...object };
  const inner = object[key];
  if (rest.length === 0) return { ...object, [key]: asSecret(inner) };
  return isObject(inner) ? { ...object, [key]: markAt(inner, rest) } : { ...object };
}

function asSecret(value: unknown): unknown {
  return { [signature.key]: signature.secret, value };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
