/** The environment that programs get when they must not find the user's own Pulumi and LXD. */
import { dirname } from "node:path";
import { pathFolders } from "./run.mjs";

/** Variables by which Pulumi, LXD and Incus find the user's stacks, servers and secrets. */
const usersOwn = /^(PULUMI|LXD|INCUS)_/;
/** Those that say how the scripts themselves work. */
const ours = /^(LXD_BIN|INCUS_BIN|LXD_ACCESS_TEST_.*)$/;

/**
 * This process's environment without the user's own settings, with the engine's folder first on PATH where there is one.
 * @param {import("./engine.mjs").Engine | undefined} engine
 * @returns {NodeJS.ProcessEnv}
 */
export function isolatedEnvironment(engine) {
  const kept = Object.entries(process.env).filter(([name]) => !usersOwn.test(name) || ours.test(name));
  return { ...Object.fromEntries(kept), PATH: pathWith(engine) };
}

/**
 * PATH with the engine's folder first, and as the last resort this Node's.
 * @param {import("./engine.mjs").Engine | undefined} engine
 */
export function pathWith(engine) {
  const folders = [...(engine ? [engine.binDirectory] : []), ...pathFolders(), dirname(process.execPath)];
  return [...new Set(folders)].join(":");
}
