/** Calls a function's handler as its front does. */
import type { FunctionHandler } from "../../provider/handler";
import { ClientPool } from "../../provider/lxd/pool";
import { contextFor } from "../../provider/registry";
import { checkInputs } from "../../provider/schema";

/** What a function answers. Rejects where its arguments are wrong, or with what it throws. */
export async function callFunction<Args extends object, Result extends object>(
  handler: FunctionHandler<Args, Result>,
  args: Record<string, unknown>,
): Promise<Result> {
  const failures = checkInputs(handler, args);
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  const pool = new ClientPool();
  const surroundings = {
    ...{ config: {}, environment: {}, programDirectory: "/", now: () => new Date() },
    log: () => undefined,
  };
  try {
    const answer = await handler.call(contextFor(surroundings, pool), handler.args.parse(args));
    return handler.result.parse(answer);
  } finally {
    await pool.close();
  }
}
