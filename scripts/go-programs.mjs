/** Builds programs from Go modules, for machines that reach a module proxy but not the official downloads. */
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { findProgram, pathFolders, run } from "./run.mjs";
import { say } from "./steps.mjs";
import { isAtLeast } from "./versions.mjs";

export const oldestGo = "1.25";

/**
 * @typedef {object} GoProgram
 * @property {string} name of the program
 * @property {string} source its package, or "." for `text`
 * @property {string} [text] of a program of ours
 * @property {string} [flags] for the linker
 * @property {string} requires what its module requires and replaces
 */

/**
 * @typedef {object} Go
 * @property {string} command
 * @property {string} version
 */

/** @returns {Promise<Go | { reason: string }>} */
export async function findGo() {
  const command = findProgram("go", [...pathFolders(), "/usr/local/go/bin"]);
  if (command === undefined) return { reason: `there is no go ${oldestGo} or newer on PATH` };
  const { stdout } = await run(command, ["version"], { env: environment(), cwd: "/" });
  const version = /go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1] ?? "";
  if (!isAtLeast(version, oldestGo)) return { reason: `${command} is ${version}, older than ${oldestGo}` };
  return { command, version };
}

/**
 * Builds programs into the folder `made/bin` of the given one.
 * @param {Go} go
 * @param {readonly GoProgram[]} programs
 * @param {string} folder to work in
 * @returns {Promise<string>} the folder `made`
 */
export async function buildGoPrograms(go, programs, folder) {
  // Go keeps what it is working on in TMPDIR, and leaves it there when it is ended.
  const env = { ...environment(), TMPDIR: folder };
  const made = join(folder, "made");
  mkdirSync(join(made, "bin"), { recursive: true });
  for (const { name, source, text, flags = "", requires } of programs) {
    const cwd = join(folder, name);
    mkdirSync(cwd);
    writeFileSync(join(cwd, "go.mod"), `module engine\n\ngo ${oldestGo}\n\n${requires}`);
    if (text !== undefined) writeFileSync(join(cwd, "main.go"), text);
    // `go install` refuses modules with replacements, so each is built from a module of ours that requires it.
    const args = ["build", "-mod=mod", "-buildvcs=false", "-ldflags", `-s -w ${flags}`.trim()];
    const what = `building ${name}`;
    say(what);
    await run(go.command, [...args, "-o", join(made, "bin", name), source], { what, env, cwd });
  }
  return made;
}

/**
 * Where the source of a module that one of the programs was built from is.
 * @param {Go} go
 * @param {string} module
 * @param {string} folder that the programs were built in
 * @param {string} program
 */
export async function sourceOf(go, module, folder, program) {
  const args = ["list", "-mod=mod", "-m", "-f", "{{.Dir}}", module];
  const { stdout } = await run(go.command, args, { env: environment(), cwd: join(folder, program) });
  return stdout.trim();
}

function environment() {
  return { ...process.env, HOME: homedir(), GOWORK: "off" };
}
