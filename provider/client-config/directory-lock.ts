import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Call, currentCall } from "../call";
import { removeTemporaries } from "./atomic-file";
import { ConfigProblem, isSystemError } from "./config-problem";

/** How patient {@link withDirectoryLock} is. Both in milliseconds. */
export interface LockTiming {
  /** How long to wait for another process. More than `stale`, so that the lock of a dead one is outlived. */
  wait: number;
  /** A lock that its holder has not touched for this long is a dead process's and is taken over; at least 2000. */
  stale: number;
}

const usualTiming: LockTiming = { wait: 30_000, stale: 10_000 };
const lockName = "config.yml.lock";
const takeoverMilliseconds = 100;

/** The last piece of work queued in this process for a directory; it never rejects. */
const queues = new Map<string, Promise<void>>();

/**
 * Does work on a client directory that exists while no other process that uses this function does.
 *
 * `lxc` and `incus` know no lock: against them writers compare what they read before they write, and read back.
 *
 * @throws ConfigProblem where the lock stays another's for `timing.wait`.
 */
export async function withDirectoryLock<T>(
  directory: string,
  work: () => Promise<T>,
  timing: LockTiming = usualTiming,
): Promise<T> {
  const place = await realpath(directory);
  // Within the process a queue, so that a fleet's remotes do not poll against each other.
  const call = currentCall();
  const turn = inTurn(place, async () => {
    const release = await acquire(place, timing, call);
    return call.whole(async () => {
      try {
        await removeRemains(place);
        return await work();
      } finally {
        // The work is done. A lock that cannot be removed (or was taken over meanwhile) must not turn it into a failure.
        await release().catch(() => undefined);
      }
    });
  });
  return call.wait(`Waiting for the client directory ${directory}`, turn);
}

/** What a process that held the lock was killed over is nobody's now. */
async function removeRemains(directory: string): Promise<void> {
  // A configDir may be a folder of other programs, too.
  for (const start of ["config.yml.", "client."]) await removeTemporaries(directory, start);
  for (const folder of ["servercerts", "clientcerts"]) await removeTemporaries(join(directory, folder));
  const config = await realpath(join(directory, "config.yml")).catch(() => undefined);
  // Behind a link there may be others' files.
  if (config !== undefined) await removeTemporaries(dirname(config), basename(config));
}

function inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(place) ?? Promise.resolve();
  const result = before.then(work);
  const end = result.then(
    () => undefined,
    () => undefined,
  );
  queues.set(place, end);
  void end.then(() => {
    if (queues.get(place) === end) queues.delete(place);
  });
  return result;
}

async function acquire(
  directory: string,
  timing: LockTiming,
  { stopped }: Call,
): Promise<() => Promise<void>> {
  const lockfilePath = join(directory, lockName);
  const deadline = performance.now() + timing.wait;
  for (;;) {
    stopped.throwIfAborted();
    const release = await tryToAcquire(directory, lockfilePath, timing.stale);
    if (release !== undefined) return release;
    if (performance.now() >= deadline) throw heldTooLong(lockfilePath, timing);
    await delay(20 + Math.random() * 40);
  }
}

/** One try; undefined where another process has the lock. */
async function tryToAcquire(
  directory: string,
  lockfilePath: string,
  stale: number,
): Promise<(() => Promise<void>) | undefined> {
  const { lock } = await import("proper-lockfile");
  const old = await statOf(lockfilePath);
  const isTakeover = old !== undefined && Number(old.mtimeMs) < Date.now() - stale;
  // A process that slept past `stale` loses its lock. By default that would end the process; here every write is
  // compared and read back anyway.
  const options = { lockfilePath, realpath: false, stale, onCompromised: () => undefined };
  try {
    const release = await lock(directory, options);
    return !isTakeover || (await isSettled(lockfilePath)) ? release : undefined;
  } catch (error) {
    if (isSystemError(error, "ELOCKED")) return undefined;
    // The lock was made and is gone again: a rival took over the same dead process's lock.
    if (isSystemError(error, "ENOENT") && error.syscall !== "mkdir") return undefined;
    throw error;
  }
}

/**
 * Whether a lock that was taken over is still ours a little later. Removing a dead process's lock is not atomic: a
 * rival that saw it too may have removed ours for it. Then the lock is the rival's, and must not be released here.
 */
async function isSettled(lockfilePath: string): Promise<boolean> {
  const taken = await statOf(lockfilePath);
  await delay(takeoverMilliseconds);
  const found = await statOf(lockfilePath);
  return found !== undefined && found.ino === taken?.ino && found.ctimeNs === taken.ctimeNs;
}

async function statOf(path: string) {
  return stat(path, { bigint: true }).catch(() => undefined);
}

function heldTooLong(lockfilePath: string, timing: LockTiming): ConfigProblem {
  return new ConfigProblem(
    `another process has held the lock ${lockfilePath} for ${Math.round(timing.wait / 1000)} seconds`,
    "Let it finish and run again; if no such process runs, remove that directory",
  );
}
