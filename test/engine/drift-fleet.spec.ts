/** A fleet of ten real LXD servers, of which two are dead, one was changed by hand and one has a client that nobody manages. */
import * as assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { load } from "cheerio";
import { listenOn } from "../contract/tls-listener";
import { driftIn } from "../support/drift-command";
import { makePair } from "../support/openssl-pair";
import { PulumiProject } from "../support/pulumi-project";
import { type AdminClient, openHttps, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

/** Their places in the fleet. */
const [changed, infiltrated, stopped, silent] = [2, 4, 6, 8];
const timeouts = { connect: 2, request: 5 };

/** For each host its listener, an invitation and a remote; one key joins them all. */
function programFor(hosts: readonly AdminClient[]): string {
  const ofHosts = hosts.flatMap(({ connection }, index) => {
    const way = { ...connection, clientKey: "${adminKey}", timeouts };
    const token = { clientName: "ci", projects: ["default"], connection: way };
    const remote = {
      ...{ name: `host-${index}`, token: `\${token-${index}.token}`, configDir: "./lxc", timeouts },
      ...{ clientCertificate: "${key.certificate}", clientKey: "${key.privateKey}" },
    };
    return [
      [
        `listener-${index}`,
        { type: "lxd-access:HttpsAddress", properties: { address: way.address, connection: way } },
      ],
      [`token-${index}`, { type: "lxd-access:TrustToken", properties: token }],
      [`remote-${index}`, { type: "lxd-access:Remote", properties: remote }],
    ] as const;
  });
  const key = { type: "lxd-access:ClientCertificate", properties: { commonName: "ci" } };
  // JSON is YAML.
  return `config: { adminKey: { type: string, secret: true } }\nresources: ${JSON.stringify({ key, ...Object.fromEntries(ofHosts) })}\n`;
}

describeWith(["pulumi", "lxd-daemon"], "a fleet of ten servers, looked at by lxd-access drift", function () {
  this.timeout(300_000);

  const admin = makePair("admin");
  let fleet: TestServer[];
  let hosts: AdminClient[];
  let project: PulumiProject;
  let mute: Awaited<ReturnType<typeof listenOn>>;
  const recorders: { process: ChildProcess; text: string }[] = [];
  const lxc = (server: TestServer, ...args: string[]): string[] => {
    const env = { ...process.env, LXD_CONF: join(project.directory, "own"), LXD_DIR: server.directory };
    return execFileSync("lxc", args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(
      "\n",
    );
  };
  const live = (): TestServer[] => fleet.filter((_server, index) => index !== stopped && index !== silent);
  const place = (index: number): string => `https://${String(hosts[index]?.address)}`;

  before(async () => {
    fleet = await Promise.all(Array.from({ length: 10 }, () => startServer("lxd-daemon")));
    hosts = await Promise.all(fleet.map((server) => openHttps(server, admin)));
    project = await PulumiProject.create(programFor(hosts), { language: "yaml" });
    await project.configure("test:adminKey", admin.privateKey, "secret");
    await project.up();
    const at = (index: number): TestServer => fleet[index] ?? assert.fail();
    const ci = (await viewOf(at(changed)).clients()).find(({ name }) => name === "ci");
    const entry = `local:/1.0/certificates/${String(ci?.fingerprint)}`;
    lxc(at(changed), "query", "--request", "PATCH", entry, "--data", '{"projects":[]}');
    await viewOf(at(infiltrated)).trust("mallory", makePair("mallory").certificate);
    await Promise.all([at(stopped).stop(), at(silent).stop()]);
    mute = await listenOn(createServer(), Number(hosts[silent]?.address.split(":").at(-1)));
    await Promise.all(live().map(record));
  });

  after(async () => {
    for (const { process: one } of recorders) one.kill();
    await mute.close();
    await Promise.all(live().map((server) => server.stop()));
    project.remove();
  });

  /** Has the server itself tell of each request from now on. */
  async function record(server: TestServer): Promise<void> {
    const env = { ...process.env, LXD_CONF: join(project.directory, "own"), LXD_DIR: server.directory };
    const one = spawn("lxc", ["monitor", "--type=logging", "--format=json"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const recorder = { process: one, text: "" };
    one.stdout.on("data", (chunk) => (recorder.text += String(chunk)));
    recorders.push(recorder);
    while (!recorder.text.includes("Event listener server handler started")) await once(one.stdout, "data");
  }

  /** All that could have been changed: servers by what they say themselves, every file of the project, the state included. */
  async function everything(): Promise<unknown> {
    const ofServers = live().map(async (server) => {
      const view = viewOf(server);
      const { config } = (await view.request("GET", "/1.0")) as { config: unknown };
      const projects = await view.request("GET", "/1.0/projects?recursion=1");
      return [config, await view.clients(), await view.pendingTokens(), projects];
    });
    const files = readdirSync(project.directory, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !/\.(tmp|home|bin)|reports/.test(file.parentPath))
      .map((file) => join(file.parentPath, file.name));
    return {
      servers: await Promise.all(ofServers),
      files: files.map((file) => [file, readFileSync(file, "base64")]),
    };
  }

  it("tells what is changed, unmanaged and unreachable, in every format, and changes nothing", async () => {
    const before = await everything();
    const waited = mute.connections();
    project.write("reports/.keep", "");
    const formats = ["text", "junit", "markdown", "html"];
    const args = formats.flatMap((format) => ["--format", `${format}=reports/${format}`]);
    const { report } = await driftIn(project, ...args);
    const file = (format: string): string => readFileSync(join(project.directory, "reports", format), "utf8");
    // One connection for the administrator, and one for the client of the remote.
    assert.equal(mute.connections() - waited, 2);
    assert.deepEqual(await everything(), before);
    const methods = recorders.flatMap(({ text }) =>
      [...text.matchAll(/"method":"([A-Z]+)"/g)].map(([, method]) => method),
    );
    assert.ok(methods.length > live().length);
    assert.deepEqual([...new Set(methods)], ["GET"]);

    assert.deepEqual([report.exitCode, report.outcome, report.resources.length], [2, "drift", 31]);
    const dead = [stopped, silent].flatMap((index) => [
      `listener-${index}`,
      `token-${index}`,
      `remote-${index}`,
    ]);
    const expected = report.resources.map(({ name }) => {
      if (dead.includes(name)) return [name, "unreachable"];
      return [name, name === `token-${changed}` ? "changed" : "in-sync"];
    });
    assert.deepEqual(
      report.resources.map(({ name, status }) => [name, status]),
      expected,
    );
    assert.deepEqual(
      Object.fromEntries(report.servers.map(({ name, status, clients }) => [name, [status, clients]])),
      Object.fromEntries(
        hosts.map((_host, index) => {
          if (index === stopped || index === silent) return [place(index), ["unreachable", undefined]];
          return [place(index), ["seen", index === infiltrated ? 3 : 2]];
        }),
      ),
    );
    const found = report.findings.map(({ kind, name, property, server }) =>
      [kind, name, property, server].join(" "),
    );
    assert.deepEqual(
      found.sort(),
      [
        `changed token-${changed} projects ${place(changed)}`,
        `unmanaged-client mallory  ${place(infiltrated)}`,
        ...dead.map((name) => `unreachable ${name}  ${place(Number(name.split("-")[1]))}`),
      ].sort(),
    );

    const document = load(file("junit"), { xml: true });
    const tests = (result: string): string[] =>
      document(`testcase:has(${result})`)
        .toArray()
        .map((one) => String(document(one).attr("name")).replace(/^.* /, ""))
        .sort();
    assert.equal(document("testcase").length, 31 + 10);
    assert.deepEqual(tests("failure"), [`token-${changed}`, place(infiltrated)].sort());
    assert.deepEqual(tests("error"), [...dead].sort());
    assert.deepEqual(tests("skipped"), [place(stopped), place(silent)].sort());
    const [{ micromark }, { gfm, gfmHtml }] = await Promise.all([
      import("micromark"),
      import("micromark-extension-gfm"),
    ]);
    const options = { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] };
    const texts = {
      text: file("text"),
      markdown: load(micromark(file("markdown"), options))("body").text(),
      html: load(file("html"))("body").text(),
    };
    for (const [format, text] of Object.entries(texts))
      for (const part of [
        `token-${changed}`,
        "projects",
        "mallory",
        ...dead,
        place(stopped),
        place(silent),
        place(infiltrated),
      ])
        assert.ok(text.includes(part), `${format} lacks ${part}`);
    for (const text of Object.values(texts)) assert.ok(!text.includes(admin.privateKey.split("\n")[1] ?? ""));
  });
});
