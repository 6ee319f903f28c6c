import { strict as assert } from "node:assert";

/** Stands for any value but undefined and null. */
export const ANYTHING = "{anything}";
/** Stands for a key that must not be there. */
export const ABSENT = "{absent}";

/**
 * Asserts that `actual` has everything in `wanted`: objects may have more keys, lists must match item by item,
 * texts may be given as patterns, all else must be equal. {@link ANYTHING} and {@link ABSENT} stand for values.
 */
export function assertContains(actual: unknown, wanted: unknown, path: string): void {
  if (wanted === ANYTHING) {
    assert.ok(actual !== undefined && actual !== null, `${path} must be there`);
    return;
  }
  if (wanted === ABSENT) {
    assert.equal(actual, undefined, `${path} must be absent`);
    return;
  }
  if (wanted instanceof RegExp) {
    assert.match(String(actual), wanted, path);
    return;
  }
  if (Array.isArray(wanted)) {
    assert.ok(Array.isArray(actual), `${path} must be a list`);
    assert.equal(actual.length, wanted.length, `number of ${path}: ${JSON.stringify(actual)}`);
    for (const [index, item] of wanted.entries()) assertContains(actual[index], item, `${path}[${index}]`);
    return;
  }
  if (typeof wanted === "object" && wanted !== null) {
    assert.ok(typeof actual === "object" && actual !== null, `${path} must be an object`);
    const found = new Map<string, unknown>(Object.entries(actual));
    for (const [key, value] of Object.entries(wanted))
      assertContains(found.get(key), value, `${path}.${key}`);
    return;
  }
  assert.deepEqual(actual, wanted, path);
}
