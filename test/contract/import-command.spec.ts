/** `lxd-access import` on doubles of each version, and what real servers do not have at will. */
import * as assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "prettier";
import type { ResourceName } from "../../provider/registry";
import { profileNames, startDouble } from "../support/double/double";
import {
  type CommandRun,
  entriesIn,
  runImport,
  saidInTypescript,
  saidInYaml,
  secretsIn,
} from "../support/import-command";
import { useImportStage } from "../support/importing";
import { makePair } from "../support/openssl-pair";
import { rawRequest } from "../support/raw-request";
import { openHttps, viewOf } from "../support/server-view";

const one = makePair("one");
const two = makePair("two");
const three = makePair("three");
const four = makePair("four");

for (const profile of profileNames) {
  describe(`lxd-access import on the double of ${profile}`, () => {
    const on = useImportStage(profile);
    let out: string;
    beforeEach(() => {
      out = mkdtempSync(join(tmpdir(), "lxa-import-out-"));
    });
    afterEach(() => {
      rmSync(out, { recursive: true });
    });

    const command = (...args: string[]): Promise<CommandRun> =>
      runImport(
        out,
        { LXD_ACCESS_SOCKET_PATH: on.server.socketPath, LXD_CONF: "nowhere", INCUS_CONF: "nowhere" },
        ...args,
      );
    const program = (name: string): string => readFileSync(join(out, name), "utf8");
    /** A client directory whose client has joined as "prod". */
    const joined = async (): Promise<string> => {
      const configDir = join(on.importer.folder, "client");
      await on.view.listen();
      const token = await on.view.issueToken("laptop", { restricted: false, projects: [] });
      await on.stack.create("Remote", { name: "prod", token, configDir, configFlavor: on.server.flavor });
      return configDir;
    };
    /** What gives access, as its own API and the directory tell. */
    const everything = async (): Promise<unknown> => [
      await on.view.address(),
      await on.view.clients(),
      await on.view.pendingTokens(),
      ...(on.hasIdentities ? [await on.view.identities()] : []),
      readdirSync(on.importer.folder, { recursive: true }),
    ];

    it("writes all that is there as handlers import it, the program for it, and what is left out", async () => {
      const configDir = await joined();
      await on.view.createProject("web");
      await on.view.trust("boss", one.certificate);
      await on.view.redeem(await on.view.issueToken("ci", { restricted: true, projects: ["web"] }), two);
      await on.view.request("POST", "/1.0/certificates", {
        name: "prometheus",
        type: "metrics",
        certificate: three.der,
      });
      if (on.hasIdentities) {
        await on.view.createGroup("readers");
        await on.view.redeem(await on.view.invite("eu/dev", ["readers"]), four);
        await on.view.invite("expected", ["readers"]);
      }
      await on.view.issueToken("guest", { restricted: false, projects: [] });
      const before = await everything();

      const { code, out: said, err } = await command("--config-dir", configDir);
      assert.equal(code, 0, err);
      assert.deepEqual(await everything(), before);

      const names = ["listener", "client-boss", "client-ci", "client-laptop", "token-guest", "remote-prod"];
      if (on.hasIdentities) names.push("client-eu-dev");
      // Incus' client writes this one, as any other.
      if (on.server.flavor === "incus") names.push("remote-images");
      const entries = entriesIn(out);
      assert.deepEqual(new Set(entries.map(({ name }) => name)), new Set(names));
      for (const { type, id, inputs = {}, outputs = {} } of entries) {
        const resource = type.replace("pulumi-nodejs:dynamic/lxd-access:", "") as ResourceName;
        const { args, state } = await on.importer.take(resource, id);
        const provider = `exports.handler=()=>require("pulumi-lxd-access/provider").${resource};`;
        assert.deepEqual(inputs, { ...args, __provider: provider });
        const present = Object.entries(outputs).filter(([, value]) => value !== null);
        assert.deepEqual(Object.fromEntries(present), { ...state, __provider: provider });
      }

      const text = program("access.ts");
      assert.deepEqual(
        new Set(saidInTypescript(text).map((resource) => JSON.stringify(resource))),
        new Set(
          entries.map(({ type, name, inputs: { __provider: _provider, ...inputs } = {} }) =>
            JSON.stringify({ resource: type.split(":").at(-1), name, inputs, options: { protect: true } }),
          ),
        ),
      );
      assert.ok(await check(text, { parser: "typescript" }), text);

      for (const place of [err, text]) {
        assert.match(place, /the certificate "prometheus" .*: it is of type metrics, no client's/);
        assert.match(place, /"local".*: every client has this built in/);
        if (on.hasIdentities)
          assert.match(place, /the client "expected" .* waits for its client.*\[INPUT_INVALID\]/);
      }
      const secrets = secretsIn(out);
      // A token, and at least two lines of a key.
      assert.ok(secrets.length > 2);
      for (const secret of secrets) assert.ok(![text, said, err].join("\n").includes(secret));
      assert.match(said, /`import "\.\/access";` in index\.ts/);
      assert.match(said, /pulumi import --file import\.json --generate-code=false/);
    });

    it("writes for the plugin only ids, and a program in YAML", async () => {
      const configDir = await joined();
      await on.view.issueToken("guest ${x}", { restricted: false, projects: [] });
      await command("--config-dir", configDir);
      const whole = entriesIn(out);
      const { code } = await command("--config-dir", configDir, "--front", "plugin", "--force");
      assert.equal(code, 0);
      assert.deepEqual(secretsIn(out), []);
      const entries = entriesIn(out);
      assert.deepEqual(
        entries,
        whole.map(({ type, name, id }) => ({
          type: `lxd-access:index:${type.split(":").at(-1) ?? ""}`,
          name,
          id,
        })),
      );
      assert.deepEqual(saidInYaml(program("access.yaml")), saidInTypescript(program("access.ts")));
    });

    it("leaves out the client of its own connection", async () => {
      const { connection } = await openHttps(on.server, one);
      await on.view.trust("ci", two.certificate);
      const environment = {
        LXD_ACCESS_ADDRESS: connection.address,
        LXD_ACCESS_CLIENT_CERTIFICATE: connection.clientCertificate,
        LXD_ACCESS_CLIENT_KEY: connection.clientKey,
        LXD_ACCESS_SERVER_FINGERPRINT: connection.serverFingerprint,
      };
      const { code, err } = await runImport(out, environment, "--no-remotes");
      assert.equal(code, 0, err);
      assert.match(err, /the client "admin" .*: it is the connection's own client/);
      assert.deepEqual(
        entriesIn(out).map(({ name }) => name),
        ["listener", "client-ci"],
      );
    });

    it("takes what is on the server of a remote, by ids and connections that name it", async () => {
      const configDir = await joined();
      await on.view.trust("ci", two.certificate);
      const { code, err } = await command("--remote", "prod", "--config-dir", configDir, "--no-remotes");
      assert.equal(code, 0, err);
      assert.match(err, /the client "laptop" .*: it is the connection's own client/);
      const connection = { remote: "prod", configDir };
      assert.deepEqual(
        saidInTypescript(program("access.ts")).map(({ name, inputs }) => [name, inputs["connection"]]),
        [
          ["prod-listener", connection],
          ["prod-client-ci", connection],
        ],
      );
      const refused = await command(
        "--remote",
        "prod",
        "--config-dir",
        configDir,
        "--front",
        "plugin",
        "--force",
      );
      assert.equal(refused.code, 1);
      assert.match(refused.err, /pulumi config set lxd-access:configDir .*\[INPUT_INVALID\]/);
    });

    it("says names that are code, markup or endless, and leaves out what no program can say", async () => {
      await on.view.listen();
      const names = [
        '"); process.exit(1); (',
        "'`${process.exit(1)}`\\",
        "__proto__",
        "* 🦄 ☃ */",
        "x".repeat(200),
        "a:b",
        "ключ",
        "{}: !!js # &a *b",
      ].map((name) => name.replace("/", "\u2215"));
      for (const name of names) await on.view.issueToken(name, { restricted: false, projects: [] });
      // Newer servers refuse these themselves.
      const unsayable: string[] = [];
      for (const name of ['"); process.exit(1); //', "-rf"])
        await on.view.issueToken(name, { restricted: false, projects: [] }).then(
          () => unsayable.push(name),
          (error: unknown) => {
            assert.match(String(error), /Invalid certificate name/);
          },
        );
      const { code, err } = await command("--no-remotes");
      assert.equal(code, 0, err);
      const text = program("access.ts");
      const said = saidInTypescript(text);
      const clients = said.flatMap(({ inputs }) => inputs["clientName"] ?? []);
      assert.deepEqual(new Set(clients), new Set(names));
      assert.equal(new Set(said.map(({ name }) => name)).size, said.length);
      assert.ok(said.every(({ name }) => /^[\p{L}\p{N}_.-]{1,80}$/u.test(name)));
      assert.equal(
        err.match(/the token that waits for .*: no program can say its name: /g)?.length ?? 0,
        unsayable.length,
      );
      for (const name of unsayable) assert.ok(err.includes(JSON.stringify(name)));
      assert.ok(await check(text, { parser: "typescript" }), text);
      await command("--no-remotes", "--front", "plugin", "--force");
      assert.deepEqual(saidInYaml(program("access.yaml")), said);
    });
  });
}

describe("lxd-access import", () => {
  const on = useImportStage("lxd-5.0");
  let out: string;
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), "lxa-import-out-"));
  });
  afterEach(() => {
    rmSync(out, { recursive: true });
  });
  const nowhere = { LXD_CONF: "nowhere", INCUS_CONF: "nowhere" };
  const command = (...args: string[]): Promise<CommandRun> =>
    runImport(out, { ...nowhere, LXD_ACCESS_SOCKET_PATH: on.server.socketPath }, ...args);
  const names = (): string[] => entriesIn(out).map(({ name }) => name);

  it("tells clients of one name apart by their fingerprints", async () => {
    for (const { certificate } of [one, two]) await on.view.trust("ci", certificate);
    await on.view.trust("other", three.certificate);
    await command("--no-remotes");
    const expected = [one, two].map(({ fingerprint }) => `client-ci-${fingerprint.slice(0, 8)}`);
    assert.deepEqual(new Set(names()), new Set([...expected, "client-other"]));
  });

  it("overwrites nothing that is there, unless it is told to, and then neither follows a link nor keeps a mode", async () => {
    await on.view.trust("ci", one.certificate);
    const elsewhere = join(out, "elsewhere");
    writeFileSync(elsewhere, "of others");
    symlinkSync(elsewhere, join(out, "import.json"));
    const refused = await command("--no-remotes");
    assert.equal(refused.code, 1);
    assert.match(refused.err, /import\.json would be overwritten\..*--force \[INPUT_INVALID\]/);
    assert.deepEqual(readdirSync(out).sort(), ["elsewhere", "import.json"]);
    assert.equal((await command("--no-remotes", "--force")).code, 0);
    assert.deepEqual(names(), ["client-ci"]);
    chmodSync(join(out, "import.json"), 0o644);
    assert.equal((await command("--no-remotes", "--force")).code, 0);
    assert.deepEqual(names(), ["client-ci"]);
    assert.equal(readFileSync(elsewhere, "utf8"), "of others");
    assert.deepEqual(readdirSync(out).sort(), ["access.ts", "elsewhere", "import.json"]);
  });

  it("overwrites nothing that came while it looked", async () => {
    const double = await startDouble("lxd-5.0", { speed: 5 });
    await viewOf(double).trust("ci", one.certificate);
    double.intercept(() => {
      writeFileSync(join(out, "import.json"), "of others");
      return undefined;
    });
    const { code, err } = await runImport(out, { LXD_ACCESS_SOCKET_PATH: double.socketPath }, "--no-remotes");
    await double.stop();
    assert.equal(code, 1);
    assert.match(err, /import\.json would be overwritten\..*\[INPUT_INVALID\]/);
    assert.equal(readFileSync(join(out, "import.json"), "utf8"), "of others");
    assert.deepEqual(
      readdirSync(out).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("takes the rest where a server does not answer, and fails where there is nothing else", async () => {
    await on.view.trust("ci", one.certificate);
    const configDir = join(on.importer.folder, "client");
    await on.view.listen();
    const token = await on.view.issueToken("laptop", { restricted: false, projects: [] });
    await on.stack.create("Remote", { name: "prod", token, configDir });
    const file = join(configDir, "config.yml");
    const dead = "gone: {addr: 'https://127.0.0.1:1'}";
    writeFileSync(file, readFileSync(file, "utf8").replace(/^remotes:$/m, `remotes:\n  ${dead}`));
    const pin = readFileSync(join(configDir, "servercerts", "prod.crt"));
    writeFileSync(join(configDir, "servercerts", "gone.crt"), pin);
    const environment = { ...nowhere, LXD_ACCESS_SOCKET_PATH: join(out, "no.socket") };
    const { code, err } = await runImport(out, environment, "--config-dir", configDir);
    assert.equal(code, 0, err);
    assert.deepEqual(names(), ["remote-prod"]);
    assert.match(err, /Could not be looked at:\n- the server: .*no\.socket.*\[LXD_UNREACHABLE\]/);
    assert.match(err, /the remote "gone" .*\[LXD_UNREACHABLE\]/);
    rmSync(join(out, "import.json"));
    rmSync(join(out, "access.ts"));
    const nothing = await runImport(out, environment);
    assert.equal(nothing.code, 1);
    assert.match(nothing.out, /There is nothing to take over\. Nothing was written\./);
    assert.deepEqual(readdirSync(out), []);
  });

  it("takes the rest of a cluster of which a member is down", async () => {
    await on.view.listen();
    const { body } = await rawRequest(on.server, "GET", "/1.0");
    const shown = body.metadata as { environment: Record<string, unknown> };
    shown.environment["server_clustered"] = true;
    const members = ["a", "b"].map((server_name) => ({ server_name, status: "Online" }));
    const answers = await startDouble("lxd-5.0", { speed: 5 });
    answers.intercept(({ method, path }) => {
      if (method !== "GET") return undefined;
      if (path.startsWith("/1.0/cluster/members"))
        return { status: 200, body: { ...body, metadata: members } };
      if (/^\/1\.0(\?target=a)?$/.test(path)) return { status: 200, body: { ...body, metadata: shown } };
      // As LXD says it, after ten seconds.
      const error = "Missing event connection with target cluster member";
      return path.startsWith("/1.0?target=b")
        ? { status: 500, body: { type: "error", error, error_code: 500, metadata: null } }
        : undefined;
    });
    const { code, err } = await runImport(
      out,
      { LXD_ACCESS_SOCKET_PATH: answers.socketPath },
      "--no-remotes",
    );
    await answers.stop();
    assert.equal(code, 0, err);
    assert.match(err, /the listener of the member "b" .*Missing event connection.*\[LXD_UNREACHABLE\]/);
    assert.deepEqual(names(), ["listener-a"]);
  });

  it("goes by the stack of the project that it is called in, and writes beside the program", async () => {
    await on.view.trust("ci", one.certificate);
    const pulumi = (answer: string): void => {
      writeFileSync(join(out, "pulumi"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    };
    writeFileSync(join(out, "Pulumi.yaml"), "name: test\nruntime: nodejs\nmain: program\n");
    for (const folder of ["program", "deep"]) mkdirSync(join(out, folder));
    const environment = { ...nowhere, PATH: `${out}:${process.env["PATH"] ?? ""}` };
    const call = (): Promise<CommandRun> =>
      runImport(join(out, "deep"), environment, "--stack", "prod", "--no-remotes");

    pulumi('echo "error: no stack named prod found" >&2; exit 255');
    const refused = await call();
    assert.equal(refused.code, 1);
    assert.match(
      refused.err,
      /the stack prod in .*pulumi said: no stack named prod found \[CONFIG_INVALID\]/,
    );

    const config = JSON.stringify({ "lxd-access:socketPath": { value: on.server.socketPath } });
    const exported = JSON.stringify({ version: 3, deployment: {} });
    pulumi(
      `case "$*" in config*--stack\\ prod*) echo '${config}' ;; stack*--stack\\ prod*) echo '${exported}' ;; esac`,
    );
    const { code, out: said, err } = await call();
    assert.equal(code, 0, err);
    assert.deepEqual(readdirSync(join(out, "program")).sort(), ["access.ts", "import.json"]);
    assert.match(
      said,
      /^ {2}pulumi import --file \.\.\/program\/import\.json --generate-code=false --stack prod$/m,
    );
  });

  it("says what cannot be looked at where a remote or a directory is none", async () => {
    for (const [args, message] of [
      [["--remote", "a:b"], /"a:b" can be no remote's name \[INPUT_INVALID\]/],
      [["--remote", ""], /"" can be no remote's name \[INPUT_INVALID\]/],
      [["--remote", "none"], /There is no remote "none".*\[CLIENT_CONFIG\]/],
      [["--no-server", "--config-dir", "none"], /There is no directory .*none \[CLIENT_CONFIG\]/],
    ] as const) {
      const { code, err } = await runImport(out, nowhere, ...args);
      assert.equal(code, 1);
      assert.match(err, message);
    }
  });

  it("writes nothing where there is nothing", async () => {
    const { code, out: said } = await command();
    assert.equal(code, 0);
    assert.match(said, /There is nothing to take over/);
    assert.deepEqual(readdirSync(out), []);
  });

  it("takes the remotes of the directories that lxc and incus use, where none is named", async () => {
    await on.view.listen();
    const token = await on.view.issueToken("laptop", { restricted: false, projects: [] });
    await on.stack.create("Remote", { name: "prod", token, configDir: join(out, "conf") });
    const usual = { LXD_CONF: join(out, "conf"), INCUS_CONF: join(out, "none") };
    const to = join(out, "fleet");
    const { code, out: said, err } = await runImport(out, usual, "--no-server", "--out", "fleet");
    assert.equal(code, 0, err);
    assert.match(said, /pulumi import --file fleet\/import\.json .*`import "\.\/fleet\/access";`/s);
    const [entry] = entriesIn(to);
    assert.equal(entry?.id, `prod:${join(out, "conf")}`);
  });
});
