/**
 * Whether a version is as new as another one.
 * @param {string} found as in "3.259.0"; a text that is no version is old
 * @param {string} wanted
 */
export function isAtLeast(found, wanted) {
  const parts = found.split(".").map(Number);
  for (const [index, part] of wanted.split(".").map(Number).entries()) {
    const difference = (parts[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
