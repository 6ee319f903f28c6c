/**
 * Processes that live beside a script. Each has a directory of its own, and carries its name in its environment: so a
 * pid read from a file later is never taken for another process that got the same number.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { StepError } from "./steps.mjs";

const marker = "LXD_ACCESS_DIRECTORY";

/**
 * Starts a process that outlives this one, with its output in a file.
 * @param {{ command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, directory: string, log: string }} options
 *   `directory`: what the process is known by; `log`: the file for its output
 * @returns {Promise<number>} its pid
 */
export async function startInBackground({ command, args, env, cwd, directory, log }) {
  const output = openSync(log, "a", 0o600);
  try {
    const child = spawn(command, args, {
      cwd,
      detached: true,
      env: { ...env, [marker]: directory },
      stdio: ["ignore", output, output],
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    return child.pid ?? NaN;
  } catch (error) {
    throw new StepError(
      `${command} cannot be started: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    closeSync(output);
  }
}

/**
 * Whether the process of a directory is alive. A zombie is not: it has no environment any more.
 * @param {number} pid
 * @param {string} directory
 */
export function isRunning(pid, directory) {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${marker}=${directory}`);
  } catch {
    return false;
  }
}

/**
 * Waits for the end of a process; false when it is still there after that many seconds.
 * @param {number} pid
 * @param {string} directory
 * @param {number} seconds
 */
export async function hasEnded(pid, directory, seconds) {
  const deadline = Date.now() + seconds * 1000;
  while (isRunning(pid, directory)) {
    if (Date.now() > deadline) return false;
    await pause(20);
  }
  return true;
}

/**
 * Sends a signal, if the process is still that of the directory.
 * @param {number} pid
 * @param {string} directory
 * @param {NodeJS.Signals} signal
 */
export function signalProcess(pid, directory, signal) {
  if (isRunning(pid, directory)) process.kill(pid, signal);
}

/**
 * The last lines of a log file.
 * @param {string} path
 */
export function tailOf(path) {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-20).join("\n");
  } catch {
    return "";
  }
}

/**
 * Unmounts whatever is mounted below a directory, and deletes it.
 * @param {string} directory
 */
export function removeDirectory(directory) {
  for (const path of mountsBelow(directory).reverse()) spawnSync("umount", ["-l", path]);
  const left = mountsBelow(directory);
  // Deleting through a mount would delete what is mounted there.
  if (left.length > 0) throw new StepError(`${directory} stays: ${left.join(", ")} cannot be unmounted`);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/**
 * Mount points below a directory, in the order in which they were mounted.
 * @param {string} directory
 */
function mountsBelow(directory) {
  try {
    const start = `${realpathSync(directory)}/`;
    return readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .map((path) => path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))))
      .filter((path) => path.startsWith(start));
  } catch {
    // No such directory, or not Linux: nothing is mounted there.
    return [];
  }
}
