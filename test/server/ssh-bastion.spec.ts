/** A server's socket through SSH and a bastion, and what is between here and the host. */
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { sshFingerprintOf, startAgent, type TestAgent } from "../support/ssh-home";
import { failure, requireError, useSshWayIn } from "../support/ssh-way-in";
import { startTestSshd, type TestSshd } from "../support/sshd";

describeWith(["lxd-daemon", "sshd"], "a host behind a bastion", () => {
  let sshd: TestSshd;
  let bastion: TestSshd;
  let server: TestServer;
  const way = useSshWayIn();

  before(async () => {
    sshd = await startTestSshd();
    bastion = await startTestSshd();
    server = await startServer("lxd-daemon");
  });
  after(async () => {
    await server.stop();
    await bastion.stop();
    await sshd.stop();
  });
  const ssh = () => ({ ...sshd.connection, socketPath: server.socketPath });
  const jumping = () => ({ ...ssh(), proxyJump: bastion.connection });

  it("is reached through it, by one connection to each", async () => {
    const before = [bastion.connections(), sshd.connections()];
    await Promise.all([way.ask(jumping()), way.ask(jumping())]);
    assert.deepEqual(
      [bastion.connections(), sshd.connections()],
      before.map((count) => count + 1),
    );
    assert.match(bastion.log(), /server_request_direct_tcpip|direct-tcpip/);
    bastion.drop();
    await way.ask(jumping());
    assert.deepEqual(
      [bastion.connections(), sshd.connections()],
      before.map((count) => count + 2),
    );
  });

  describe("is reached after a login at the bastion with", () => {
    let folder: string;
    let agent: TestAgent;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-bastion-"));
      agent = await startAgent(join(folder, "agent.socket"));
    });
    afterEach(async () => {
      await agent.stop();
      rmSync(folder, { recursive: true });
    });
    const passphrase = "open Sesame";
    const logins: [title: string, login: () => object][] = [
      ["a key file", () => ({ privateKeyPath: bastion.addKey("by-file", "ecdsa") })],
      [
        "a protected key file",
        () => ({
          privateKeyPath: bastion.addKey("protected", "ed25519", { passphrase }),
          privateKeyPassphrase: passphrase,
        }),
      ],
      [
        "a protected key",
        () => ({
          privateKey: readFileSync(bastion.addKey("text", "rsa", { passphrase, format: "PEM" }), "utf8"),
          privateKeyPassphrase: passphrase,
        }),
      ],
      [
        "an agent",
        () => {
          agent.add(bastion.addKey("by-agent", "rsa"));
          return { agent: agent.socket };
        },
      ],
    ];
    for (const [title, login] of logins) {
      it(`${title}, the bastion being known by its fingerprint`, async () => {
        const { host, port, user } = bastion;
        const hostKeyFingerprint = sshFingerprintOf(bastion.hostKey("ecdsa"));
        const before = bastion.logins();
        await way.ask({ ...ssh(), proxyJump: { host, port, user, hostKeyFingerprint, ...login() } });
        assert.equal(bastion.logins(), before + 1);
      });
    }
  });

  it("is not reached through a bastion with another key, nor if it shows another key itself", async () => {
    const wrong = { hostKeyFingerprint: `SHA256:${"A".repeat(43)}`, knownHostsPath: undefined };
    const before = [bastion.logins(), sshd.connections()];
    const message = await way.fails(
      { ...jumping(), proxyJump: { ...bastion.connection, ...wrong } },
      "LXD_SERVER_IDENTITY",
      /through the bastion ssh:\/\/\w+@127\.0\.0\.1:\d+: this is not the pinned host/,
    );
    assert.ok(message.includes(`:${bastion.port}`));
    assert.deepEqual([bastion.logins(), sshd.connections()], before);
    const logins = sshd.logins();
    await way.fails({ ...jumping(), ...wrong }, "LXD_SERVER_IDENTITY", /: this is not the pinned host/);
    assert.equal(sshd.logins(), logins);
  });

  it("is not cut off where another host behind the bastion does not answer", async () => {
    const silent = await hostThatDropsPackets();
    try {
      const client = await way.open(jumping());
      await client.getServer();
      const before = [bastion.connections(), sshd.connections()];
      const dead = await way.open({ ...jumping(), port: silent.port }, { connect: 1, request: 1 });
      requireError(
        await failure(dead.getServer()),
        "LXD_TIMEOUT",
        /within 1 s: through the bastion ssh:.*: the SSH connection stands, but 127\.0\.0\.1:\d+ does not answer/,
      );
      await client.getServer({ fresh: true });
      assert.deepEqual([bastion.connections(), sshd.connections()], before);
    } finally {
      silent.end();
    }
  });

  it("says what the bastion refuses", async () => {
    await way.fails(
      { ...jumping(), proxyJump: { ...bastion.connection, user: "nobody-here" } },
      "LXD_NOT_TRUSTED",
      /through the bastion .*does not let the user "nobody-here" in/,
    );
    await way.fails(
      { ...jumping(), port: await freePort() },
      "LXD_UNREACHABLE",
      /through the bastion .*it forwards no connection to 127\.0\.0\.1, port \d+/,
    );
  });

  it("is not believed where something on the way changes what is said, though its key is the right one", async () => {
    const between = createServer((near) => {
      const far = connect({ host: sshd.host, port: sshd.port });
      near.on("error", () => far.destroy()).on("close", () => far.destroy());
      far.on("error", () => near.destroy()).on("close", () => near.destroy());
      near.pipe(far);
      // Both sides sign what they have heard; the version of the host is part of it.
      far.once("data", (first: Buffer) => {
        near.write(first.toString("latin1").replace(/^SSH-2\.0-\w/, "SSH-2.0-x"), "latin1");
        far.pipe(near);
      });
    });
    between.listen(0, "127.0.0.1");
    await once(between, "listening");
    const address = between.address();
    assert.ok(typeof address === "object" && address !== null);
    const logins = sshd.logins();
    const known = sshd.connection.knownHostsPath;
    appendFileSync(known, `[127.0.0.1]:${address.port} ${sshd.hostKey()}\n`);
    await way.fails({ ...ssh(), port: address.port }, "LXD_SERVER_IDENTITY", /does not prove to have it/);
    assert.equal(sshd.logins(), logins);
    between.close();
  });
});

/** A port on which no connection comes about and none is refused, as of a host that is switched off. */
async function hostThatDropsPackets(): Promise<{ port: number; end: () => void }> {
  const script = `require("net").createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, function () {
    console.log(this.address().port);
  })`;
  const listener = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(listener.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  // Stopped, it accepts nothing any more; when its queue is full, the kernel drops what comes.
  listener.kill("SIGSTOP");
  const queued = Array.from({ length: 4 }, () =>
    connect({ host: "127.0.0.1", port }).on("error", () => undefined),
  );
  await once(queued[0] ?? assert.fail(), "connect");
  return {
    port,
    end() {
      for (const socket of queued) socket.destroy();
      listener.kill("SIGKILL");
    },
  };
}
