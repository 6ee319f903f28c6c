/**
 * Tells the user what is being done and how long it takes.
 * Like all scripts here it uses nothing but Node itself, because it runs before anything is installed.
 */
import { createInterface } from "node:readline";

const started = Date.now();

/** @type {NodeJS.WritableStream} */
let screen = process.stdout;

/** A failure whose message is all the user needs; it is shown without a stack. */
export class StepError extends Error {}

/** From now on the scripts speak on standard error, because standard output belongs to a program that is passed through. */
export function speakOnStandardError() {
  screen = process.stderr;
}

/**
 * Prints a step, with the seconds since the script began.
 * @param {string} text
 */
export function say(text) {
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  screen.write(`${seconds.padStart(6)}s  ${text}\n`);
}

/**
 * Prints lines that belong to the step before.
 * @param {string} text one or more lines
 */
export function detail(text) {
  for (const line of text.trimEnd().split("\n")) screen.write(`         ${line}`.trimEnd() + "\n");
}

/** Whether somebody is there to answer a question. */
export function hasTerminal() {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/**
 * Asks a yes-or-no question on the terminal. Anything but a clear yes, the end of input included, is a no.
 * @param {string} question
 * @returns {Promise<boolean>}
 */
export function ask(question) {
  // `terminal: false` leaves the terminal in its normal mode, so that Ctrl-C still is a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  screen.write(`         ${question} [y/N] `);
  return new Promise((resolve) => {
    let answer = "";
    lines.once("line", (line) => {
      answer = line.trim();
      lines.close();
    });
    lines.once("close", () => {
      process.stdin.unref?.();
      resolve(/^y(es)?$/i.test(answer));
    });
  });
}
