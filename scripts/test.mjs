/** `npm test`: sets up what is missing, runs each layer of tests in a process of its own, two at a time, and counts. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { atEnd, isEnding, main } from "./ending.mjs";
import { isolatedEnvironment } from "./environment.mjs";
import { endSession, root } from "./run.mjs";
import { InTurn } from "./in-turn.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail, say } from "./steps.mjs";

const help = `npm test [-- OPTIONS]

Runs the tests, layer by layer, and sets up what they need first.

  --layer NAME   only this layer (unit, contract, server, engine); may be given several times
  --grep TEXT    only tests whose name holds this text
  --help

The exit code is 0 when something ran and nothing failed. Environment: LXD_BIN and INCUS_BIN name other daemons.`;

/** What each layer needs. */
const layers = {
  unit: { nss: true },
  contract: {},
  server: { lxd: true, incus: true, sshd: true },
  engine: { pulumi: true, lxd: true, incus: true, sshd: true },
};
/** What runs at the same time, each of them one after the other. They take about as long as each other. */
const lanes = /** @type {const} */ ([
  ["unit", "engine"],
  ["contract", "server"],
]);
/** How long a layer may take to end after its last test, in milliseconds; what it left open keeps it from ending. */
const endsWithin = 15_000;

/** @typedef {keyof typeof layers} Layer */
/** @typedef {{ layer: Layer | "set-up", passed: number, failed: string[], skipped: { title: string, reason?: string }[], seconds: number }} Count */

main(async () => {
  const { values } = readArguments();
  if (values.help) {
    console.log(help);
    return 0;
  }
  const wanted = chosenLayers(values.layer ?? []).filter((layer) => hasSpecs(join(root, "test", layer)));
  /** @type {import("./setup.mjs").Found} */
  let found;
  try {
    found = await setUp(Object.assign({}, ...wanted.map((layer) => layers[layer])));
  } catch (error) {
    // Counted, so that the last line is the plain one whatever happens.
    const reason = error instanceof Error ? error.message : String(error);
    return summarize([{ layer: "set-up", passed: 0, failed: [reason], skipped: [], seconds: 0 }]);
  }
  for (const line of describe(found)) detail(line);
  const env = environmentFor(found);
  const screen = new InTurn(wanted.length);
  const runs = lanes.map(async (lane) => {
    /** @type {Count[]} */
    const counts = [];
    for (const layer of wanted.filter((name) => lane.some((one) => one === name))) {
      if (isEnding()) break;
      const index = wanted.indexOf(layer);
      counts.push(await runLayer(layer, env, values.grep, (text) => screen.write(index, text)));
      screen.end(index);
    }
    return counts;
  });
  const counts = (await Promise.all(runs)).flat();
  if (isEnding()) return 1;
  counts.sort((one, other) => layerOf(wanted, one) - layerOf(wanted, other));
  return summarize(counts);
});

/**
 * @param {readonly Layer[]} wanted
 * @param {Count} count
 */
function layerOf(wanted, { layer }) {
  return wanted.findIndex((name) => name === layer);
}

function readArguments() {
  const text = /** @type {const} */ ({ type: "string" });
  try {
    return parseArgs({
      options: { layer: { ...text, multiple: true }, grep: text, help: { type: "boolean" } },
    });
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * @param {readonly string[]} names
 * @returns {Layer[]} in the order in which they run
 */
function chosenLayers(names) {
  const all = /** @type {Layer[]} */ (Object.keys(layers));
  const unknown = names.filter((name) => !Object.hasOwn(layers, name));
  if (unknown.length > 0)
    throw new StepError(`There is no layer ${unknown.join(", ")}; there are ${all.join(", ")}.`);
  return all.filter((layer) => names.length === 0 || names.includes(layer));
}

/**
 * @param {string} folder
 * @returns {boolean}
 */
function hasSpecs(folder) {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { withFileTypes: true }).some((entry) =>
    entry.isDirectory() ? hasSpecs(join(folder, entry.name)) : entry.name.endsWith(".spec.ts"),
  );
}

/**
 * What the tests are told: where the engine is, and why something is not there, which is then the reason of the tests
 * that are skipped for it.
 * @param {import("./setup.mjs").Found} found
 * @returns {NodeJS.ProcessEnv}
 */
function environmentFor({ pulumi, reasons }) {
  // The first line says it; how to help it was printed already.
  const missing = Object.entries(reasons).map(([name, reason]) => [
    `LXD_ACCESS_TEST_${name.toUpperCase()}_MISSING`,
    reason.split("\n")[0]?.replace(/:$/, ""),
  ]);
  return {
    ...isolatedEnvironment(pulumi),
    ...(pulumi && { LXD_ACCESS_TEST_PULUMI: pulumi.command }),
    ...Object.fromEntries(missing),
  };
}

/** @param {import("./setup.mjs").Found} found */
function describe({ pulumi, lxd, incus, sshd, reasons }) {
  return [
    ...(pulumi ? [`Pulumi ${pulumi.version} (${pulumi.origin})`] : []),
    ...(lxd ? [`LXD ${lxd.version} (${lxd.command})`] : []),
    ...(incus ? [`Incus ${incus.version} (${incus.command})`] : []),
    ...(sshd ? [`sshd (${sshd.command})`] : []),
    ...Object.entries(reasons).map(([name, reason]) => `no ${name}: ${reason}`),
  ];
}

/**
 * Runs one layer to its end. A process that crashes, ends too early or does not end counts as a failure.
 * @param {Layer} layer
 * @param {NodeJS.ProcessEnv} env
 * @param {string | undefined} grep
 * @param {(text: string) => void} show prints
 * @returns {Promise<Count>}
 */
async function runLayer(layer, env, grep, show) {
  const started = Date.now();
  show(`\nTests: ${layer}\n`);
  /** @type {Count} */
  const count = { layer, passed: 0, failed: [], skipped: [], seconds: 0 };
  // mocha loads modules of its own by require(), which older releases of Node do only when told to.
  const isOldNode = Reflect.get(process.features, "require_module") !== true;
  const flags = isOldNode ? ["--experimental-require-module", "--disable-warning=ExperimentalWarning"] : [];
  const mocha = join(root, "node_modules", "mocha", "bin", "mocha.js");
  const reporter = join(root, "scripts", "mocha-reporter.ts");
  const color = process.stdout.isTTY ? ["--color"] : [];
  const only = grep === undefined ? [] : ["--fgrep", grep];
  const args = [...flags, mocha, "--reporter", reporter, ...color, ...only];
  const child = spawn(process.execPath, [...args, `test/${layer}/**/*.spec.ts`], {
    cwd: root,
    env,
    // A session of its own, so that programs which an interrupted test leaves behind can be found.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", show);
  const end = new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? code)));
  atEnd(`ending the ${layer} tests`, async () => {
    if (child.kill("SIGTERM")) await end;
  });
  let isDone = false;
  /** @type {NodeJS.Timeout | undefined} */
  let limit;
  child.on("message", (/** @type {import("./mocha-reporter.ts").Result} */ result) => {
    if (result.kind === "passed") count.passed++;
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
  if (child.pid !== undefined) endSession(child.pid);
  if (!isDone) count.failed.push(`the test process ended before its last test (${code})`);
  else if (code !== 0 && count.failed.length === 0) count.failed.push(`the test process failed (${code})`);
  count.seconds = (Date.now() - started) / 1000;
  return count;
}

/**
 * Prints what came out, the plain line last.
 * @param {readonly Count[]} counts
 * @returns {number} the exit code
 */
function summarize(counts) {
  say("done");
  for (const { layer, passed, failed, skipped, seconds } of counts) {
    const line = `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
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
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
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
