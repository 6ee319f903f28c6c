/** The private daemons of tests: none outlives the process that started it, however that is ended. */
import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describeWith } from "../support/skip";

const root = resolve(__dirname, "../..");
const daemons = pathToFileURL(join(root, "scripts", "daemon.mjs")).href;

for (const [kind, flavor] of [
  ["lxd-daemon", "lxd"],
  ["incus-daemon", "incus"],
] as const) {
  describeWith([kind], `a private daemon (${kind})`, () => {
    /** Starts a daemon in a process of its own, in which a library waits for signals, too. */
    async function startElsewhere(): Promise<{ child: ChildProcess; pid: number; directory: string }> {
      const program = `
        await import("proper-lockfile");
        const { startDaemon } = await import(${JSON.stringify(daemons)});
        const { pid, directory } = await startDaemon({ flavor: ${JSON.stringify(flavor)} });
        process.send({ pid, directory });
        setInterval(() => undefined, 60_000);`;
      const args = ["--input-type=module", "--eval", program];
      const child = spawn(process.execPath, args, {
        cwd: root,
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      const [started] = (await once(child, "message")) as [{ pid: number; directory: string }];
      return { child, ...started };
    }

    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      it(`goes with its process, and its directory, on ${signal}`, async () => {
        const { child, pid, directory } = await startElsewhere();
        assert.ok(existsSync(join(directory, "unix.socket")));
        child.kill(signal);
        await once(child, "exit");
        assert.ok(!existsSync(directory));
        const { hasEnded } = await import("../../scripts/background.mjs");
        assert.ok(await hasEnded(pid, directory, 10));
      });
    }
  });
}
