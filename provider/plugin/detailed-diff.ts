/** A handler's difference in the engine's terms: each path that differs, and what happens there. */
import { isDeepStrictEqual } from "node:util";
import type { Difference, RawInputs } from "../handler";
import { isOrIsInside, propertyPath } from "../schema";

/** What happens to the property at a path. */
export interface PathDifference {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  /** Whether only a new resource can have it. */
  readonly replaces: boolean;
  /** Whether the inputs differ; otherwise it is what the server or a client directory holds. */
  readonly isInput: boolean;
}

/**
 * The paths that differ, in the order of their properties. `ignored` are the paths of the option ignoreChanges: for these the
 * engine has put the old inputs back already, so that only what the server holds can differ.
 */
export function detailedDiff(
  { changed, replaces }: Difference,
  before: RawInputs,
  after: RawInputs,
  ignored: readonly string[],
): PathDifference[] {
  return changed
    .flatMap((name) => {
      const leaves = leavesThatDiffer([name], before[name], after[name]);
      const found = leaves.length > 0 ? leaves : [{ path: name, kind: "update" as const, isInput: false }];
      return found.map((leaf) => ({ ...leaf, replaces: replaces.includes(name) }));
    })
    .filter(({ path }) => !ignored.some((one) => one === "*" || isOrIsInside(path, one)));
}

function leavesThatDiffer(
  steps: readonly PropertyKey[],
  before: unknown,
  after: unknown,
): Omit<PathDifference, "replaces">[] {
  if (isDeepStrictEqual(before, after)) return [];
  const path = propertyPath(steps);
  if (before === undefined) return [{ path, kind: "add", isInput: true }];
  if (after === undefined) return [{ path, kind: "delete", isInput: true }];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after))
    return [{ path, kind: "update", isInput: true }];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    leavesThatDiffer(
      [...steps, Array.isArray(before) ? Number(key) : key],
      own(before, key),
      own(after, key),
    ),
  );
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function own(container: object, key: string): unknown {
  return Object.hasOwn(container, key) ? (Reflect.get(container, key) as unknown) : undefined;
}
