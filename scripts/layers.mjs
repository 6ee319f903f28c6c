/** The layers of tests: what each needs of this machine, running one, and telling what came of it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { atEnd, isEnding } from "./ending.mjs";
import { isolatedEnvironment } from "./environment.mjs";
import { InTurn } from "./in-turn.mjs";
import { endSession, root } from "./run.mjs";
import { detail, say } from "./steps.mjs";

/** What each layer needs. */
export const layers = {
  unit: { nss: true, chromium: true },
  contract: {},
  server: { lxd: true, incus: true, sshd: true },
  faults: { pulumi: true, lxd: true, incus: true, sshd: true },
  engine: { pulumi: true, lxd: true, incus: true, sshd: true },
  soak: { lxd: true },
  languages: { pulumi: true, lxd: true, languages: true },
  versions: { pulumi: true, lxd: true },
};
/** How long a layer may take to end after its last test, in milliseconds; what it left open keeps it from ending. */
const endsWithin = 15_000;

/** @typedef {keyof typeof layers} Layer */
/** @typedef {import("./mocha-reporter.ts").Passed} Passed */
/** @typedef {{ layer: Layer | "set-up", passed: Passed[], failed: string[], skipped: { title: string, reason?: string }[], seconds: number }} Count */

/**
 * Files of one layer that a process of their own runs.
 * @typedef {{ layer: Layer, files: readonly string[] }} Portion
 */

/**
 * A layer's files in portions, in the order of their names. Where only some tests are to run they are in one portion, since
 * a process that finds none of them takes as long to start as any other.
 * @param {Layer} layer
 * @param {{ size?: number, grep?: string }} [options] how many files are in one: as many as there are by default
 * @returns {Portion[]}
 */
export function portionsOf(layer, { size: wanted = Infinity, grep } = {}) {
  const size = grep === undefined ? wanted : Infinity;
  const folder = join("test", layer);
  if (!existsSync(join(root, folder))) return [];
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".spec.ts"))
    .sort()
    .map((name) => join(folder, name));
  const first = [...files.keys()].filter((index) => index % size === 0);
  return first.map((start) => ({ layer, files: files.slice(start, start + size) }));
}

/**
 * What the tests are told: where the engine is, and why something is not there, which is then the reason of the tests
 * that are skipped for it.
 * @param {import("./setup.mjs").Found} found
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentFor({ pulumi, languages, python, reasons }) {
  // The first line says it; how to help it was printed already.
  const missing = Object.entries(reasons).map(([name, reason]) => [
    `LXD_ACCESS_TEST_${name.toUpperCase()}_MISSING`,
    reason.split("\n")[0]?.replace(/:$/, ""),
  ]);
  const isolated = isolatedEnvironment(pulumi);
  return {
    ...isolated,
    ...(pulumi && { LXD_ACCESS_TEST_PULUMI: pulumi.command }),
    ...(languages && {
      PATH: [isolated["PATH"], ...languages.folders].join(delimiter),
      LXD_ACCESS_TEST_SDK_GENERATOR: languages.sdkGenerator,
    }),
    ...(python !== undefined && { LXD_ACCESS_TEST_PYTHON: python }),
    ...Object.fromEntries(missing),
  };
}

/** @param {import("./setup.mjs").Found} found */
export function describe({ pulumi, lxd, incus, sshd, languages, python, reasons }) {
  return [
    ...(pulumi ? [`Pulumi ${pulumi.version} (${pulumi.origin})`] : []),
    ...(lxd ? [`LXD ${lxd.version} (${lxd.command})`] : []),
    ...(incus ? [`Incus ${incus.version} (${incus.command})`] : []),
    ...(sshd ? [`sshd (${sshd.command})`] : []),
    ...(languages ? [`SDK generator (${languages.sdkGenerator})`] : []),
    ...(python === undefined ? [] : [`Python environment (${python})`]),
    ...Object.entries(reasons).map(([name, reason]) => `no ${name}: ${reason}`),
  ];
}

/**
 * Runs portions, some at the same time, and shows them as if they ran one after the other.
 * @param {readonly Portion[]} portions in the order in which they are begun
 * @param {{ atOnce: number, env: NodeJS.ProcessEnv, grep: string | undefined }} options
 * @returns {Promise<Count[]>} what came of each layer
 */
export async function runPortions(portions, { atOnce, env, grep }) {
  const screen = new InTurn(portions.length);
  /** @type {{ count: Omit<Count, "seconds">, began: number, ended: number }[]} */
  const results = [];
  const waiting = portions.entries();
  const runs = Array.from({ length: atOnce }, async () => {
    // They share the iterator, so each portion is run by whoever is free first.
    for (const [index, portion] of waiting) {
      if (isEnding()) break;
      const { layer } = portion;
      const show = (/** @type {string} */ text) => screen.write(index, text);
      if (portions[index - 1]?.layer !== layer) show(`\nTests: ${layer}\n`);
      const began = Date.now();
      const count = await run(portion, env, grep, show);
      results[index] = { count, began, ended: Date.now() };
      screen.end(index);
    }
  });
  await Promise.all(runs);
  const ran = results.filter((result) => result !== undefined);
  return [...new Set(ran.map(({ count }) => count.layer))].map((layer) => {
    const own = ran.filter(({ count }) => count.layer === layer);
    const [began, ended] = [own.map(({ began }) => began), own.map(({ ended }) => ended)];
    return {
      layer,
      passed: own.flatMap(({ count }) => count.passed),
      failed: own.flatMap(({ count }) => count.failed),
      skipped: own.flatMap(({ count }) => count.skipped),
      seconds: (Math.max(...ended) - Math.min(...began)) / 1000,
    };
  });
}

/**
 * Runs a portion to its end. A process that crashes, ends too early or does not end counts as a failure.
 * @param {Portion} portion
 * @param {NodeJS.ProcessEnv} env
 * @param {string | undefined} grep
 * @param {(text: string) => void} show prints
 * @returns {Promise<Omit<Count, "seconds">>}
 */
async function run({ layer, files }, env, grep, show) {
  /** @type {Omit<Count, "seconds">} */
  const count = { layer, passed: [], failed: [], skipped: [] };
  // mocha loads modules of its own by require(), which older releases of Node do only when told to.
  const isOldNode = Reflect.get(process.features, "require_module") !== true;
  const flags = isOldNode ? ["--experimental-require-module", "--disable-warning=ExperimentalWarning"] : [];
  const mocha = join(root, "node_modules", "mocha", "bin", "mocha.js");
  const reporter = join(root, "scripts", "mocha-reporter.ts");
  const color = process.stdout.isTTY ? ["--color"] : [];
  const only = grep === undefined ? [] : ["--fgrep", grep];
  const args = [...flags, mocha, "--reporter", reporter, ...color, ...only];
  const child = spawn(process.execPath, [...args, ...files], {
    cwd: root,
    env,
    // A session of its own, so that programs which an interrupted test leaves behind can be found.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", show);
  // What a test left running may keep the pipes open, and with them this waiting.
  child.once("exit", () => child.pid !== undefined && endSession(child.pid));
  const end = new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? code)));
  atEnd(`ending the ${layer} tests`, async () => {
    if (child.kill("SIGTERM")) await end;
  });
  let isDone = false;
  /** @type {NodeJS.Timeout | undefined} */
  let limit;
  child.on("message", (/** @type {import("./mocha-reporter.ts").Result} */ result) => {
    if (result.kind === "passed") count.passed.push(result);
    else if (result.kind === "failed") count.failed.push(result.title);
    else if (result.kind === "skipped") count.skipped.push(result);
    else {
      isDone = true;
      limit = setTimeout(() => {
        count.failed.push("the process does not end after its last test: something is left open");
        child.kill("SIGTERM");
        setTimeout(() => child.kill("SIGKILL"), endsWithin).unref();
      }, endsWithin);
    }
  });
  const code = await end;
  clearTimeout(limit);
  if (!isDone) count.failed.push(`the test process ended before its last test (${code})`);
  else if (code !== 0 && count.failed.length === 0) count.failed.push(`the test process failed (${code})`);
  return count;
}

/**
 * Prints what came out, the plain line last.
 * @param {readonly Count[]} counts
 * @returns {number} the exit code
 */
export function summarize(counts) {
  say("done");
  for (const { layer, passed, failed, skipped, seconds } of counts) {
    const line = `${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`;
    detail(`${layer.padEnd(10)}${line}  (${seconds.toFixed(1)} s)`);
    for (const [reason, titles] of byReason(skipped)) {
      detail(
        reason === undefined
          ? `  skipped: ${titles.join("; ")}`
          : `  skipped: ${titles.length} because ${reason}`,
      );
    }
    for (const title of failed) detail(`  failed: ${title}`);
  }
  const passed = counts.reduce((sum, count) => sum + count.passed.length, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed.length, 0);
  const skipped = counts.reduce((sum, count) => sum + count.skipped.length, 0);
  if (passed + failed === 0) detail("Nothing ran, which is no success.");
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** @param {Count["skipped"]} skipped */
function byReason(skipped) {
  /** @type {Map<string | undefined, string[]>} */
  const titles = new Map();
  for (const { title, reason } of skipped) titles.set(reason, [...(titles.get(reason) ?? []), title]);
  return titles;
}
