/**
 * Installs servers, and what else the tests use, from the packages of Debian and Ubuntu. Nothing on the system is changed before it was printed, and
 * no service is left running: only private daemons are wanted.
 */
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { findProgram, run } from "./run.mjs";
import { StepError, ask, detail, hasTerminal, say } from "./steps.mjs";

/** @typedef {import("./servers.mjs").ServerName | "nss" | "chromium"} Installable */

/**
 * What each server comes in, the store of certificates that browsers have, and a browser without a window. One that is new is in the backports of older releases only.
 * @type {Record<Installable, { packages: readonly string[], units: readonly string[], isNew?: boolean }>}
 */
const recipes = {
  lxd: { packages: ["lxd", "lxd-client"], units: ["lxd.socket", "lxd.service"] },
  incus: { packages: ["incus-base", "incus-client"], units: ["incus.socket", "incus.service"], isNew: true },
  sshd: { packages: ["openssh-server"], units: ["ssh.socket", "ssh.service"] },
  nss: { packages: ["libnss3-tools"], units: [] },
  chromium: { packages: ["chromium-headless-shell"], units: [] },
};

const sourcesFile = "/etc/apt/sources.list.d/pulumi-lxd-access-backports.sources";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Without questions, and where no systemd runs, without starting services: runlevel 1 starts none. */
const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", LC_ALL: "C.UTF-8" };
const limits = [
  "-o",
  "DPkg::Lock::Timeout=120",
  "-o",
  "Acquire::http::Timeout=15",
  "-o",
  "Acquire::Retries=1",
];

/** @typedef {{ command: string, args: readonly string[], expect?: readonly number[] }} CommandChange */
/** @typedef {{ file: string, content: string }} FileChange */
/** @typedef {CommandChange | FileChange} Change */

/**
 * Installs the packages of one of them, if this is Debian or Ubuntu and the user is root and agrees.
 * @param {Installable} name
 * @returns {Promise<string | undefined>} why it was not installed
 */
export async function install(name) {
  if (!existsSync("/etc/debian_version") || findProgram("apt-get") === undefined) {
    return "it can be installed from here on Debian and Ubuntu only";
  }
  if (process.getuid?.() !== 0) return "installing it needs root";
  try {
    // A source that is out of reach is no reason to give up: the one that matters may have answered.
    const update = { command: "apt-get", args: ["update", ...limits], expect: [0, 100] };
    if (!hasFreshLists()) await carryOut("recent package lists", [update]);
    const plan = await planFor(name);
    if (typeof plan === "string") return plan;
    await carryOut(name, plan);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say(message);
    return message.split("\n")[0];
  }
}

/**
 * The changes to the system that bring one of them, or why there are none.
 * @param {Installable} name
 * @returns {Promise<Change[] | string>}
 */
async function planFor(name) {
  const { packages, units, isNew = false } = recipes[name];
  const first = packages[0] ?? "";
  const { stdout: policy } = await run("apt-cache", ["policy", first], { env: environment });
  const candidate = /Candidate: (\S+)/.exec(policy)?.[1] ?? "(none)";
  // Ubuntu's package of this name holds nothing but a call of snap.
  if (name === "lxd" && candidate.startsWith("1:0.")) return "this distribution has LXD as a snap only";
  const release = await backports();
  const isInBackports = isNew && policy.includes(`${release.suite}/`);
  /** @type {Change[]} */
  const plan = [];
  if (candidate === "(none)") {
    if (!isNew || release.uri === undefined) return `this distribution has no package ${first}`;
    plan.push({ file: sourcesFile, content: sourceOf(release.uri, release.suite) }, updateOfThatSource());
  }
  const suite = candidate === "(none)" || isInBackports ? ["-t", release.suite] : [];
  const args = ["install", "-y", "--no-install-recommends", ...suite, ...packages];
  plan.push({ command: "apt-get", args: [...args, "-o", "Dpkg::Options::=--force-confold", ...limits] });
  if (units.length > 0 && existsSync("/run/systemd/system")) {
    // The packages start their service, which nobody asked for; units that a version does not have are no harm.
    plan.push({ command: "systemctl", args: ["disable", "--now", ...units], expect: [0, 1, 5] });
  }
  return plan;
}

/**
 * Prints the changes, asks where somebody can answer, and makes them. A source that does not work is taken out again.
 * @param {string} what
 * @param {readonly Change[]} plan
 */
async function carryOut(what, plan) {
  say(`${what}: missing. This is going to be changed on this system:`);
  for (const change of plan) detail(describe(change));
  if (hasTerminal() && !(await ask("Go on?")))
    throw new StepError(`${what}: not installed, because you said no`);
  /** @type {string[]} */
  const written = [];
  try {
    for (const change of plan) {
      if ("file" in change) {
        writeFileSync(change.file, change.content, { flag: "wx" });
        written.push(change.file);
      } else {
        const { command, args, expect } = change;
        await run(command, args, {
          what: `${command} ${args[0]}`,
          env: environment,
          ...(expect && { expect }),
        });
      }
    }
  } catch (error) {
    for (const file of written) rmSync(file);
    throw error;
  }
  say(`${what}: installed`);
}

/** @param {Change} change */
function describe(change) {
  if ("command" in change) return [change.command, ...change.args].join(" ");
  return `new file ${change.file}:\n  ${change.content.trimEnd().replaceAll("\n", "\n  ")}`;
}

/** Old lists name packages that the distribution has replaced since; images of containers have none at all. */
function hasFreshLists() {
  const lists = "/var/lib/apt/lists";
  const age = Date.now() - statSync(lists).mtimeMs;
  return age < 86_400_000 && readdirSync(lists).some((name) => name.includes("Packages"));
}

/**
 * Debian's suite of newer packages for this release, and where this machine gets its packages from.
 * @returns {Promise<{ suite: string, uri?: string }>}
 */
async function backports() {
  const system = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME="?([a-z]+)/m.exec(system)?.[1] ?? "stable";
  const suite = `${codename}-backports`;
  if (!/^ID="?debian/m.test(system)) return { suite };
  const format = "$(CODENAME) $(COMPONENT) $(REPO_URI)";
  const { stdout } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const uri = stdout
    .split("\n")
    .find((line) => line.startsWith(`${codename} main `))
    ?.split(" ")[2];
  return uri === undefined ? { suite } : { suite, uri };
}

/**
 * @param {string} uri
 * @param {string} suite
 */
function sourceOf(uri, suite) {
  const signature = existsSync(keyring) ? `Signed-By: ${keyring}\n` : "";
  return `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\n${signature}`;
}

/** Reads the lists of the new source alone: others may be out of reach just now, and are none of our business. */
function updateOfThatSource() {
  const only = ["-o", `Dir::Etc::SourceList=${sourcesFile}`, "-o", "Dir::Etc::SourceParts=-"];
  return { command: "apt-get", args: ["update", ...only, "-o", "APT::Get::List-Cleanup=0", ...limits] };
}
