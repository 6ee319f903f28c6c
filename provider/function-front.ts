/** What both fronts of the functions do alike. */
import { asAccessError } from "./errors";
import type { Context, FunctionHandler, RawInputs } from "./handler";
import { type FunctionName, functions } from "./registry";
import { parseInputs } from "./schema";

/** Calls a function. Rejects with an error whose message is for the user: INPUT_INVALID, or what the function throws. */
export async function callFunction(
  name: FunctionName,
  inputs: RawInputs,
  context: () => Context,
): Promise<object> {
  const handler: FunctionHandler<object, object> = functions[name];
  const args = parseInputs(name, handler, inputs);
  try {
    return await handler.call(context(), args);
  } catch (error) {
    throw asAccessError(name, error);
  }
}
