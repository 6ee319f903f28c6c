/** What the plugin can do and the dynamic front cannot, by the real engine on a real LXD: options, cancelling, import. */
import * as assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Gate, gateTo } from "../support/gate";
import { makePair, type OpensslPair } from "../support/openssl-pair";
import { exitChanges, PulumiProject } from "../support/pulumi-project";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

describeWith(["pulumi", "lxd-daemon"], "the plugin by the real engine", function () {
  this.timeout(300_000);

  let server: TestServer;
  let view: ServerView;
  let admin: OpensslPair;
  let gate: Gate;
  let project: PulumiProject;

  /** A provider of its own for the server behind the gate, and what is to be there. `options` are those of the token. */
  const program = (options = "", passwordOfKey = ""): string => `
config: { serverFingerprint: { type: string }, adminKey: { type: string, secret: true } }
variables:
  seen: { "fn::invoke": { function: "lxd-access:getServer", options: { provider: "\${behind}" } } }
resources:
  behind:
    type: pulumi:providers:lxd-access
    properties:
      address: 127.0.0.1:${gate.port}
      clientCertificate: ${JSON.stringify(admin.certificate)}
      clientKey: \${adminKey}
      serverFingerprint: \${serverFingerprint}
      timeouts: { connect: 300 }
  invitation:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [default] }
    options: { provider: "\${behind}"${options} }
  key:
    type: lxd-access:ClientCertificate
    properties: { commonName: ci${passwordOfKey} }
    options: { replaceOnChanges: [pkcs12Password] }
outputs: { token: "\${invitation.token}", privateKey: "\${key.privateKey}", type: "\${seen.serverType}" }
`;

  before(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    admin = makePair("admin");
    const { address, connection } = await openHttps(server, admin);
    gate = await gateTo(Number(address.split(":").at(-1)));
    project = await PulumiProject.create(program(), { language: "yaml" });
    await project.configure("test:serverFingerprint", connection.serverFingerprint);
    await project.configure("test:adminKey", admin.privateKey, "secret");
  });

  after(async () => {
    await gate.close();
    await server.stop();
    project.remove();
  });

  const withoutFunction = (text: string): string =>
    text.replace(/^variables:\n.*\n/m, "").replace(/, type: [^}]*\}" \}/, " }");

  it("stops a create that waits when the run is interrupted, and the next `up` goes on", async () => {
    // The function would wait first.
    project.give(withoutFunction(program()));
    gate.shut();
    const command = process.env["LXD_ACCESS_TEST_PULUMI"] ?? "pulumi";
    const args = ["up", "--yes", "--skip-preview", "--non-interactive"];
    const run = spawn(command, args, {
      cwd: project.directory,
      env: project.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [run.stdout, run.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
    // What the user is shown while it waits.
    while (!/TrustToken invitation creating .*127\.0\.0\.1/.test(output)) await once(run.stdout, "data");
    run.kill("SIGINT");
    const [code] = (await once(run, "close")) as [number];
    assert.notEqual(code, 0);
    assert.match(output, /cancelled before anything was changed.*\[CANCELLED\]/);
    gate.open();
    assert.deepEqual(await view.pendingTokens(), []);

    project.give(program());
    await project.up();
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
  });

  it("waits for a server no longer than customTimeouts say", async () => {
    project.give(withoutFunction(program(`, customTimeouts: { update: 1s }`)).replace("[default]", "[]"));
    gate.shut();
    const { code, output } = await project.run(["up", "--yes", "--skip-preview"]);
    gate.open();
    assert.notEqual(code, 0);
    assert.match(
      output,
      /not done within the 1 s that customTimeouts allow, and nothing was changed.*\[LXD_TIMEOUT\]/,
    );
  });

  it("follows ignoreChanges and replaceOnChanges", async () => {
    const password = `, pkcs12Password: { "fn::secret": "a password" }`;
    project.give(program(`, ignoreChanges: [projects]`, password).replace("[default]", "[]"));
    const shown = await project.expect(0, "preview", "--diff");
    assert.match(shown, /\+-lxd-access:index:ClientCertificate: \(replace\)/);
    assert.match(shown, /\+ pkcs12Password: \[secret\]/);
    assert.doesNotMatch(shown, /TrustToken/);
    project.give(program().replace("[default]", "[]"));
    assert.match(await project.expect(0, "preview", "--diff"), /~ projects: \[\s+- \[0\]: "default"/);
  });

  it("marks every secret in what it answers to the engine", async () => {
    const log = join(project.directory, "grpc.json");
    project.env["PULUMI_DEBUG_GRPC"] = log;
    project.give(program(`, additionalSecretOutputs: [addresses]`, `, pkcs12Password: "a password"`));
    await project.up();
    await project.expect(0, "refresh", "--yes", "--skip-preview");
    delete project.env["PULUMI_DEBUG_GRPC"];
    const { token, privateKey, type } = await project.outputs();
    assert.equal(type, "lxd");
    const lines = readFileSync(log, "utf8").trim().split("\n");
    rmSync(log);
    const answered = lines
      .map((line) => JSON.parse(line) as { method: string; response: unknown })
      .filter(({ method }) => method.startsWith("/pulumirpc.ResourceProvider/"));
    const methods = new Set(answered.map(({ method }) => method.split("/").at(-1)));
    for (const method of ["CheckConfig", "Check", "Create", "Diff", "Read", "Invoke"])
      assert.ok(methods.has(method), `${method} was not called`);
    const plain = JSON.stringify(
      answered.map(({ response }) => response),
      (_key, value: unknown) =>
        typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value
          ? ""
          : value,
    );
    assert.ok(plain.includes(admin.certificate.split("\n")[1] ?? "?"), "the search looks at what is there");
    const secretOf = (encoded: unknown): string =>
      (JSON.parse(Buffer.from(String(encoded), "base64").toString()) as { secret: string }).secret;
    for (const secret of [
      String(token),
      secretOf(token),
      "a password",
      ...linesOf(privateKey),
      ...linesOf(admin.privateKey),
    ])
      assert.ok(!plain.includes(secret), "a secret that is not marked");
    const traces = await project.traces();
    for (const secret of [String(token), ...linesOf(privateKey), ...linesOf(admin.privateKey)])
      assert.ok(!traces.includes(secret), "a secret in plain text");
    await project.destroy();
    assert.deepEqual(await view.pendingTokens(), []);
  });

  it("leaves a listener whose resource gets another name and another provider at once", async () => {
    const renamed = (provider: string, name: string): string => `
resources:
  ${provider}: { type: "pulumi:providers:lxd-access", properties: { socketPath: ${server.socketPath} } }
  ${name}:
    type: lxd-access:HttpsAddress
    properties: { address: "\${address}" }
    options: { provider: "\${${provider}}" }
config: { address: { type: string } }
`;
    const address = `127.0.0.1:${await freePort()}`;
    await project.configure("test:address", address);
    project.give(renamed("one", "server"));
    await project.up();
    project.give(renamed("other", "listener"));
    await project.up();
    assert.equal(await view.address(), address);
    await project.destroy();
  });

  it("imports a server that was set up by hand, after which there is nothing to do", async () => {
    const lxc = (...args: string[]): string =>
      execFileSync("lxc", args, {
        env: { ...process.env, LXD_DIR: server.directory, LXD_CONF: join(project.directory, "lxc") },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    const hand = makePair("hand");
    const file = join(project.directory, "hand.crt");
    writeFileSync(file, hand.certificate);
    lxc("config", "trust", "add", file, "--name", "hand", "--restricted", "--projects", "default");
    const added = lxc("config", "trust", "add", "--name", "waiting");
    const token = added.trim().split("\n").at(-1) ?? "";
    const joined = lxc("config", "trust", "add", "--name", "joined").trim().split("\n").at(-1) ?? "";
    lxc("remote", "add", "prod", joined);
    const before = [await view.clients(), await view.pendingTokens(), await view.address()];

    await project.configure("lxd-access:socketPath", server.socketPath);
    const type = (name: string): string => `lxd-access:index:${name}`;
    const resources = [
      { type: type("HttpsAddress"), name: "server", id: "core.https_address" },
      { type: type("TrustToken"), name: "hand", id: "certificate/hand" },
      { type: type("TrustToken"), name: "waiting", id: "certificate/waiting" },
      { type: type("Remote"), name: "prod", id: "prod:./lxc" },
      { type: type("ClientCertificate"), name: "pair", id: "./lxc" },
    ];
    project.write("import.json", JSON.stringify({ resources }));
    await project.expect(
      0,
      "import",
      "--file",
      "import.json",
      "--yes",
      "--skip-preview",
      "--protect=false",
      "--out",
      "made.yaml",
    );
    project.give(readFileSync(join(project.directory, "made.yaml"), "utf8"));
    await project.expect(0, "preview", "--refresh", "--expect-no-changes");
    assert.deepEqual([await view.clients(), await view.pendingTokens(), await view.address()], before);
    const traces = await project.traces();
    assert.ok(!traces.includes(token), "the token in plain text");

    lxc("config", "trust", "remove", hand.fingerprint);
    await project.expect(exitChanges, "preview", "--refresh", "--expect-no-changes");
    await project.destroy();
    const clients = (await view.clients()).map(({ name }) => name);
    assert.deepEqual(clients.sort(), ["admin", "joined"], "what was found stays");
    assert.equal(await view.address(), before[2]);
  });
});

/** The lines of a PEM text between its first and its last. */
function linesOf(pem: unknown): string[] {
  return String(pem)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("-----"));
}
