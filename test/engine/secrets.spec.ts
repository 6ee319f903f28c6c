/**
 * Secrets that a program gives as plain text, in every place where they can be given, through success and failure: none
 * is to be found in what the engine stores or prints, nor with the provider's process.
 */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makePair } from "../support/openssl-pair";
import { PulumiProject } from "../support/pulumi-project";
import { type AdminClient, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** Makes what given.json lists, so that no secret stands in the program itself. */
const program = `
import * as lxd from "pulumi-lxd-access";
import { readFileSync } from "node:fs";
const resources = lxd as unknown as Record<string, any>;
const given: [string, string, object][] = JSON.parse(readFileSync("given.json", "utf8"));
const made = given.map(([type, name, args]) => new resources[type](name, args));
export const secrets = made.flatMap(({ token, privateKey, pkcs12 }) => [token, privateKey, pkcs12]);
`;

/** Is no secret, and goes everywhere that a secret could go: it shows that the search can find. */
const marker = "findable-client";

describeWith(["pulumi", "lxd-daemon"], "secrets that a program gives as plain text", function () {
  this.timeout(300_000);

  let server: TestServer;
  let view: ServerView;
  let project: PulumiProject;
  let admin: AdminClient;
  const client = makePair("client");
  const stranger = makePair("stranger");
  const secrets = new Map<string, string>();

  /** Everything by which a secret could be recognised, by what it is. */
  const remember = (what: string, secret: unknown): void => {
    const lines = String(secret).split("\n");
    for (const line of lines) if (line.length > 8 && !line.startsWith("-----")) secrets.set(line, what);
    const inner = lines[0]?.startsWith("eyJ") ? Buffer.from(String(secret), "base64").toString() : "{}";
    const { secret: oneShot } = JSON.parse(inner) as { secret?: string };
    if (oneShot !== undefined) secrets.set(oneShot, `the secret in ${what}`);
  };
  const give = (...resources: [type: string, name: string, args: object][]): void => {
    project.write("given.json", JSON.stringify(resources));
  };
  const foundIn = (text: string): string[] =>
    [...new Set([...secrets].filter(([secret]) => text.includes(secret)).map(([, what]) => what))].sort();

  before(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    admin = await openHttps(server);
    project = await PulumiProject.create(program);
    remember("the key of the connection", admin.connection["clientKey"]);
    remember("the key of the Remote", client.privateKey);
    remember("the key of the Remote that is not let in", stranger.privateKey);
  });

  after(async () => {
    await server.stop();
    project.remove();
  });

  const token = async (what: string): Promise<string> => {
    const issued = await view.issueToken(marker, { restricted: false, projects: [] });
    remember(what, issued);
    return issued;
  };
  const password = (text: string): string => {
    remember(`the password ${text.slice(0, 3)}`, text);
    return text;
  };
  const connection = (): object => admin.connection;
  const pair = { clientCertificate: client.certificate, clientKey: client.privateKey };
  const strangers = { clientCertificate: stranger.certificate, clientKey: stranger.privateKey };

  it("pass through creates that succeed, fail, and end half-made", async () => {
    const mistaken = { ...admin.connection, serverFingerprint: "a".repeat(64) };
    const stale = await token("a token that was revoked");
    await view.revokeTokens();
    const inTheWay = join(project.directory, "lxc", "servercerts", "prod.crt");
    mkdirSync(inTheWay, { recursive: true });
    give(
      ["HttpsAddress", "server", { address: admin.address, connection: connection() }],
      ["TrustToken", "invitation", { clientName: marker, projects: [], connection: connection() }],
      ["TrustToken", "elsewhere", { clientName: "x", projects: [], connection: mistaken }],
      ["ClientCertificate", "key", { commonName: marker, pkcs12Password: password("one-password") }],
      ["Remote", "late", { token: stale, ...strangers }],
      ["Remote", "prod", { token: await token("the token of the Remote"), ...pair, configDir: "./lxc" }],
    );
    const provider = watchProvider(project.directory);
    const { code, output } = await project.run(["up", "--yes", "--skip-preview", "--continue-on-error"]);
    const seen = provider.stop();
    assert.notEqual(code, 0);
    for (const failure of ["LXD_SERVER_IDENTITY", "LXD_TOKEN_REJECTED", "PARTIAL"])
      assert.match(output, new RegExp(failure));
    assert.match(output, /4 created/);
    rmSync(inTheWay, { recursive: true });

    assert.match(seen, /dynamic-provider/, "the provider was seen at work");
    assert.match(seen, /PULUMI_CONFIG_PASSPHRASE/, "with its environment");
    assert.deepEqual(foundIn(seen), [], "in the provider's arguments and environment");
  });

  it("pass through a change that shows old and new, and a refresh", async () => {
    const next = makePair("admin-2");
    await view.trust("admin-2", next.certificate);
    remember("the new key of the connection", next.privateKey);
    const other = { ...admin.connection, clientCertificate: next.certificate, clientKey: next.privateKey };
    give(
      ["HttpsAddress", "server", { address: admin.address, connection: other }],
      ["TrustToken", "invitation", { clientName: marker, projects: ["default"], connection: other }],
      ["ClientCertificate", "key", { commonName: marker, pkcs12Password: password("two-password") }],
      ["Remote", "prod", { token: await token("another token of the Remote"), ...pair, configDir: "./lxc" }],
    );
    const planned = await project.expect(0, "preview", "--json");
    assert.match(planned, new RegExp(marker));
    const output = await project.expect(0, "up", "--yes", "--diff", "--show-full-output", "--show-sames");
    assert.match(output, /4 updated/);
    assert.match(output, new RegExp(marker));
    await project.expect(0, "refresh", "--yes", "--diff", "--show-sames");
    const { secrets: made } = await project.outputs();
    assert.ok(Array.isArray(made));
    const known = made.filter((secret) => typeof secret === "string");
    assert.equal(known.length, 4, "the token given and the one issued, a private key, a PKCS#12 archive");
    for (const secret of known) remember("what a resource made", secret);
  });

  it("pass through a check that finds fault with them", async () => {
    give([
      "Remote",
      "wrong",
      {
        token: password("bad-token-given"),
        clientCertificate: pair.clientKey,
        clientKey: password("bad-key-given"),
      },
    ]);
    const wrong = await project.run(["preview"]);
    assert.notEqual(wrong.code, 0);
    for (const name of ["token", "clientCertificate", "clientKey"])
      assert.match(wrong.output, new RegExp(name));

    give(["HttpsAddress", "wrong", { address: ":8443", connection: { ...connection(), socketPath: "/x" } }]);
    const twoWays = await project.run(["preview", "--diff"]);
    assert.match(twoWays.output, /names two ways in/);
  });

  it("are in nothing that was stored or printed, nor in what a destroy leaves", async () => {
    assert.match(await project.expect(0, "stack"), /TrustToken\s+invitation/);
    const traces = await project.traces();
    await project.destroy();
    assert.deepEqual((await view.clients()).map(({ name }) => name).sort(), ["admin", "admin-2"]);

    assert.ok(secrets.size > 25, `${secrets.size} texts to look for`);
    assert.ok(project.transcript.includes(marker) && traces.split(marker).length > 20, "the search finds");
    assert.deepEqual(foundIn(traces), []);
    assert.deepEqual(foundIn(project.transcript), []);
    assert.ok(filesWith(project.directory, [marker]).length > 3, "the search finds");
    assert.deepEqual(filesWith(project.directory, [...secrets.keys()]), []);
  });
});

/** The files of a project that hold one of these texts, by grep; without the client directory and what was given. */
function filesWith(directory: string, texts: readonly string[]): string[] {
  const where = ["--exclude-dir=lxc", "--exclude=given.json", directory];
  const { status, stdout } = spawnSync("grep", ["-rFl", "-f", "-", ...where], {
    input: texts.join("\n"),
    encoding: "utf8",
  });
  assert.ok(status === 0 || status === 1);
  return stdout.split("\n").filter((line) => line !== "");
}

/** Collects arguments and environment of the processes that serve a project's dynamic resources, as long as it runs. */
function watchProvider(directory: string): { stop: () => string } {
  const seen = new Set<string>();
  const look = (): void => {
    for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${id}/cwd`) !== directory) continue;
        seen.add(
          ["cmdline", "environ"].map((file) => readFileSync(`/proc/${id}/${file}`, "utf8")).join("\n"),
        );
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, 50);
  return {
    stop: () => {
      clearInterval(timer);
      return [...seen].join("\n");
    },
  };
}
