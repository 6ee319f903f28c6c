/** `npm run pulumi -- ARGS`: the Pulumi CLI that the set-up found or brought. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { main } from "./ending.mjs";
import { pathWith } from "./environment.mjs";
import { setUp } from "./setup.mjs";
import { StepError, speakOnStandardError } from "./steps.mjs";

speakOnStandardError();
main(async () => {
  const { pulumi, reasons } = await setUp({ pulumi: true });
  if (pulumi === undefined) throw new StepError(reasons.pulumi ?? "");
  return passThrough(pulumi, process.argv.slice(2));
});

/**
 * Gives the terminal to the engine, in the folder the user is in: npm itself goes to the checkout's.
 * @param {import("./engine.mjs").Engine} engine
 * @param {readonly string[]} args
 * @returns {Promise<number>} its exit code
 */
function passThrough(engine, args) {
  const cwd = process.env["INIT_CWD"] ?? process.cwd();
  const child = spawn(engine.command, args, {
    cwd,
    env: { ...process.env, PATH: pathWith(engine) },
    stdio: "inherit",
  });
  // The engine ends well by itself on a signal. The terminal's Ctrl-C reaches it without our help.
  process.removeAllListeners("SIGINT").on("SIGINT", () => undefined);
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) {
    process.removeAllListeners(signal).on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal])),
    );
  });
}
