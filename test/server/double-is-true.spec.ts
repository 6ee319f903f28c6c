import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { profileOf } from "../support/double/profiles";
import { Names } from "../support/facts/names";
import { proveProfile } from "../support/facts/prove";
import { rawRequest } from "../support/raw-request";
import { profileFor, startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  const profile = profileFor(kind);
  describeWith([kind], `what the double of ${profile} does, a real server does`, () => {
    let server: TestServer;
    before(async function () {
      server = await startServer(kind);
      const { metadata } = (await rawRequest(server, "GET", "/1.0")).body;
      const { server_version: version } = (metadata as { environment: { server_version: string } })
        .environment;
      if (version === profileOf(profile).version) return;
      const skipReason = `the server here is ${version}, and the double is ${profileOf(profile).version}`;
      Object.assign(this.test?.parent ?? {}, { skipReason });
      this.skip();
    });
    after(() => server.stop());

    proveProfile(() => server, profile);
  });
}

describe("the real lxc takes the double for a server", () => {
  let server: TestServer;
  let configDirectory: string;
  before(async function () {
    const { error } = await lxc(["--version"], {}).then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    );
    if (error !== undefined) {
      Object.assign(this.test?.parent ?? {}, { skipReason: "there is no lxc on PATH" });
      this.skip();
    }
    server = await startServer("lxd-5.0");
    configDirectory = mkdtempSync(join(tmpdir(), "lxa-lxc-"));
  });
  after(async () => {
    // Nothing was started where lxc is missing.
    if (configDirectory) rmSync(configDirectory, { recursive: true, force: true });
    await (server as TestServer | undefined)?.stop();
  });

  it("sets the address, issues a token, joins with it and lists what is there", async () => {
    const environment = { LXD_DIR: server.directory, LXD_CONF: configDirectory };
    const run = async (...args: string[]) => (await lxc(args, environment)).stdout.trim();
    const address = `127.0.0.1:${await new Names("").port("a")}`;
    await run("config", "set", "core.https_address", address);
    assert.equal(await run("config", "get", "core.https_address"), address);
    const token = (await run("config", "trust", "add", "--name", "laptop")).split("\n").at(-1) ?? "";
    await run("remote", "add", "there", token);
    assert.match(
      await run("remote", "list", "--format", "csv"),
      new RegExp(`^there,https://${address},lxd,tls,`, "m"),
    );
    assert.match(await run("project", "list", "there:", "--format", "csv"), /^default \(current\),/);
    assert.match(await run("config", "trust", "list", "there:", "--format", "csv"), /^client,laptop,/);
    assert.equal(await run("config", "trust", "list-tokens", "--format", "csv"), "");
  });
});

/** Ends at once where `lxc` would ask something: it has no input to read. */
function lxc(args: string[], environment: Record<string, string>): Promise<{ stdout: string }> {
  const running = promisify(execFile)("lxc", args, { env: { ...process.env, ...environment } });
  running.child.stdin?.end();
  return running;
}
