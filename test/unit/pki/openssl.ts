import { spawnSync } from "node:child_process";
import { strict as assert } from "node:assert";

/** What the `openssl` command said. */
export interface OpensslResult {
  stdout: string;
  stderr: string;
  status: number | null;
}

/** Runs `openssl` with a text or an archive on its standard input; secrets go by `environment`, never by `args`. */
export function runOpenssl(
  args: string[],
  input: string | Buffer = "",
  environment: Record<string, string> = {},
): OpensslResult {
  const { stdout, stderr, status, error } = spawnSync("openssl", args, {
    input,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C.UTF-8", ...environment },
  });
  if (error !== undefined) throw error;
  return { stdout, stderr, status };
}

/** The standard output of an `openssl` command that has to succeed. */
export function openssl(
  args: string[],
  input: string | Buffer = "",
  environment: Record<string, string> = {},
): string {
  const result = runOpenssl(args, input, environment);
  assert.equal(result.status, 0, `openssl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** A mocha hook: skips, and says why, where this machine has no `openssl` to check with. */
export function needsOpenssl(this: Mocha.Context): void {
  try {
    openssl(["version"]);
  } catch {
    console.log("      skipped: no working openssl command on PATH to verify with");
    this.skip();
  }
}
