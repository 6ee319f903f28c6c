import { absolutePath } from "../client-config/expand-path";
import { refuse } from "../errors";

/**
 * The absolute path that a path in a connection means: `~` is the user's home, anything relative starts at the program's
 * folder. `property` names it in messages.
 * @throws AccessError CONFIG_INVALID for `~` without a home.
 */
export function localPath(path: string, programDirectory: string, property: string): string {
  return (
    absolutePath(path, programDirectory) ??
    refuse(
      "CONFIG_INVALID",
      `${property}: "${path}" needs a home directory, and this process has none. Set HOME`,
    )
  );
}
