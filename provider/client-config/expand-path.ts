import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { refuse } from "../errors";

/** The absolute path of one that may begin with `~/` or be relative to the program's folder; undefined for `~` without a home. */
export function absolutePath(path: string, programDirectory: string): string | undefined {
  if (path !== "~" && !path.startsWith("~/")) return resolve(programDirectory, path);
  const home = homedir();
  return isAbsolute(home) ? join(home, path.slice(1)) : undefined;
}

/**
 * The absolute path that a `configDir` means: `~` is the user's home, anything relative starts at the program's
 * directory. What a resource stores stays as it was written, so that state can move between machines.
 *
 * @throws AccessError INPUT_INVALID for an empty path, another user's home (`~name`), and `~` without a home.
 */
export function expandPath(path: string, programDirectory: string): string {
  if (path === "")
    refuse("INPUT_INVALID", "configDir: the path is empty. Give a directory, or leave configDir out");
  if (/^~[^/]/.test(path)) {
    refuse(
      "INPUT_INVALID",
      `configDir: "${path}" begins with another user's home. Write that path out in full`,
    );
  }
  return (
    absolutePath(path, programDirectory) ??
    refuse(
      "INPUT_INVALID",
      `configDir: "${path}" needs a home directory, and this process has none. Set HOME`,
    )
  );
}

/** An absolute path without links; one that is not there is only what it is called. */
export async function realDirectory(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/** Whether two absolute paths lead to one directory. */
export async function isSameDirectory(one: string, other: string): Promise<boolean> {
  return one === other || (await realDirectory(one)) === (await realDirectory(other));
}
