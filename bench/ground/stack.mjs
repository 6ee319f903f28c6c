/** A stack of the bench, run by the real engine in a throwaway folder, with a clock. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "../../scripts/ending.mjs";
import { isolatedEnvironment } from "../../scripts/environment.mjs";
import { endSession, root } from "../../scripts/run.mjs";
import { StepError } from "../../scripts/steps.mjs";

/** How often a run's provider process is looked at, in milliseconds. */
const lookEvery = 100;

/** @typedef {{ kind: string, name: string, args: object, outputs?: object }} Wanted a resource as the program in bench/program makes it */
/** @typedef {{ milliseconds: number, output: string, providerMemory: number }} Run memory: kB at its highest; 0 if unseen */

/** Makes a stack's folder; the stack has nothing in it yet. */
export class Stack {
  directory = mkdtempSync(join(tmpdir(), "lxa-bench-"));
  #saved = join(this.directory, ".saved");
  /** @type {Set<number>} sessions of the commands that run now */
  #running = new Set();

  /** @param {import("../../scripts/engine.mjs").Engine} engine */
  constructor(engine) {
    atEnd(`removing ${this.directory}`, () => this.remove());
    /** @type {NodeJS.ProcessEnv} */
    this.environment = {
      ...isolatedEnvironment(engine),
      PULUMI_BACKEND_URL: `file://${join(this.directory, ".state")}`,
      PULUMI_HOME: join(this.directory, ".home"),
      PULUMI_CONFIG_PASSPHRASE: "bench",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_DISABLE_REGISTRY_RESOLVE: "true",
      TMPDIR: join(this.directory, ".tmp"),
    };
    for (const folder of [".state", ".home", ".tmp"]) mkdirSync(join(this.directory, folder));
    symlinkSync(join(root, "node_modules"), join(this.directory, "node_modules"));
    writeFileSync(
      join(this.directory, "Pulumi.yaml"),
      "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
    );
    writeFileSync(join(this.directory, "package.json"), '{ "name": "bench", "main": "index.cjs" }\n');
    cpSync(join(root, "bench", "program", "index.cjs"), join(this.directory, "index.cjs"));
  }

  /**
   * @param {import("../../scripts/engine.mjs").Engine} engine
   * @param {readonly Wanted[]} resources
   */
  static async create(engine, resources) {
    const stack = new Stack(engine);
    stack.give(resources);
    await stack.pulumi("stack", "init", "bench");
    stack.save();
    return stack;
  }

  /** A stack of as many resources as another has, which do nothing. @param {import("../../scripts/engine.mjs").Engine} engine @param {number} count */
  static ofNoOps(engine, count) {
    return Stack.create(engine, noOps(count));
  }

  /**
   * Puts a connection into the stack's configuration, where it serves all resources that name none.
   * @param {ReturnType<typeof import("./ways-in.mjs").administeredBy>} connection
   */
  async configure({ clientKey, ...others }) {
    const plain = Object.entries(others).flatMap(([key, value]) => [
      "--plaintext",
      `lxd-access:${key}=${value}`,
    ]);
    await this.pulumi("config", "set-all", ...plain, "--secret", `lxd-access:clientKey=${clientKey}`);
  }

  /** @param {readonly Wanted[]} resources what the program makes from now on */
  give(resources) {
    const noOp = join(root, "bench", "program", "no-op.cjs");
    writeFileSync(join(this.directory, "resources.json"), JSON.stringify({ noOp, resources }));
  }

  /** Remembers the stack's state as it is now. */
  save() {
    rmSync(this.#saved, { recursive: true, force: true });
    cpSync(join(this.directory, ".state"), this.#saved, { recursive: true });
  }

  /** Goes back to the state that was saved last. */
  restore() {
    rmSync(join(this.directory, ".state"), { recursive: true, force: true });
    cpSync(this.#saved, join(this.directory, ".state"), { recursive: true });
  }

  /** @param {readonly string[]} more arguments */
  up(...more) {
    return this.pulumi("up", "--yes", "--skip-preview", ...more);
  }

  /** An update that has nothing to do; that it did something is an error. @param {readonly string[]} more arguments */
  unchanged(...more) {
    return this.up("--expect-no-changes", ...more);
  }

  /** @param {readonly string[]} more arguments */
  refresh(...more) {
    return this.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", ...more);
  }

  /** The stack as it is stored. */
  get stored() {
    const file = join(this.directory, ".state", ".pulumi", "stacks", "bench", "bench.json");
    return readFileSync(file, "utf8");
  }

  /** Removes the folder, and ends what runs in it. What was made elsewhere stays. */
  remove() {
    for (const session of this.#running) endSession(session);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * Runs `pulumi` to its end. Rejects with what it printed where it fails.
   * @param {readonly string[]} args
   * @returns {Promise<Run>}
   */
  async pulumi(...args) {
    const begun = performance.now();
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.directory,
      env: this.environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const session = child.pid ?? 0;
    this.#running.add(session);
    let providerMemory = 0;
    const looking = setInterval(() => {
      providerMemory = Math.max(providerMemory, memoryOfProvider(this.directory));
    }, lookEvery);
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const milliseconds = performance.now() - begun;
    clearInterval(looking);
    this.#running.delete(session);
    if (code !== 0) throw new StepError(`pulumi ${args.join(" ")}: exit code ${code}\n${output}`);
    return { milliseconds, output, providerMemory };
  }
}

/**
 * @param {number} count
 * @returns {Wanted[]}
 */
function noOps(count) {
  return Array.from({ length: count }, (_, number) => ({
    kind: "NoOp",
    name: `no-op-${number}`,
    args: { number },
  }));
}

/** @type {Map<string, string>} the provider process of each folder, as far as it is known */
const providers = new Map();

/**
 * The most memory that the process for dynamic resources of a stack had so far (resident, kB).
 * @param {string} directory of the stack
 */
function memoryOfProvider(directory) {
  const known = providers.get(directory);
  const memory = known === undefined ? 0 : memoryOf(known);
  if (memory > 0) return memory;
  const found = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && isProviderOf(pid, directory));
  if (found === undefined) return 0;
  providers.set(directory, found);
  return memoryOf(found);
}

/**
 * @param {string} pid
 * @param {string} directory
 */
function isProviderOf(pid, directory) {
  try {
    if (readlinkSync(`/proc/${pid}/cwd`) !== directory) return false;
    return /^[^\0]*node\0[^]*dynamic-provider/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    return false;
  }
}

/** @param {string} pid */
export function memoryOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
