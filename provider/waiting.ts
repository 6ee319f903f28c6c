/**
 * Waits for something, unless the signal is aborted first: then `giveUp` is called, what comes later is of no interest, and
 * the signal's reason is thrown.
 */
export async function unlessAborted<Value>(
  signal: AbortSignal,
  promise: Promise<Value>,
  giveUp: () => void = () => undefined,
): Promise<Value> {
  let stop = (): void => undefined;
  const end = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error);
      giveUp();
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
