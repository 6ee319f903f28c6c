/** The plugin as a process: what it prints, when it ends, and engines that attach to one that runs already. */
import * as assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { startDouble } from "../support/double/double";
import { gateTo } from "../support/gate";
import { PluginClient } from "../support/plugin-client";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";

const main = resolve(__dirname, "../../dist/provider/plugin/main.js");

/** Starts it and waits for the line that it prints, which is its port. */
async function startPlugin(
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  assert.match(line, /^\d+$/);
  return { child, port: Number(line) };
}

describeWith(["pulumi"], "the plugin's process", function () {
  this.timeout(120_000);

  it("tells its version and how it is used, and refuses what it does not know", () => {
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, [main, ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    assert.match(run("--version"), /^\d+\.\d+\.\d+\n$/);
    assert.match(run("--help"), /Pulumi starts it by itself/);
    assert.throws(() => run("--verison"), /there is no option --verison; see --help/);
  });

  it("reaches its engine past a proxy, and ends when that has ended without a word", async () => {
    const engine = createServer().listen(0, "127.0.0.1");
    await once(engine, "listening");
    const connected = once(engine, "session");
    const { port: address } = engine.address() as AddressInfo;
    const proxy = { https_proxy: `http://127.0.0.1:${await freePort()}`, no_proxy: "" };
    const { child, port } = await startPlugin([`127.0.0.1:${address}`], proxy);
    const ended = once(child, "exit");
    const early = ended.then(() => assert.fail("it ended before its engine"));
    const [session] = (await Promise.race([connected, early])) as [ServerHttp2Session];
    early.catch(() => undefined);
    const client = new PluginClient(port);
    await client.configure();
    client.close();
    assert.equal(child.exitCode, null);
    engine.close();
    session.destroy();
    assert.deepEqual(await ended, [0, null]);
  });

  it("finishes what it has begun to change when its engine was killed", async () => {
    const double = await startDouble("lxd-6");
    const { address, connection } = await openHttps(double);
    const gate = await gateTo(Number(address.split(":").at(-1)));
    const engine = createServer().listen(0, "127.0.0.1");
    await once(engine, "listening");
    const connected = once(engine, "session");
    const { child, port } = await startPlugin([`127.0.0.1:${(engine.address() as AddressInfo).port}`]);
    const ended = once(child, "exit");
    const client = new PluginClient(port);
    try {
      const [session] = (await connected) as [ServerHttp2Session];
      const changing = new Promise<void>((begun) => {
        double.intercept(({ method }) => {
          if (method !== "POST") return undefined;
          gate.shut();
          begun();
          return undefined;
        });
      });
      await client.configure({ ...connection, address: `127.0.0.1:${gate.port}` });
      const created = client.create("TrustToken", { clientName: "ci", projects: [] });
      await changing;
      // It looks for its engine once more.
      const again = once(engine, "connection");
      session.destroy();
      ((await again) as [Socket])[0].destroy();
      // By the time it has answered this, or refused to, it knows that there is none.
      await client.version().catch(() => undefined);
      gate.open();
      assert.notEqual((await created).id, "");
      assert.deepEqual(await ended, [0, null]);
    } finally {
      client.close();
      engine.close();
      child.kill();
      await gate.close();
      await double.stop();
    }
  });

  it("serves one run after another where engines attach to it", async () => {
    const { child, port } = await startPlugin();
    const project = await PulumiProject.create(
      `resources: { key: { type: "lxd-access:ClientCertificate" } }\n`,
      { language: "yaml" },
    );
    // Without the one on PATH.
    project.env["PATH"] = process.env["PATH"];
    project.env["PULUMI_DEBUG_PROVIDERS"] = `lxd-access:${port}`;
    try {
      await project.up();
      await project.expect(0, "up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
      await project.destroy();
      assert.equal(child.exitCode, null);
    } finally {
      project.remove();
      child.kill();
    }
  });
});
