/** Ends a script well: what was set up is taken down at the normal end, after a failure and on a signal alike. */
import { endRunning } from "./run.mjs";
import { StepError, say } from "./steps.mjs";

/** @type {{ what: string, undo: () => Promise<void> | void }[]} */
const pending = [];

/** @type {Promise<never> | undefined} */
let ending;

/**
 * Remembers what has to be undone when the script ends. The newest is undone first.
 * @param {string} what what cannot be undone, for the message if it fails: "removing the folder /tmp/x"
 * @param {() => Promise<void> | void} undo
 */
export function atEnd(what, undo) {
  pending.push({ what, undo });
}

/** Leaves everything as it is: nothing remembered so far is undone. */
export function leaveAsIs() {
  pending.length = 0;
}

let isMain = false;

/** Whether the process ends in order when a signal tells it to: it runs a body of {@link main}. */
export function endsInOrder() {
  return isMain;
}

/** Whether the process is being ended, so that nothing new is to be started. */
export function isEnding() {
  return ending !== undefined;
}

/** Undoes everything now; true when all of it succeeded. */
export async function undoAll() {
  let isComplete = true;
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    try {
      await step.undo();
    } catch (error) {
      isComplete = false;
      say(`${step.what} failed: ${describe(error)}`);
    }
  }
  return isComplete;
}

/**
 * Runs a script's body and ends the process: with the exit code that the body returns, 1 after an error, 128 plus
 * the signal's number after a signal.
 * @param {() => Promise<number>} body
 */
export function main(body) {
  isMain = true;
  const end = (/** @type {number} */ code) => {
    if (ending === undefined) ending = finish(code);
    return ending;
  };
  for (const [signal, number] of /** @type {const} */ ([
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ])) {
    process.on(signal, () => {
      if (ending === undefined) say(`${signal}: ending`);
      void end(128 + number);
    });
  }
  const fail = (/** @type {unknown} */ error) => {
    // While the process ends, whatever was going on fails because of that; nobody wants to read it.
    if (ending === undefined) say(describe(error));
    void end(1);
  };
  process.on("uncaughtException", fail);
  body().then(end, fail);
}

/**
 * @param {number} code
 * @returns {Promise<never>}
 */
async function finish(code) {
  await endRunning();
  const isComplete = await undoAll();
  process.exit(isComplete ? code : code || 1);
}

/** @param {unknown} error */
function describe(error) {
  if (error instanceof StepError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
