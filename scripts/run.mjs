/** Runs other programs: their output is kept back and shown when they fail, or goes to the screen. */
import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync, readdirSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StepError, say } from "./steps.mjs";

/** Folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Lines of a failed program's output that are shown, at its beginning and at its end. */
const shownLines = { first: 12, last: 30 };
/** A program that is silent longer than this is mentioned again, in milliseconds. */
const reminderInterval = 30_000;
/** How long a program that was asked to end may take, in milliseconds. */
const patience = 20_000;

/**
 * @typedef {object} RunOptions
 * @property {string} [what] what is being done, as in "building the engine"; the error and the reminders say it
 * @property {string} [cwd] default: the checkout
 * @property {NodeJS.ProcessEnv} [env] the whole environment; default: this process's own
 * @property {boolean} [show] output goes to the screen instead of being kept
 * @property {string} [input] what the program reads on standard input; nothing by default
 * @property {readonly number[]} [expect] exit codes that are no failure; default: 0
 * @property {number} [seconds] after which the program is ended
 * @property {AbortSignal} [signal] ends the program
 * @property {boolean} [ownSession] apart from the terminal's Ctrl-C; what it leaves behind is ended with it
 * @property {boolean} [whileEnding] also when this process is being ended
 */

/**
 * @typedef {object} Outcome
 * @property {number} code exit code
 * @property {string} stdout
 * @property {string} output stdout and stderr as they came
 */

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null, error?: Error }} End */

/** @type {Set<() => Promise<unknown>>} how to end each program that is running */
const running = new Set();
let isEnding = false;

/**
 * Runs a program to its end. Rejects with a StepError that shows the end of its output where it fails.
 * @param {string} command
 * @param {readonly string[]} [args]
 * @param {RunOptions} [options]
 * @returns {Promise<Outcome>}
 */
export async function run(command, args = [], options = {}) {
  const { show = false, expect = [0], ownSession = false, input, seconds } = options;
  const what = options.what ?? [command, ...args].join(" ");
  if (isEnding && options.whileEnding !== true) throw new StepError(`${what}: interrupted`);
  const output = show ? "inherit" : "pipe";
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? process.env,
    detached: ownSession,
    stdio: [input === undefined ? "ignore" : "pipe", output, output],
  });
  let stdout = "";
  let both = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => ((stdout += text), (both += text)));
  child.stderr?.setEncoding("utf8").on("data", (text) => (both += text));
  // A program that does not read its input to the end breaks the pipe; its exit code tells what is wrong.
  child.stdin?.on("error", () => undefined).end(input);

  const end = endOf(child);
  const stop = () => stopProgram(child, end, ownSession);
  let outOfTime = false;
  const limit =
    seconds === undefined ? undefined : setTimeout(() => ((outOfTime = true), stop()), seconds * 1000);
  const reminder = show ? undefined : setInterval(() => say(`still ${what}`), reminderInterval);
  options.signal?.addEventListener("abort", stop, { once: true });
  running.add(stop);
  const { code, signal, error } = await end;
  running.delete(stop);
  options.signal?.removeEventListener("abort", stop);
  clearTimeout(limit);
  clearInterval(reminder);
  if (ownSession && child.pid !== undefined) endSession(child.pid);

  if (code !== null && !outOfTime && expect.includes(code)) return { code, stdout, output: both };
  const failed = signal === null ? `failed with exit code ${code}` : `was ended by ${signal}`;
  const reason = outOfTime ? `took longer than ${seconds} s` : (error?.message ?? failed);
  throw new StepError(`${what}: ${reason}\n${shorten(both)}`.trimEnd());
}

/** @param {string} output */
function shorten(output) {
  const lines = output.trimEnd().split("\n");
  const { first, last } = shownLines;
  if (lines.length <= first + last) return lines.join("\n");
  return [...lines.slice(0, first), "[...]", ...lines.slice(-last)].join("\n");
}

/**
 * Waits until a program has ended. A grandchild that keeps the pipes open does not hold this up for long.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<End>}
 */
function endOf(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("exit", (code, signal) => setTimeout(() => resolve({ code, signal }), 500));
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {Promise<End>} end
 * @param {boolean} ownSession
 */
async function stopProgram(child, end, ownSession) {
  // A program with a session of its own is the engine, which takes SIGINT as "finish what is in hand".
  child.kill(ownSession ? "SIGINT" : "SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), patience);
  await end;
  clearTimeout(force);
}

/** Ends all programs that {@link run} has running; from now on it starts only those that belong to the ending. */
export async function endRunning() {
  isEnding = true;
  await Promise.all([...running].map((stop) => stop()));
}

/**
 * Ends what is left of a session: the engine puts its plugins into process groups of their own, so that only the
 * session still tells whose they are.
 * @param {number} session
 */
export function endSession(session) {
  for (const name of process.platform === "linux" ? readdirSync("/proc") : []) {
    if (!/^\d+$/.test(name) || sessionOf(name) !== session) continue;
    try {
      process.kill(Number(name), "SIGKILL");
    } catch {
      // Ended by itself meanwhile.
    }
  }
}

/** @param {string} pid */
function sessionOf(pid) {
  try {
    // The second field is the program's name in brackets and may hold anything, so count from its end.
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[3]);
  } catch {
    return undefined;
  }
}

/** The folders of PATH, and those of system programs, which many users do not have there. */
export function pathFolders() {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return [...new Set([...folders, "/usr/local/sbin", "/usr/sbin", "/sbin"])];
}

/**
 * Where a program is, or undefined.
 * @param {string} name
 * @param {readonly string[]} [folders] default: PATH and the folders of system programs
 */
export function findProgram(name, folders = pathFolders()) {
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** @param {string} path */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
