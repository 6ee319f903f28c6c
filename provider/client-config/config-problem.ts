import { AccessError } from "../errors";

/**
 * What is wrong with a named file or directory, and what to do about it. Stays inside this folder: {@link describing}
 * turns it into an AccessError, which says also what was being done.
 */
export class ConfigProblem extends Error {
  override readonly name = "ConfigProblem";

  constructor(problem: string, nextStep: string) {
    super(`${problem}. ${nextStep}`);
  }
}

/** Whether an error comes from the operating system (or from a library that reports in its way) with such a code. */
export function isSystemError(
  error: unknown,
  ...codes: string[]
): error is NodeJS.ErrnoException & { code: string } {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return codes.length === 0 ? "syscall" in error : codes.includes(error.code);
}

/**
 * Runs work on client directories; what goes wrong with a file comes out as AccessError CLIENT_CONFIG.
 *
 * @param doing begins the message and names the thing, as in `Writing remote "edge" to /home/me/.config/lxc`.
 */
export async function describing<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigProblem) {
      throw new AccessError("CLIENT_CONFIG", `${doing}: ${error.message}`);
    }
    if (isSystemError(error)) {
      throw new AccessError("CLIENT_CONFIG", `${doing}: ${error.message}. ${nextStepAfter(error.code)}`, {
        cause: error,
      });
    }
    throw error;
  }
}

function nextStepAfter(code: string): string {
  if (code === "ENOSPC" || code === "EDQUOT") return "Make room on that disk, then run again";
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return "Make the path readable and writable for this user, or give another configDir, then run again";
  }
  return "Check that path, or give another configDir, then run again";
}
