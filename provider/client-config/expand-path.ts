import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { refuse } from "../errors";

/**
 * The absolute path that a `configDir` means: `~` is the user's home, anything relative starts at the program's
 * directory. What a resource stores stays as it was written, so that state can move between machines.
 *
 * @throws AccessError INPUT_INVALID for an empty path, another user's home (`~name`), and `~` without a home.
 */
export function expandPath(path: string, programDirectory: string): string {
  if (path === "")
    refuse("INPUT_INVALID", "configDir: the path is empty. Give a directory, or leave configDir out");
  if (!path.startsWith("~")) return resolve(programDirectory, path);
  if (path !== "~" && !path.startsWith("~/")) {
    refuse(
      "INPUT_INVALID",
      `configDir: "${path}" begins with another user's home. Write that path out in full`,
    );
  }
  const home = homedir();
  if (!isAbsolute(home)) {
    refuse(
      "INPUT_INVALID",
      `configDir: "${path}" needs a home directory, and this process has none. Set HOME`,
    );
  }
  return join(home, path.slice(1));
}
