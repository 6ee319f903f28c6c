/** Folders that take long to make. They are kept in the user's cache folder, by version, whole or not at all. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

const unfinished = ".unfinished-";

/**
 * Where a folder is kept.
 * @param {string} name with the version of what is in it
 * @param {unknown} [recipe] what it is made from, where the version does not tell; another recipe has another folder
 */
export function keptFolder(name, recipe) {
  const given = process.env["XDG_CACHE_HOME"] ?? "";
  const cache = isAbsolute(given) ? given : join(homedir(), ".cache");
  const mark =
    recipe === undefined
      ? ""
      : `-${createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 8)}`;
  return join(cache, "pulumi-lxd-access", `${name}${mark}`);
}

/**
 * Makes such a folder: in one of its own, which then takes its name. So neither an abort nor a second process that does
 * the same can leave a part.
 * @param {string} directory
 * @param {() => boolean} isWhole whether it is there already, made by somebody else meanwhile
 * @param {(folder: string) => Promise<string>} make returns the folder, inside the given one, that becomes `directory`
 */
export async function inNewFolder(directory, isWhole, make) {
  mkdirSync(dirname(directory), { recursive: true });
  removeAbandoned(dirname(directory));
  const folder = mkdtempSync(`${directory}${unfinished}`);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const made = await make(folder);
    if (isWhole()) return;
    rmSync(directory, { recursive: true, force: true });
    renameSync(made, directory);
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/**
 * Removes what killed processes left behind: whatever has not been touched for an hour.
 * @param {string} cache
 */
function removeAbandoned(cache) {
  for (const name of readdirSync(cache).filter((name) => name.includes(unfinished))) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}
