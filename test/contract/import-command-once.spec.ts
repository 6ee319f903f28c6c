/** `lxd-access import`: nothing is taken twice, nor what an update would change; and its files are written all or none. */
import * as assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../cli/lxd-access";
import { type CommandRun, entriesIn, runImport } from "../support/import-command";
import { useImportStage } from "../support/importing";
import { makePair } from "../support/openssl-pair";
import type { Recorded } from "../support/stack";

const one = makePair("one");
const two = makePair("two");
const anyone = { restricted: false, projects: [] };

describe("lxd-access import", () => {
  const on = useImportStage("lxd-5.0");
  let out: string;
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), "lxa-import-once-"));
  });
  afterEach(() => {
    rmSync(out, { recursive: true });
  });
  const environment = (): NodeJS.ProcessEnv => ({
    ...{ LXD_CONF: "nowhere", INCUS_CONF: "nowhere", LXD_ACCESS_SOCKET_PATH: on.server.socketPath },
    PATH: `${out}:${process.env["PATH"] ?? ""}`,
  });
  const command = (...args: string[]): Promise<CommandRun> => runImport(out, environment(), ...args);
  const names = (): string[] => entriesIn(out).map(({ name }) => name);

  /** Joins the server as `prod`: the client directory. */
  const joined = async (): Promise<string> => {
    await on.view.listen();
    const configDir = join(on.importer.folder, "client");
    const token = await on.view.issueToken("laptop", anyone);
    await on.stack.create("Remote", { name: "prod", token, configDir });
    return configDir;
  };

  /** Makes the folder a project, whose stack has a resource as the last update recorded it. */
  const inStack = ({ name, id, inputs, outputs }: Recorded): void => {
    const type = `pulumi-nodejs:dynamic/lxd-access:${name}`;
    const resource = {
      ...{ urn: `urn:pulumi:test::test::${type}::mine`, type, custom: true, id },
      ...{ inputs, outputs },
    };
    writeFileSync(join(out, "Pulumi.yaml"), "name: test\nruntime: nodejs\n");
    writeFileSync(
      join(out, "exported.json"),
      JSON.stringify({ version: 3, deployment: { resources: [resource] } }),
    );
    const answers = `case "$1" in config) echo '{}' ;; stack) cat ${join(out, "exported.json")} ;; esac`;
    writeFileSync(join(out, "pulumi"), `#!/bin/sh\n${answers}\n`, { mode: 0o755 });
  };

  it("takes a server once to which two remotes lead", async () => {
    const configDir = await joined();
    await on.view.trust("ci", one.certificate);
    const file = join(configDir, "config.yml");
    const text = readFileSync(file, "utf8");
    const [entry = ""] = /^ {2}prod:\n(?: {4}.*\n)+/m.exec(text) ?? [];
    writeFileSync(file, text.replace(entry, `${entry}${entry.replace("prod:", "again:")}`));
    cpSync(join(configDir, "servercerts", "prod.crt"), join(configDir, "servercerts", "again.crt"));
    const remotes = ["--remote", "prod", "--remote", "again"];
    const { code, err } = await command(...remotes, "--config-dir", configDir, "--no-remotes");
    assert.equal(code, 0, err);
    assert.deepEqual(names(), ["prod-listener", "prod-client-ci"]);
    assert.match(err, /the client "ci" .*: it is taken already, as the client "ci"/);
  });

  it("knows the client whose token still waits as far as the stack knows, and none that was there before", async () => {
    await on.view.listen();
    await on.view.trust("ci", one.certificate);
    const invited = await on.stack.create("TrustToken", { clientName: "ci", projects: ["default"] });
    inStack(invited);
    await on.view.redeem(String(invited.outputs["token"]), two);
    const { code, err } = await command("--no-remotes");
    assert.equal(code, 0, err);
    assert.match(err, new RegExp(`${two.fingerprint.slice(0, 12)}\\).*the stack has it already, as "mine"`));
    const taken = entriesIn(out).map(({ inputs }) => inputs?.["clientFingerprint"]);
    assert.deepEqual(taken, [undefined, one.fingerprint]);
  });

  it("knows a client directory by another path, too", async () => {
    const configDir = await joined();
    const link = join(out, "link");
    symlinkSync(configDir, link);
    assert.equal((await command("--no-server", "--config-dir", configDir)).code, 0);
    const [entry] = entriesIn(out);
    const { id = "", inputs = {}, outputs = {} } = entry ?? {};
    inStack({ name: "Remote", id, inputs, outputs, stored: "" });
    const { code, err } = await command("--no-server", "--config-dir", link, "--force");
    assert.equal(code, 0, err);
    assert.match(err, /the remote "prod" .*: the stack has it already, as "mine"/);
  });

  it("leaves out a token that has expired, since the next update would issue another", async () => {
    await on.view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1H" } });
    await on.view.listen();
    await on.view.issueToken("late", anyone);
    let err = "";
    const code = await run(["import", "--no-remotes"], {
      ...{ environment: environment(), directory: out, now: () => new Date(Date.now() + 2 * 3600 * 1000) },
      out: () => undefined,
      err: (text) => void (err += text),
      isTerminal: { out: false, err: false },
    });
    assert.equal(code, 0, err);
    assert.match(err, /the token that waits for "late" .*would change it: the token expired at /);
    assert.deepEqual(names(), ["listener"]);
  });

  it("writes neither file where one cannot be written, and removes keys that a killed run has left", async () => {
    await on.view.listen();
    const left = "import.json.0123456789ab.tmp";
    writeFileSync(join(out, left), "a key");
    // A folder takes no file's place.
    cpSync(on.importer.folder, join(out, "import.json"), { recursive: true });
    const { code, err } = await command("--no-remotes", "--force");
    assert.equal(code, 1);
    assert.match(err, /Writing .*import\.json: .*\[INPUT_INVALID\]/);
    assert.deepEqual(readdirSync(out), ["import.json"]);
  });

  it("says where there is no folder, and makes none for a project", async () => {
    await on.view.listen();
    writeFileSync(join(out, "file"), "");
    for (const [args, message] of [
      [["--out", "file"], /Writing .*\/file\/access\.ts: .*\[INPUT_INVALID\]/],
      [["--cwd", "none"], /--cwd: there is no folder .*\/none \[INPUT_INVALID\]/],
      [["--no-server", "--config-dir", "file/x"], /There is no directory .*\/file\/x \[CLIENT_CONFIG\]/],
      [["--no-server", "--no-remotes"], /cannot be used with/],
    ] as const) {
      const { code, err } = await command(...args);
      assert.equal(code, 1);
      assert.match(err, message);
    }
    assert.deepEqual(readdirSync(out), ["file"]);
  });
});
