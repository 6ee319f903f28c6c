/** What goes through an SSH connection and what becomes of it, with a real sshd in front of real LXD daemons. */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer, type Server as TcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LxdClient } from "../../provider/lxd/client";
import { resolveConnection } from "../../provider/ways-in/resolve";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { failure, requireError, useSshWayIn } from "../support/ssh-way-in";
import { startTestSshd, type TestSshd } from "../support/sshd";
import { Stack } from "../support/stack";

describeWith(["lxd-daemon", "sshd"], "a server's socket through SSH", () => {
  let sshd: TestSshd;
  let server: TestServer;
  let view: ServerView;
  const way = useSshWayIn();

  before(async () => {
    sshd = await startTestSshd();
    server = await startServer("lxd-daemon");
    view = viewOf(server);
    await view.listen();
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
  });
  const ssh = () => ({ ...sshd.connection, socketPath: server.socketPath });

  describe("with one SSH connection", () => {
    it("for all resources of a host that are made at once", async () => {
      const before = [sshd.connections(), sshd.logins()];
      const wanted = Array.from({ length: 8 }, (_, index) => ({
        name: "TrustToken" as const,
        inputs: { clientName: `ci-${index}`, projects: [], connection: { ssh: ssh() } },
      }));
      const stack = new Stack(sshd.directory);
      assert.deepEqual(
        await stack.createTogether(wanted),
        wanted.map(() => "created"),
      );
      assert.deepEqual(
        (await view.pendingTokens()).sort(),
        wanted.map(({ inputs }) => inputs.clientName),
      );
      assert.deepEqual(
        [sshd.connections(), sshd.logins()],
        before.map((count) => count + 1),
      );
      await view.revokeTokens();
    });

    it("for several servers of a host, and for clients of different patience, until the last is done", async () => {
      const other = await startServer("lxd-daemon");
      const before = sshd.connections();
      const clients = await Promise.all([
        way.open(ssh()),
        way.open(ssh(), { connect: 19, request: 19 }),
        way.open({ ...ssh(), socketPath: other.socketPath }),
      ]);
      const servers = await Promise.all(clients.map((client) => client.getServer()));
      const certificates = new Set(servers.map(({ environment }) => environment?.certificate_fingerprint));
      assert.equal(certificates.size, 2, "two servers");
      assert.equal(sshd.connections(), before + 1);
      const [first, second, third] = clients;
      const closed = closedConnections();
      await first.close();
      await third.close();
      await second.getServer({ fresh: true });
      assert.equal(sshd.connections(), before + 1);
      assert.equal(closedConnections(), closed, "it is still in use");
      await second.close();
      while (closedConnections() === closed) await pause(20);
      await other.stop();
    });

    it("that is opened once, and refused once, for all who wait for it", async () => {
      const [before, start] = [sshd.connections(), sshd.log().length];
      const client = await way.open({ ...ssh(), user: "nobody-here" });
      const calls = [client.getServer(), client.getProjectNames(), client.getCertificates()];
      for (const error of await Promise.all(calls.map(failure)))
        requireError(error, "LXD_NOT_TRUSTED", /does not let the user "nobody-here" in/);
      assert.equal(sshd.connections(), before + 1);
      assert.equal(sshd.log().slice(start).split("Invalid user nobody-here").length - 1, 1);
    });

    it("that keeps no process alive when nothing is asked any more", () => {
      const script = `
        const { ClientPool } = require("./provider/lxd/pool");
        const { resolveConnection } = require("./provider/ways-in/resolve");
        const given = JSON.parse(process.argv[1]);
        resolveConnection(given, { config: {}, environment: {}, programDirectory: "/" })
          .then(({ endpoint, timeouts }) => new ClientPool().client(endpoint, timeouts).getServer())
          .then(() => console.log("answered"));`;
      const { privateKey: _, ...rest } = ssh();
      const given = JSON.stringify({ ssh: { ...rest, privateKeyPath: sshd.privateKeyPath } });
      const args = ["-r", "ts-node/register", "-e", script, given];
      const options = { cwd: join(__dirname, "../.."), encoding: "utf8", timeout: 60_000 } as const;
      const { stdout, stderr, signal } = spawnSync(process.execPath, args, options);
      assert.deepEqual([stdout, signal], ["answered\n", null], stderr);
    }).timeout(70_000);

    /** How many connections have ended so far. */
    const closedConnections = (): number => sshd.log().split("Disconnected from user").length - 1;
  });

  describe("that breaks", () => {
    it("between two requests, is made anew", async () => {
      const before = sshd.connections();
      const client = await way.open(ssh());
      await client.getServer({ fresh: true });
      sshd.drop();
      await client.getServer({ fresh: true });
      await sshd.kill();
      requireError(
        await failure(client.getServer({ fresh: true })),
        "LXD_UNREACHABLE",
        /ECONNREFUSED.*Does sshd run there/,
      );
      await sshd.start();
      await client.getServer({ fresh: true });
      assert.equal(sshd.connections(), before + 3);
    });

    it("without a word, is waited for as long as said, and then made anew", async () => {
      const before = sshd.connections();
      const client = await way.open(ssh(), { connect: 3, request: 1 });
      await client.getServer({ fresh: true });
      sshd.freeze();
      requireError(await failure(client.getServer({ fresh: true })), "LXD_TIMEOUT", /no reply within 1 s/);
      requireError(
        await failure(client.getServer({ fresh: true })),
        "LXD_TIMEOUT",
        /no connection within 3 s: the host answers no more/,
      );
      await client.getServer({ fresh: true });
      assert.equal(sshd.connections(), before + 2);
      sshd.drop();
    }).timeout(30_000);

    for (const [title, call, times] of [
      ["a read, is made anew for it", (client: LxdClient) => client.getServer({ fresh: true }), 2],
      [
        "a write, fails it, and it is not repeated",
        (client: LxdClient) => client.updateServerConfig({ "user.x": "1" }),
        1,
      ],
    ] as const) {
      it(`during ${title}`, async () => {
        let requests = 0;
        const socketPath = join(sshd.directory, `fake-${times}.socket`);
        const fake = createHttpServer((_request, response) => {
          if (++requests === 1) sshd.drop();
          else
            response.end(
              JSON.stringify({
                type: "sync",
                status_code: 200,
                metadata: { auth: "trusted", environment: {}, api_extensions: [] },
              }),
            );
        });
        await new Promise<void>((resolve) => fake.listen(socketPath, resolve));
        try {
          const client = await way.open({ ...ssh(), socketPath });
          if (times === 1)
            requireError(await failure(call(client)), "LXD_UNREACHABLE", /PATCH \/1\.0 on ssh:/);
          else await call(client);
          assert.equal(requests, times);
        } finally {
          await closed(fake);
        }
      });
    }
  });

  it("is found at the last of the places where it may be", async () => {
    const { endpoint, timeouts } = await resolveConnection(
      { ssh: ssh(), timeouts: { connect: 20, request: 20 } },
      { config: {}, environment: {}, programDirectory: "/" },
    );
    assert.ok(endpoint.kind === "ssh");
    const missing = ["a", "b", "c"].map((name) => join(sshd.directory, `${name}.socket`));
    const client = new LxdClient({ ...endpoint, socketPaths: [...missing, server.socketPath] }, timeouts);
    const { environment } = await client.getServer();
    await client.close();
    const answer = (await view.request("GET", "/1.0")) as {
      environment: { certificate_fingerprint: string };
    };
    assert.equal(environment?.certificate_fingerprint, answer.environment.certificate_fingerprint);
  });

  describe("that is not to be had", () => {
    it("says where it was looked for, if none of the usual sockets is there", async () => {
      const { socketPath: _, ...rest } = ssh();
      const message = await way.fails(rest, "LXD_UNREACHABLE", /the host forwards no connection to/);
      for (const part of [
        "/var/snap/lxd/common/lxd/unix.socket",
        "/run/incus/unix.socket",
        "AllowStreamLocalForwarding",
      ])
        assert.ok(message.includes(part), part);
      assert.match(message, /^GET \/1\.0 on ssh:\/\/\w+@127\.0\.0\.1:\d+: /);
    });

    it("names the socket that is not there", async () => {
      const missing = join(sshd.directory, "missing.socket");
      const message = await way.fails({ ...ssh(), socketPath: missing }, "LXD_UNREACHABLE", /may not use it/);
      assert.ok(message.includes(`forwards no connection to ${missing}.`));
    });

    it("names what sshd may forbid", async () => {
      const strict = await startTestSshd({ settings: ["AllowStreamLocalForwarding no"] });
      try {
        const forbidden = { ...strict.connection, socketPath: server.socketPath };
        await way.fails(forbidden, "LXD_UNREACHABLE", /or sshd forbids it \(AllowStreamLocalForwarding/);
        assert.match(strict.log(), /refused streamlocal port forward/);
      } finally {
        await way.close();
        await strict.stop();
      }
    });

    it("is unreachable where nothing listens, or no such host is", async () => {
      await way.fails(
        { ...ssh(), port: await freePort() },
        "LXD_UNREACHABLE",
        /ECONNREFUSED.*Does sshd run there/,
      );
      await way.fails(
        { ...ssh(), host: "edge.invalid" },
        "LXD_UNREACHABLE",
        /(ENOTFOUND|EAI_AGAIN).*correct it, or this machine's DNS/,
      );
    });

    for (const [title, greeting] of [
      ["says nothing", ""],
      ["greets and says nothing more", "SSH-2.0-OpenSSH_9.9\r\n"],
    ] as const) {
      it(`is given up in time where the host ${title}, once for all who wait`, async () => {
        let connections = 0;
        const peer = createServer((socket) => {
          connections++;
          socket.on("error", () => undefined).write(greeting);
        });
        const port = await listening(peer);
        const client = await way.open({ ...ssh(), port }, { connect: 1.5, request: 20 });
        const calls = [client.getServer(), client.getProjectNames()];
        for (const error of await Promise.all(calls.map(failure)))
          requireError(
            error,
            "LXD_TIMEOUT",
            /within 1\.5 s: the host accepts the connection, but the login does not end/,
          );
        assert.equal(connections, 1);
        peer.close();
      });
    }

    it("is given up in time where the agent does not answer, which is let go of", async () => {
      const agent = createServer((socket) => void socket.on("error", () => undefined));
      const path = join(sshd.directory, "silent-agent.socket");
      await new Promise<void>((resolve) => agent.listen(path, resolve));
      const asked = once(agent, "connection");
      const { privateKey: _, ...rest } = ssh();
      const client = await way.open({ ...rest, agent: path }, { connect: 1, request: 20 });
      requireError(
        await failure(client.getServer()),
        "LXD_TIMEOUT",
        /within 1 s: .*does the agent at .*answer\?/,
      );
      const [socket] = (await asked) as [Socket];
      // While it stands, this process could not end.
      if (!socket.resume().destroyed) await once(socket, "close");
      agent.close();
    });

    for (const [title, answer] of [
      ["another service's", "HTTP/1.1 400 Bad Request\r\n\r\n"],
      ["an old protocol's", "SSH-1.5-x\r\n"],
    ] as const) {
      it(`is said to be ${title} where no SSH is spoken`, async () => {
        const peer = createServer((socket) => void socket.on("error", () => undefined).end(answer));
        const port = await listening(peer);
        await way.fails({ ...ssh(), port }, "LXD_PROTOCOL", /Is another service on 127\.0\.0\.1:\d+\?/);
        peer.close();
      });
    }

    it("is said to be limited where sshd says so", async () => {
      const peer = createServer(
        (socket) => void socket.on("error", () => undefined).end("Exceeded MaxStartups\r\n"),
      );
      const port = await listening(peer);
      await way.fails(
        { ...ssh(), port },
        "LXD_UNREACHABLE",
        /the host said "Exceeded MaxStartups".*Try again later/,
      );
      peer.close();
    });
  });
});

/** Makes a server listen; answers its port. */
async function listening(server: TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
