/** The examples as they stand, by the real engine, on real servers, looked at with the servers' own clients. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ClientFlavor, runClient } from "../support/client-command";
import { startTestCluster, type TestCluster } from "../support/cluster";
import { type Forwarder, forwardTo } from "../support/forwarder";
import { exampleDoesTheMainJob } from "../support/main-job-example";
import { PulumiProject } from "../support/pulumi-project";
import { rawRequest } from "../support/raw-request";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";

const examples = resolve(__dirname, "../../examples");

/** A project with an example's program, set up for a server. */
function projectOf(name: string, config: Record<string, string>): Promise<PulumiProject> {
  const program = readFileSync(join(examples, name, "index.ts"), "utf8");
  return PulumiProject.create(program, { config: { "test:configDirectory": "./client", ...config } });
}

/** Runs the real client on the example's client directory. */
function client(flavor: ClientFlavor, project: PulumiProject, ...args: string[]): Promise<string> {
  return runClient(flavor, join(project.directory, "client"), ...args);
}

/** Nothing is left to do, not even after a look at the server. */
async function settled(project: PulumiProject): Promise<void> {
  await project.expect(0, "preview", "--refresh", "--expect-no-changes");
}

const clientNames = async (view: ServerView): Promise<string[]> =>
  (await view.clients()).filter(({ type }) => type === "client").map(({ name }) => name);

for (const [name, kind, flavor] of [
  ["single-host", "lxd-daemon", "lxd"],
  ["incus", "incus-daemon", "incus"],
] as const) {
  describeWith(["pulumi", kind], `the example ${name}`, function () {
    this.timeout(300_000);
    let server: TestServer;
    let project: PulumiProject;

    before(async () => {
      server = await startServer(kind);
      project = await projectOf(name, {
        "lxd-access:socketPath": server.socketPath,
        "test:address": `127.0.0.1:${await freePort()}`,
      });
    });
    after(async () => {
      await server.stop();
      project.remove();
    });

    it("brings the server in, as the default remote of its client", async () => {
      await project.up();
      assert.equal((await client(flavor, project, "remote", "get-default")).trim(), "host");
      assert.deepEqual(JSON.parse(await client(flavor, project, "list", "--format", "json")), []);
    });

    it("notices what somebody changes by hand, and mends it", async () => {
      const view = viewOf(server);
      const [trusted] = await view.clients();
      await view.removeClient(trusted?.fingerprint ?? "");
      // What a preview says of it is shown by the main job.
      assert.match(await project.up("--refresh"), /[1-9]\d* updated/);
      assert.deepEqual(JSON.parse(await client(flavor, project, "list", "--format", "json")), []);
      await settled(project);
    });

    it("takes everything back", async () => {
      await project.destroy();
      assert.equal(await viewOf(server).address(), "");
      assert.deepEqual(await viewOf(server).clients(), []);
      assert.equal((await client(flavor, project, "remote", "get-default")).trim(), "local");
    });
  });
}

exampleDoesTheMainJob("yaml", []);

describeWith(["pulumi", "lxd-daemon", "sshd"], "the example fleet-over-ssh", function () {
  this.timeout(300_000);
  let sshd: TestSshd;
  let servers: TestServer[];
  let project: PulumiProject;

  before(async () => {
    sshd = await startTestSshd();
    servers = await Promise.all([1, 2, 3].map(() => startServer("lxd-daemon")));
    const hosts = await Promise.all(
      servers.map(async ({ socketPath }, index) => {
        const port = await freePort();
        // The last one has its own address in the subnet chosen.
        const listens = index < 2 ? { address: `127.0.0.1:${port}` } : { listenPort: port };
        return { name: `edge-${index}`, host: "127.0.0.1", port: sshd.port, socketPath, ...listens };
      }),
    );
    project = await projectOf("fleet-over-ssh", {
      "test:hosts": JSON.stringify(hosts),
      "test:subnet": "127.0.0.0/8",
      "test:user": sshd.user,
      "test:knownHosts": sshd.knownHostsPath,
    });
    await project.configure("test:privateKey", sshd.privateKey, "secret");
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await sshd.stop();
    project.remove();
  });

  it("brings in hosts that did not listen, with one identity", async () => {
    await project.up();
    for (const [index, server] of servers.entries()) {
      assert.match(await viewOf(server).address(), /^127\.0\.0\.1:\d+$/);
      assert.deepEqual(await clientNames(viewOf(server)), ["ci"]);
      assert.deepEqual(
        JSON.parse(await client("lxd", project, "list", `edge-${index}:`, "--format", "json")),
        [],
      );
    }
    await settled(project);
  });

  it("keeps the key to the hosts out of everything that could be read", async () => {
    const [line = ""] = sshd.privateKey.split("\n").filter((text) => !text.startsWith("-----"));
    assert.ok(line.length > 40);
    assert.ok(!(await project.traces()).includes(line));
  });

  it("takes everything back", async () => {
    await project.destroy();
    for (const server of servers) {
      assert.equal(await viewOf(server).address(), "");
      assert.deepEqual(await viewOf(server).clients(), []);
    }
  });
});

describeWith(["pulumi", "lxd-daemon"], "the example questions", function () {
  this.timeout(300_000);
  let server: TestServer;
  let project: PulumiProject;

  before(async () => {
    server = await startServer("lxd-daemon");
    project = await projectOf("questions", { "lxd-access:socketPath": server.socketPath });
  });
  after(async () => {
    await server.stop();
    project.remove();
  });

  it("tells what the server, the client directory and a token say, and changes nothing", async () => {
    const view = viewOf(server);
    const address = await view.listen();
    const token = await view.issueToken("bob", { restricted: true, projects: ["default"] });
    await client(
      "lxd",
      project,
      "remote",
      "add",
      "prod",
      await view.issueToken("ops", { restricted: false, projects: [] }),
    );
    await client("lxd", project, "remote", "switch", "prod");
    await project.configure("test:token", token, "secret");
    const before = await view.request("GET", "/1.0");
    await project.up();
    const told = JSON.parse(await project.expect(0, "stack", "output", "--json")) as Record<string, unknown>;
    const { environment } = before as { environment: Record<"server_name" | "server_version", string> };
    assert.equal(told["server"], `${environment.server_name}: lxd ${environment.server_version}`);
    assert.ok((told["addresses"] as string[]).includes("lo: 127.0.0.1/8"));
    assert.ok((told["remotes"] as string[]).includes(`prod: https://${address} (lxd)`));
    assert.equal(told["defaultRemote"], "prod");
    const decoded = told["token"] as Record<string, unknown>;
    assert.deepEqual([decoded["clientName"], decoded["addresses"]], ["bob", [address]]);
    assert.deepEqual(await view.request("GET", "/1.0"), before);
    assert.deepEqual(await view.pendingTokens(), ["bob"]);
    const { secret } = JSON.parse(Buffer.from(token, "base64").toString()) as { secret: string };
    assert.ok(!(await project.traces()).includes(secret));
  });
});

describeWith(["pulumi", "lxd-cluster"], "the example cluster", function () {
  this.timeout(300_000);
  let cluster: TestCluster;
  let project: PulumiProject;
  let members: Record<"a" | "b", string>;

  before(async () => {
    cluster = await startTestCluster();
    members = { a: await cluster.a.freeAddress(), b: await cluster.b.freeAddress() };
    project = await projectOf("cluster", {
      "lxd-access:socketPath": cluster.a.socketPath,
      "test:members": JSON.stringify(members),
    });
  });
  after(async () => {
    await cluster.stop();
    project.remove();
  });

  it("gives each member its address, and joins the whole", async () => {
    await project.up();
    assert.equal(await cluster.a.view.address(), members.a);
    assert.equal(await cluster.b.view.address(), members.b);
    assert.deepEqual(JSON.parse(await client("lxd", project, "list", "cluster:", "--format", "json")), []);
    await settled(project);
  });

  it("takes everything back", async () => {
    await project.destroy();
    assert.equal(await cluster.a.view.address(), "");
    assert.equal(await cluster.b.view.address(), "");
    assert.deepEqual(await clientNames(cluster.b.view), []);
  });
});

describeWith(["pulumi", "lxd-daemon"], "the example web-ui", function () {
  this.timeout(300_000);
  const password = "correct horse battery staple";
  let server: TestServer;
  let project: PulumiProject;

  before(async () => {
    server = await startServer("lxd-daemon");
    project = await projectOf("web-ui", {
      "lxd-access:socketPath": server.socketPath,
      "test:address": `127.0.0.1:${await freePort()}`,
    });
    await project.configure("test:pkcs12Password", password, "secret");
  });
  after(async () => {
    await server.stop();
    project.remove();
  });

  it("makes an archive with which a browser is trusted", async () => {
    await project.up();
    const { pkcs12, open } = (await project.outputs()) as Record<"pkcs12" | "open", string>;
    const folder = mkdtempSync(join(tmpdir(), "lxa-p12-"));
    try {
      const archive = join(folder, "browser.p12");
      writeFileSync(archive, Buffer.from(pkcs12, "base64"));
      const unpacked = execFileSync(
        "openssl",
        ["pkcs12", "-in", archive, "-nodes", "-passin", "env:ARCHIVE_PASSWORD"],
        { env: { ...process.env, ARCHIVE_PASSWORD: password }, encoding: "utf8" },
      );
      const pick = (kind: string): string =>
        new RegExp(`-----BEGIN ${kind}-----.*?-----END ${kind}-----\n`, "s").exec(unpacked)?.[0] ?? "";
      const pair = { certificate: pick("CERTIFICATE"), privateKey: pick("PRIVATE KEY") };
      const reply = await rawRequest({ address: open.replace("https://", ""), ...pair }, "GET", "/1.0");
      assert.equal((reply.body.metadata as { auth: string }).auth, "trusted");
    } finally {
      rmSync(folder, { recursive: true });
    }
    const [trusted] = await viewOf(server).clients();
    assert.deepEqual([trusted?.name, trusted?.projects], ["alice-browser", ["default"]]);
    await settled(project);
  });

  it("keeps archive and password secret, and takes the browser's trust back", async () => {
    const { pkcs12 } = (await project.outputs()) as Record<"pkcs12", string>;
    const traces = await project.traces();
    assert.ok(!traces.includes(pkcs12.slice(0, 60)));
    assert.ok(!traces.includes(password));
    await project.destroy();
    assert.deepEqual(await viewOf(server).clients(), []);
  });
});

describeWith(["pulumi", "lxd-daemon"], "the example nat", function () {
  this.timeout(300_000);
  let server: TestServer;
  let router: Forwarder;
  let project: PulumiProject;
  let inside: string;
  let outside: string;

  before(async () => {
    server = await startServer("lxd-daemon");
    inside = `127.0.0.1:${await freePort()}`;
    router = await forwardTo(inside);
    outside = router.address;
    project = await projectOf("nat", {
      "lxd-access:socketPath": server.socketPath,
      "test:address": inside,
      "test:publicAddress": outside,
    });
  });
  after(async () => {
    await router.close();
    await server.stop();
    project.remove();
  });

  it("joins through the forwarded port", async () => {
    await project.up();
    const listed = JSON.parse(await client("lxd", project, "remote", "list", "--format", "json")) as Record<
      string,
      { Addr: string } | undefined
    >;
    assert.equal(listed["host"]?.Addr, `https://${outside}`);
    assert.deepEqual(JSON.parse(await client("lxd", project, "list", "host:", "--format", "json")), []);
    assert.equal(await viewOf(server).address(), inside);
    await settled(project);
    await project.destroy();
    assert.deepEqual(await viewOf(server).clients(), []);
  });
});
