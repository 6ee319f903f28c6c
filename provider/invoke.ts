/**
 * The function front: a program asks a server or a client directory something, in the program's own process, since Pulumi's
 * dynamic providers have no functions. Loaded only when the first function is called.
 */
import { configNames } from "./connection";
import { callFunction } from "./function-front";
import type { RawInputs } from "./handler";
import { ClientPool } from "./lxd/pool";
import { contextFor, type FunctionName, type Surroundings } from "./registry";

/** What the front of the program knows. */
export interface Program {
  /** Stack config of the namespace `lxd-access`, as text. */
  readonly config: (name: string) => string | undefined;
  readonly log: Surroundings["log"];
}

/** Shared by the calls that run at the same time; an open connection would keep the program from ending. */
let pool = new ClientPool();
let running = 0;

/** Calls a function. Rejects with an error whose message is for the user: INPUT_INVALID, or what the function throws. */
export async function invoke(name: FunctionName, inputs: RawInputs, program: Program): Promise<object> {
  const surroundings = {
    config: Object.fromEntries(configNames.map((key) => [key, program.config(key)])),
    environment: process.env,
    programDirectory: process.cwd(),
    now: () => new Date(),
    log: program.log,
  };
  running++;
  try {
    return await callFunction(name, inputs, () => contextFor(surroundings, pool));
  } finally {
    running--;
    if (running === 0) {
      const done = pool;
      pool = new ClientPool();
      await done.close();
    }
  }
}
