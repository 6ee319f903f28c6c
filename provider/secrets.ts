/** Pulumi's wire form of a secret value, which marks it for the engine wherever it stands in an object. */

/** Key and value by which the engine knows a secret on the wire. */
const signature = { key: "4dabf18193072939515e22adb298388d", secret: "1b47061264138c4ac30d75fd1eb44270" };

/** Marks the values at some paths as secret, but nothing inside another secret. What is absent stays absent; the object given stays as it is. */
export function withSecrets(
  value: Readonly<Record<string, unknown>>,
  paths: readonly (readonly string[])[],
): Record<string, unknown> {
  return [...paths]
    .sort((one, other) => one.length - other.length)
    .reduce<Record<string, unknown>>((object, path) => markAt(object, path), { ...value });
}

/** A value in plain form: the secrets in it, at any depth, without their marks. */
export function withoutMarks(value: unknown): unknown {
  if (isMarked(value)) return withoutMarks(value["value"]);
  if (Array.isArray(value)) return value.map(withoutMarks);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutMarks(inner)]));
}

/** A value as a stack that is exported with its secrets shown has it, and an import file: what is marked is JSON in plain text. */
export function asExported(value: unknown): unknown {
  if (isMarked(value))
    return {
      [signature.key]: signature.secret,
      plaintext: JSON.stringify(withoutMarks(value["value"])),
    };
  if (Array.isArray(value)) return value.map(asExported);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asExported(inner)]));
}

/**
 * A value of an exported stack in plain form, its secrets shown. `onSecret` is told each of them.
 * @throws SyntaxError where what is marked is no JSON, TypeError where it is not shown.
 */
export function fromExported(value: unknown, onSecret: (secret: unknown) => void): unknown {
  if (isMarked(value)) {
    const { plaintext } = value;
    if (typeof plaintext !== "string") throw new TypeError("a secret in it is not shown");
    const secret = fromExported(JSON.parse(plaintext), onSecret);
    onSecret(secret);
    return secret;
  }
  if (Array.isArray(value)) return value.map((one) => fromExported(one, onSecret));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, fromExported(inner, onSecret)]),
  );
}

/** The paths of the secrets in an object; of one in a list the path of the list. */
export function markedPaths(value: Readonly<Record<string, unknown>>): string[][] {
  return Object.entries(value).flatMap(([name, inner]) => {
    if (isMarked(inner) || (Array.isArray(inner) && hasMark(inner))) return [[name]];
    return isObject(inner) ? markedPaths(inner).map((path) => [name, ...path]) : [];
  });
}

function hasMark(value: unknown): boolean {
  if (isMarked(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasMark);
}

/** The value at a path; undefined where there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (Reflect.get(inner, key) as unknown) : undefined,
    value,
  );
}

function markAt(
  object: Readonly<Record<string, unknown>>,
  [key, ...rest]: readonly string[],
): Record<string, unknown> {
  if (key === undefined || object[key] === undefined) return { ...object };
  const inner = object[key];
  if (rest.length === 0) return { ...object, [key]: asSecret(inner) };
  return isObject(inner) && !isMarked(inner) ? { ...object, [key]: markAt(inner, rest) } : { ...object };
}

function asSecret(value: unknown): unknown {
  return isMarked(value) ? value : { [signature.key]: signature.secret, value };
}

function isMarked(value: unknown): value is Record<string, unknown> {
  return isObject(value) && value[signature.key] === signature.secret;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
