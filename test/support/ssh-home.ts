/** A home directory of a test's own, and an agent, as users of `ssh` have them. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** Runs something with another home directory. */
export async function atHome(home: string, run: () => Promise<void>): Promise<void> {
  const old = process.env["HOME"];
  process.env["HOME"] = home;
  try {
    await run();
  } finally {
    if (old === undefined) delete process.env["HOME"];
    else process.env["HOME"] = old;
  }
}

export interface TestAgent {
  /** Path of its socket. */
  readonly socket: string;
  /** Gives it a private key, by its file. */
  add(path: string): void;
  stop(): Promise<void>;
}

/** Starts a real agent without a key. */
export async function startAgent(socket: string): Promise<TestAgent> {
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  while (!existsSync(socket)) await pause(10);
  return {
    socket,
    add(path) {
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync("ssh-add", ["-q", path], { env, stdio: "ignore" });
    },
    async stop() {
      const ended = once(agent, "exit");
      agent.kill();
      await ended;
    },
  };
}

/** The fingerprint of a public key, as `ssh-keygen -lf` prints it. */
export function sshFingerprintOf(publicKey: string): string {
  return execFileSync("ssh-keygen", ["-lf", "-"], { input: publicKey, encoding: "utf8" }).split(" ")[1] ?? "";
}
