import { AccessError } from "../../errors";

/** When waiting for a connection ends. `seconds` is what the user said, for the message. */
export interface Deadline {
  /** As of `performance.now()`. */
  readonly at: number;
  readonly seconds: number;
}

/** The deadline that many seconds from now. */
export function deadlineIn(seconds: number): Deadline {
  return { at: performance.now() + seconds * 1000, seconds };
}

/**
 * Waits for something until the deadline; then `giveUp` is called, and what comes later is of no interest.
 * @throws AccessError LXD_TIMEOUT at the deadline; whatever the promise is rejected with.
 */
export async function withinTime<Value>(
  { at, seconds }: Deadline,
  promise: Promise<Value>,
  giveUp: () => void = () => undefined,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(new AccessError("LXD_TIMEOUT", `no SSH connection within ${seconds} s`));
        giveUp();
      },
      Math.max(0, at - performance.now()),
    );
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}
