/** Waiting for a connection, which ends in time whatever the other side does. */
import { AccessError } from "../../errors";

/** Somebody who waits for a connection. */
export interface Waiter {
  /** Aborted when the wait is over; its reason is what the wait then fails with. */
  readonly signal: AbortSignal;
  /** Takes down what has to come next, so that it can be told where it does not: a phrase, and a question to the user. */
  readonly waitsFor: (what: string) => void;
}

/**
 * Runs something that waits for a connection, which it has to end when the waiter's signal says so.
 * @throws AccessError LXD_TIMEOUT after that many seconds, with what was being waited for; whatever `run` throws.
 */
export async function withinTime<Value>(
  seconds: number,
  run: (waiter: Waiter) => Promise<Value>,
): Promise<Value> {
  const over = new AbortController();
  let awaited = "";
  const timer = setTimeout(
    () => {
      over.abort(new AccessError("LXD_TIMEOUT", `no connection within ${seconds} s: ${awaited}`));
    },
    Math.ceil(seconds * 1000),
  );
  try {
    return await run({
      signal: over.signal,
      waitsFor: (what) => {
        awaited = what;
      },
    });
  } finally {
    clearTimeout(timer);
  }
}
