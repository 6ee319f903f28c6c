/** The real `lxc` and `incus` clients, run on a client directory as a user would run them. */
import { execFile, execFileSync } from "node:child_process";

export type ClientFlavor = "lxd" | "incus";

/** What a run of the client came to. */
export interface ClientRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const commands = { lxd: "lxc", incus: "incus" } as const;

/** Why the client cannot be run on this machine; undefined where it can. */
function missingClient(flavor: ClientFlavor): string | undefined {
  try {
    execFileSync(commands[flavor], ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return `there is no ${commands[flavor]} on PATH`;
  }
}

/** Runs the client on a directory, with nobody at the keyboard; it can reach nothing but loopback. */
export function tryClient(
  flavor: ClientFlavor,
  directory: string,
  ...args: readonly string[]
): Promise<ClientRun> {
  const nowhere = "http://127.0.0.1:9";
  const env = {
    ...{ PATH: process.env["PATH"], HOME: directory, LANG: "C.UTF-8" },
    ...{ HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, NO_PROXY: "127.0.0.1,localhost" },
    [flavor === "lxd" ? "LXD_CONF" : "INCUS_CONF"]: directory,
  };
  return new Promise((resolve) => {
    const child = execFile(commands[flavor], args, { env }, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** Runs the client on a directory, and answers what it printed. Rejects with its complaint where it fails. */
export async function runClient(
  flavor: ClientFlavor,
  directory: string,
  ...args: readonly string[]
): Promise<string> {
  const { ok, stdout, stderr } = await tryClient(flavor, directory, ...args);
  if (ok) return stdout;
  throw new Error(`${commands[flavor]} ${args.join(" ")}: ${stderr.trim()}`);
}

/** A mocha hook: skips the suite, and says why, where the client is missing on this machine. */
export function needsClient(flavor: ClientFlavor): (this: Mocha.Context) => void {
  return function () {
    const reason = missingClient(flavor);
    if (reason === undefined) return;
    console.log(`      skipped: ${reason}`);
    // Read by the reporter of `npm test`.
    Object.assign(this.test?.parent ?? {}, { skipReason: reason });
    this.skip();
  };
}
