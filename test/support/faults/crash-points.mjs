/**
 * The points at which a process can die: before, in the middle of and after everything that it does to a server or to the
 * files of its folder. They are found out while it works, and are told one a line; at one of them something is killed.
 *
 * Loaded before the provider's code: by one-call.mjs, or with `node --import` into the engine's provider process, which
 * then finds its order in the environment.
 */
import { subscribe } from "node:diagnostics_channel";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { relative, resolve } from "node:path";

/**
 * @typedef {object} Order
 * @property {string} trace file for the points, in the order in which they were reached
 * @property {string} [at] the point at which to kill
 * @property {number} [victim] pid of the process to kill; default: this one
 */

const require = createRequire(import.meta.url);
const fs = /** @type {typeof import("node:fs")} */ (require("node:fs"));
const promises = /** @type {typeof import("node:fs/promises")} */ (require("node:fs/promises"));

/** @type {Order | undefined} */
let order;
/** @type {Map<string, number>} */
const times = new Map();
// Those of before the calls are watched.
const { appendFileSync, existsSync, readFileSync } = fs;
const folder = process.cwd();

/**
 * From here on points are told, and one of them may be the last.
 * @param {Order} given
 */
export function crashAt(given) {
  order = given;
}

const fromEnvironment = process.env["CRASH_POINTS"];
// The engine starts other processes with the same environment, such as the program's.
if (fromEnvironment !== undefined && process.argv[1]?.includes("dynamic-provider"))
  crashAt(JSON.parse(fromEnvironment));

/**
 * A point is reached. Answers whether it is the one to kill at.
 * @param {"before" | "amid" | "after"} when
 * @param {string} what
 */
function isFatal(when, what) {
  if (order === undefined) return false;
  const plain = `${when} ${what}`;
  const time = (times.get(plain) ?? 0) + 1;
  times.set(plain, time);
  const point = time === 1 ? plain : `${plain} (${time})`;
  appendFileSync(order.trace, `${point}\n`);
  return point === order.at;
}

/** Returns only where somebody else was to be killed, once that is dead. */
function kill() {
  const victim = order?.victim ?? process.pid;
  process.kill(victim, "SIGKILL");
  while (isAlive(victim)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    // A zombie is dead; its parent may be in no hurry.
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/**
 * @param {"before" | "after"} when
 * @param {string | undefined} what
 */
function pass(when, what) {
  if (what !== undefined && isFatal(when, what)) kill();
}

// What a server is asked, whatever the way in. GET changes nothing.
for (const [channel, when] of /** @type {const} */ ([
  ["undici:client:sendHeaders", "before"],
  ["undici:request:headers", "after"],
]))
  subscribe(channel, (message) => {
    const { method, path } = /** @type {{ request: { method: string, path: string } }} */ (message).request;
    if (method === "GET") return;
    const place = path
      .replace(/[0-9a-f]{64}/g, "FINGERPRINT")
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID");
    pass(when, `${method} ${place}`);
  });

/** Calls that change files, and which of their arguments says which. */
const changes = {
  ...{ appendFile: 0, chmod: 0, chown: 0, lchown: 0, lutimes: 0, mkdir: 0, mkdtemp: 0, rm: 0, rmdir: 0 },
  ...{ truncate: 0, unlink: 0, utimes: 0, writeFile: 0, copyFile: 1, cp: 1, link: 1, rename: 1, symlink: 1 },
};

/** Paths that `rm` was called for. @type {Set<unknown>} */
const removing = new Set();

/**
 * What a call changes, in words; undefined where it is none of this folder's files, or removes what is not there.
 * @param {string} call
 * @param {readonly unknown[]} args
 */
function describe(call, args) {
  const path = args[changes[/** @type {keyof typeof changes} */ (call)] ?? 0];
  if (typeof path !== "string") return undefined;
  const name = nameOf(path);
  if (name === undefined || (/^(rm|rmdir|unlink)$/.test(call) && !existsSync(path))) return undefined;
  // Called by `rm`, which is watched already.
  if (call === "unlink" && removing.has(path)) return undefined;
  return `${call} ${name}${call === "mkdtemp" ? "*" : ""}`;
}

/**
 * The same in each run.
 * @param {string} path
 */
function nameOf(path) {
  const name = relative(folder, resolve(folder, path));
  if (name === "" || name.startsWith("..")) return undefined;
  return name.replace(/\.[0-9a-f]{12}\.tmp$/, ".*.tmp");
}

/** @typedef {(...args: unknown[]) => unknown} AnyCall */

for (const call of Object.keys(changes)) {
  const byPromise = /** @type {AnyCall} */ (Reflect.get(promises, call));
  Reflect.set(promises, call, async (/** @type {unknown[]} */ ...args) => {
    const what = describe(call, args);
    pass("before", what);
    if (call === "rm") removing.add(args[0]);
    const result = await byPromise(...args);
    pass("after", what);
    return result;
  });
  const byCallback = /** @type {AnyCall} */ (Reflect.get(fs, call));
  Reflect.set(fs, call, (/** @type {unknown[]} */ ...args) => {
    const what = describe(call, args);
    const done = /** @type {AnyCall} */ (args.pop());
    pass("before", what);
    return byCallback(...args, (/** @type {unknown[]} */ ...results) => {
      pass("after", what);
      done(...results);
    });
  });
  const atOnce = /** @type {AnyCall} */ (Reflect.get(fs, `${call}Sync`));
  Reflect.set(fs, `${call}Sync`, (/** @type {unknown[]} */ ...args) => {
    const what = describe(call, args);
    pass("before", what);
    const result = atOnce(...args);
    pass("after", what);
    return result;
  });
}

const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
const writing = O_WRONLY | O_RDWR | O_CREAT;
const openFile = promises.open;
Reflect.set(promises, "open", async (/** @type {Parameters<typeof openFile>} */ ...args) => {
  const [path, flags = "r"] = args;
  const isRead = flags === "r" || (typeof flags === "number" && (flags & writing) === 0);
  const name = typeof path === "string" && !isRead ? nameOf(path) : undefined;
  if (name === undefined) return openFile(...args);
  pass("before", `open ${name}`);
  const handle = await openFile(...args);
  pass("after", `open ${name}`);
  for (const call of /** @type {const} */ (["writeFile", "chmod", "chown"])) {
    const plain = /** @type {(...given: unknown[]) => Promise<unknown>} */ (handle[call].bind(handle));
    Reflect.set(handle, call, async (/** @type {unknown[]} */ ...given) => {
      const what = `${call} ${name}`;
      pass("before", what);
      const [text] = given;
      if (typeof text === "string" && isFatal("amid", what)) {
        await plain(text.slice(0, text.length / 2));
        kill();
      }
      const result = await plain(...given);
      pass("after", what);
      return result;
    });
  }
  return handle;
});

// For those who import these calls by name.
syncBuiltinESMExports();
