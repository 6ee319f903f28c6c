import { setTimeout as delay } from "node:timers/promises";

const patienceMilliseconds = 2000;
const pauseMilliseconds = 50;

/**
 * Reads again and again, for two seconds at most, until the thing read is whole: `lxc` and `incus` truncate a file
 * and then fill it, so what is found may be half a file.
 *
 * @returns what was read last, whole or not.
 */
export async function rereadUntil<T>(read: () => Promise<T>, isWhole: (found: T) => boolean): Promise<T> {
  const deadline = performance.now() + patienceMilliseconds;
  for (;;) {
    const found = await read();
    if (isWhole(found) || performance.now() >= deadline) return found;
    await delay(pauseMilliseconds);
  }
}
