/** The stack traces that Pulumi notes while a resource is made. */

/** What V8 has make the text of a trace. */
type Format = (error: Error, frames: readonly NodeJS.CallSite[]) => unknown;
const hook = "prepareStackTrace";

/**
 * From now on, until what this answers is called, the promises that Pulumi makes for a resource's properties are noted without a
 * stack trace. Only PULUMI_DEBUG_PROMISE_LEAKS shows those, and with it they stay. Under ts-node each trace is mapped to the
 * program's sources, which takes as long as all else that a program does for a resource. Every other trace is as it was.
 */
export function leaveOutPromiseTraces(): () => void {
  const format = Reflect.get(Error, hook) as Format | undefined;
  // Where nothing maps traces, they cost little.
  if (format === undefined || process.env["PULUMI_DEBUG_PROMISE_LEAKS"] !== undefined) return () => undefined;
  const formatOthers: Format = (error, frames) =>
    frames[0]?.getFunctionName() === "debuggablePromise"
      ? String(error)
      : Reflect.apply(format, Error, [error, frames]);
  Reflect.set(Error, hook, formatOthers);
  return () => {
    Reflect.set(Error, hook, format);
  };
}
