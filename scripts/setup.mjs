/**
 * Brings everything that the other scripts need, in the order in which it is needed, and only what is missing: npm
 * packages, the compiled package, the Pulumi engine and servers to try it on.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { provideEngine } from "./engine.mjs";
import { provideLanguages, providePython } from "./languages.mjs";
import { installPackages } from "./npm.mjs";
import { install } from "./packages.mjs";
import { findProgram, root, run } from "./run.mjs";
import { findServer } from "./servers.mjs";
import { StepError, say } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

const oldestNode = "20.18.1";
const dist = join(root, "dist");
const cache = join(root, "node_modules", ".cache", "pulumi-lxd-access");

/** What only tests look at things with. */
const programs = { nss: "pk12util", chromium: "chromium-headless-shell" };

/**
 * @typedef {object} Found
 * @property {import("./engine.mjs").Engine} [pulumi]
 * @property {import("./servers.mjs").ServerProgram} [lxd]
 * @property {import("./servers.mjs").ServerProgram} [incus]
 * @property {import("./servers.mjs").ServerProgram} [sshd]
 * @property {import("./languages.mjs").Languages} [languages]
 * @property {string} [python] folder of a virtual environment
 * @property {Partial<Record<"pulumi" | "lxd" | "incus" | "sshd" | "nss" | "chromium" | "languages" | "python", string>>} reasons why something asked for is not there
 */

/**
 * Sets up what is asked for. What cannot be had leaves a reason; only this package itself is indispensable.
 * @param {{ pulumi?: boolean, lxd?: boolean, incus?: boolean, sshd?: boolean, nss?: boolean, chromium?: boolean, languages?: boolean }} wanted
 * @returns {Promise<Found>}
 */
export async function setUp(wanted) {
  checkNode();
  await installPackages();
  await compile();
  linkToItself();
  /** @type {Found} */
  const found = { reasons: {} };
  if (wanted.pulumi) {
    const engine = await provideEngine();
    if ("command" in engine) found.pulumi = engine;
    else found.reasons.pulumi = engine.reason;
  }
  for (const name of /** @type {const} */ (["lxd", "incus", "sshd"])) {
    if (!wanted[name]) continue;
    const server = await provideServer(name);
    if ("command" in server) found[name] = server;
    else found.reasons[name] = server.reason;
  }
  for (const [name, program] of /** @type {["nss" | "chromium", string][]} */ (Object.entries(programs))) {
    if (!wanted[name] || findProgram(program) !== undefined) continue;
    const reason = await install(name);
    if (reason !== undefined) found.reasons[name] = `there is no ${program} on PATH; ${reason}`;
  }
  if (wanted.languages) {
    const languages = await provideLanguages();
    if ("reason" in languages) found.reasons.languages = languages.reason;
    else found.languages = languages;
    const python = await providePython();
    if ("reason" in python) found.reasons.python = python.reason;
    else found.python = python.environment;
  }
  return found;
}

/**
 * Compiles the package into dist/, if its sources have changed since, or always.
 * @param {{ always?: boolean }} [options]
 */
export async function compile({ always = false } = {}) {
  const stamp = join(cache, "dist.sha256");
  const sources = fingerprintOfSources();
  const isFresh = existsSync(join(dist, "sdk", "index.js")) && readIfThere(stamp) === sources;
  if (isFresh && !always) return;
  say("compiling the package (tsc)");
  // Aside first: a mistake leaves the old dist/ in place, and nobody sees half of the new one.
  const fresh = join(cache, `dist-${process.pid}`);
  const old = join(cache, `old-dist-${process.pid}`);
  mkdirSync(cache, { recursive: true });
  try {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const args = [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", fresh];
    await run(process.execPath, args, { what: "compiling the package" });
    await writeDynamicFront(join(fresh, "provider"));
    rmSync(stamp, { force: true });
    if (existsSync(dist)) move(dist, old);
    move(fresh, dist);
    writeFileSync(stamp, sources);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder of the compiled provider */
async function writeDynamicFront(folder) {
  // Its packages may just have been installed.
  const { bundleDynamicFront } = await import("./bundle.mjs");
  const { code, licenses } = await bundleDynamicFront();
  writeFileSync(join(folder, "dynamic.js"), code);
  writeFileSync(join(folder, "THIRD-PARTY-LICENSES"), licenses);
}

/**
 * @param {string} from a folder
 * @param {string} to a place where there is nothing
 */
function move(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    // In a container node_modules/ may be a volume of its own, which nothing can be renamed out of.
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
    cpSync(from, to, { recursive: true });
    rmSync(from, { recursive: true });
  }
}

/** Node runs scripts of packages it does not suit without a word, and they fail later in strange ways. */
function checkNode() {
  if (isAtLeast(process.versions.node, oldestNode)) return;
  throw new StepError(`Node.js ${oldestNode} or newer is needed; this is ${process.versions.node}.`);
}

/** SHA-256 over everything that decides what comes out of compiling. */
function fingerprintOfSources() {
  const hash = createHash("sha256");
  const files = [
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    join("scripts", "bundle.mjs"),
    ...filesIn("provider"),
    ...filesIn("sdk"),
    ...filesIn("cli"),
  ];
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update("\0");
  return hash.digest("hex");
}

/**
 * @param {string} folder relative to the checkout
 * @returns {string[]} the files below it, the same way
 */
function filesIn(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries
    .flatMap((entry) =>
      entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)],
    )
    .sort();
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** The examples, and the provider's process, import this package by its name, as a user's program does. */
function linkToItself() {
  const link = join(root, "node_modules", "pulumi-lxd-access");
  try {
    if (readlinkSync(link).replace(/\/$/, "") === "..") return;
  } catch {
    // Not there, or no link.
  }
  rmSync(link, { recursive: true, force: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync("..", link, "junction");
}

/** @param {import("./servers.mjs").ServerName} name */
async function provideServer(name) {
  const found = await findServer(name);
  // A program that is there but of no use is no reason to install another beside it.
  if ("command" in found || !found.isMissing) return found;
  const reason = await install(name);
  return reason === undefined ? findServer(name) : { reason: `${found.reason}; ${reason}` };
}
