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
  const format = Reflect.get(Error, hook) as Format | null | undefined;
  // Where nothing maps traces, they cost little.
  if (typeof format !== "function" || process.env["PULUMI_DEBUG_PROMISE_LEAKS"] !== undefined)
    return () => undefined;
  const formatOthers: Format = (error, frames) =>
    frames[0]?.getFunctionName() === "debuggablePromise"
      ? String(error)
      : Reflect.apply(format, Error, [error, frames]);
  Reflect.set(Error, hook, formatOthers);
  return () => {
    // What else was set up meanwhile, by code of the program that runs in a constructor, stays.
    if (Reflect.get(Error, hook) === formatOthers) Reflect.set(Error, hook, format);
  };
}
