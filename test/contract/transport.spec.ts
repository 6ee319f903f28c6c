/** The LXD client's connection: made only with the pinned server, given up in time, broken off without harm. */
import * as assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { AccessError } from "../../provider/errors";
import { LxdClient } from "../../provider/lxd/client";
import { freePort } from "../support/server-view";
import { makeAuthority, makeServerPair } from "./authority";
import { fails, fingerprintOf, own, pin, short, trusted, useConnections } from "./connections";
import { reply, server } from "./tls-listener";

/** How the end of a connection that still was in use is told: closed or reset. */
const broken = /other side closed|ECONNRESET/;

describe("the connection to a server", () => {
  const { listen, start, dial } = useConnections();

  describe("is made only with the pinned server", () => {
    const calls: [title: string, call: (client: LxdClient) => Promise<unknown>][] = [
      ["a read", (client) => client.getServer()],
      ["a token", (client) => client.redeemCertificateToken("c2VjcmV0", "trust_token")],
    ];
    for (const [title, call] of calls) {
      it(`so that another one, which shows another certificate, gets not one byte of ${title}`, async () => {
        const other = makeServerPair();
        const listener = await listen(trusted, other);
        const message = await fails(call(dial(listener.port)), "LXD_SERVER_IDENTITY", /Nothing was sent/);
        assert.ok(message.includes(`https://127.0.0.1:${listener.port}`));
        assert.ok(message.includes(`Expected the certificate ${pin.fingerprint}`));
        assert.ok(message.includes(`it showed ${fingerprintOf(other.certificate)}`));
        assert.match(message, /Nothing was sent\..*serverFingerprint/);
        assert.equal(listener.connections(), 1);
        assert.equal((await listener.bytes()).length, 0);
      });

      it(`which gets ${title}, with the client's certificate`, async () => {
        const listener = await listen(trusted);
        const client = dial(listener.port, { pin: { fingerprint: pin.fingerprint.toUpperCase() } });
        await call(client);
        await client.close();
        assert.match(
          (await listener.bytes()).toString(),
          /^(GET|POST) \/1\.0/,
          "the count sees what is sent",
        );
        assert.equal(fingerprintOf(client.serverCertificate ?? ""), pin.fingerprint);
      });
    }

    it("by its certificate as well as by its fingerprint", async () => {
      const listener = await listen(trusted);
      await dial(listener.port, { pin: { certificate: own.certificate } }).getServer();
      const other = makeServerPair();
      const wrong = dial(listener.port, { pin: { certificate: other.certificate } });
      await fails(wrong.getServer(), "LXD_SERVER_IDENTITY", new RegExp(fingerprintOf(other.certificate)));
      assert.equal(listener.requests.length, 1);
    });

    it("by its own certificate under any name, were that an authority's too, as openssl makes them", async () => {
      const authority = makeAuthority();
      const listener = await listen(trusted, authority);
      for (const expected of [
        { certificate: authority.certificate },
        { fingerprint: fingerprintOf(authority.certificate) },
      ])
        await dial(listener.port, { pin: expected }).getServer();
      assert.equal(listener.requests.length, 2);
    });

    it("on every new connection again", async () => {
      const listener = await listen((socket) => socket.end(reply(server)));
      const client = dial(listener.port);
      for (const round of [1, 2, 3]) {
        await client.getServer({ fresh: true });
        assert.equal(listener.connections(), round);
      }
    });
  });

  describe("with an authority's certificate as pin", () => {
    const authority = makeAuthority();
    assert.equal(new X509Certificate(authority.certificate).ca, true);
    const byAuthority = { pin: { certificate: authority.certificate } };

    it("is made with a server that it vouches for under the name or address dialled", async () => {
      const listener = await listen(trusted, authority.issue("DNS:localhost", "IP:127.0.0.1"));
      await dial(listener.port, byAuthority).getServer();
      await dial(listener.port, { ...byAuthority, host: "localhost" }).getServer();
      assert.equal(listener.requests.length, 2);
    });

    const refused: [title: string, pair: () => ReturnType<typeof makeServerPair>, reason: RegExp][] = [
      ["of another name", () => authority.issue("DNS:other.example.org"), /ALTNAME/],
      ["of another address", () => authority.issue("IP:127.0.0.2"), /ALTNAME/],
      ["of another authority", () => makeAuthority().issue("DNS:localhost", "IP:127.0.0.1"), /certificate/],
      ["that vouches for itself", () => own, /SELF_SIGNED/],
    ];
    for (const [title, pair, reason] of refused) {
      it(`is not made with a server ${title}, which gets not one byte`, async () => {
        const listener = await listen(trusted, pair());
        for (const host of ["127.0.0.1", "localhost"]) {
          const call = dial(listener.port, { ...byAuthority, host }).getServer();
          const message = await fails(call, "LXD_SERVER_IDENTITY", reason);
          assert.match(
            message,
            /not one that serverCertificate vouches for: .*\. Nothing was sent\. Give the server's own/s,
          );
        }
        assert.equal(listener.connections(), 2);
        assert.equal((await listener.bytes()).length, 0);
      });
    }
  });

  describe("that does not come about", () => {
    it("is said to need its HttpsAddress where nothing listens", async () => {
      const port = await freePort();
      await fails(
        dial(port).getServer(),
        "LXD_UNREACHABLE",
        new RegExp(
          `https://127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*make this resource depend on its HttpsAddress`,
        ),
      );
    });

    it("is said to need a running server where there is no socket", async () => {
      const client = new LxdClient({ kind: "unix", socketPath: "/nonexistent/unix.socket" }, short);
      await fails(
        client.getServer(),
        "LXD_UNREACHABLE",
        /\/nonexistent\/unix\.socket.*is LXD or Incus installed/s,
      );
    });

    it("is given up where the listener accepts and says nothing", async () => {
      const port = await start(createTcpServer());
      await fails(dial(port, { timeouts: short }).getServer(), "LXD_TIMEOUT", /no connection within 0\.3 s/);
    });

    it("says what to do where the name is not found, or nothing answers", async () => {
      await fails(dial(8443, { host: "edge.invalid" }).getServer(), "LXD_UNREACHABLE", /this machine's DNS/);
      const silent = dial(await start(createTcpServer()), { timeouts: short });
      await fails(silent.getServer(), "LXD_TIMEOUT", /does no firewall stand between/);
    });

    it("because the pin is no certificate, is no fault of the network, and can be closed", async () => {
      const client = dial(await freePort(), { pin: { certificate: "damaged" } });
      const first = await client.getServer().catch((error: unknown) => error);
      const second = await client.getProjectNames().catch((error: unknown) => error);
      for (const reason of [first, second])
        assert.ok(reason instanceof Error && !(reason instanceof AccessError), String(reason));
      await client.close();
    });

    it("is given up where the TLS handshake begins and stalls", async () => {
      const half = Buffer.from("1603030200020001fc0303", "hex");
      const port = await start(createTcpServer((socket) => socket.write(half)));
      await fails(dial(port, { timeouts: short }).getServer(), "LXD_TIMEOUT", /no connection within 0\.3 s/);
    });

    it("is said to be another service's where no TLS, or only an older one, is spoken", async () => {
      const { certificate: cert, privateKey: key } = own;
      for (const kind of [
        createTcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
        createTcpServer((socket) => socket.end("SSH-2.0-x\r\n")),
        createTlsServer({ cert, key, maxVersion: "TLSv1.2" }),
      ]) {
        const call = dial(await start(kind)).getServer();
        const message = await fails(
          call,
          "LXD_PROTOCOL",
          /TLS 1\.3 is not spoken there \(.*\)\. Is another service/,
        );
        assert.doesNotMatch(message, /\n|openssl/);
      }
    });

    it("is unreachable where the listener hangs up", async () => {
      const port = await start(createTcpServer((socket) => socket.destroy()));
      await fails(dial(port).getServer(), "LXD_UNREACHABLE", /disconnected|ECONNRESET/);
    });

    it("is said to need a running server where a killed one left its socket", async () => {
      const directory = mkdtempSync(join(tmpdir(), "lxa-socket-"));
      const socketPath = join(directory, "unix.socket");
      const script = `require("net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 9))`;
      spawnSync(process.execPath, ["-e", script]);
      const client = new LxdClient({ kind: "unix", socketPath }, short);
      await fails(
        client.getServer(),
        "LXD_UNREACHABLE",
        /ECONNREFUSED.*is LXD or Incus installed and started/s,
      );
      rmSync(directory, { recursive: true });
    });

    it("is waited for as long as any timeouts say that a check lets through", async () => {
      const listener = await listen(trusted);
      for (const timeouts of [
        { connect: 1.1, request: 1.2 },
        { connect: 3.0004, request: 0.1 },
      ])
        await dial(listener.port, { timeouts }).getServer();
    });
  });

  it("is closed when nobody uses it, but not soon after a change that may take the way in away: it is put back over it", async () => {
    const halfMinute = holdTimers(30_000);
    try {
      const listener = await listen(trusted);
      const client = dial(listener.port);
      await client.getServer({ fresh: true });
      halfMinute.pass();
      await client.updateServerConfig({ "core.https_address": ":8443" });
      halfMinute.pass();
      await client.getServer({ fresh: true });
      assert.deepEqual(
        listener.requests.map(({ method, connection }) => [method, connection]),
        [
          ["GET", 1],
          ["PATCH", 2],
          ["GET", 2],
        ],
      );
    } finally {
      halfMinute.end();
    }
  });

  describe("that breaks", () => {
    it("between two reads, is made anew", async () => {
      let isFirst = true;
      const listener = await listen((socket) => {
        if (isFirst) socket.end(reply(server));
        else socket.write(reply(server));
        isFirst = false;
      });
      const client = dial(listener.port);
      await client.getServer({ fresh: true });
      await client.getServer({ fresh: true });
      assert.deepEqual([listener.connections(), listener.requests.length], [2, 2]);
    });

    it("just when the next read is sent, is made anew for it", async () => {
      let count = 0;
      const listener = await listen((socket) =>
        ++count === 2 ? socket.destroy() : socket.write(reply(server)),
      );
      const client = dial(listener.port);
      await client.getServer({ fresh: true });
      await client.getServer({ fresh: true });
      assert.deepEqual(
        listener.requests.map(({ connection }) => connection),
        [1, 1, 2],
      );
    });

    it("at every read, is given up after the second", async () => {
      const listener = await listen((socket) => socket.destroy());
      await fails(dial(listener.port).getServer(), "LXD_UNREACHABLE", broken);
      assert.equal(listener.requests.length, 2);
    });

    it("inside a reply, is not taken for a reply", async () => {
      const half =
        'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"type":"sync","metadata":{"auth":"trusted"}}';
      const listener = await listen((socket) => socket.end(half));
      await fails(dial(listener.port).getServer(), "LXD_UNREACHABLE", broken);
    });

    const writes: [title: string, call: (client: LxdClient) => Promise<unknown>][] = [
      ["POST", (client) => client.redeemCertificateToken("c2VjcmV0", "trust_token")],
      ["PATCH", (client) => client.updateServerConfig({ "core.https_address": ":8443" })],
      ["DELETE", (client) => client.deleteCertificate("ab")],
    ];
    for (const [method, call] of writes) {
      it(`after a ${method}, does not make it go out twice`, async () => {
        for (const isUsedBefore of [false, true]) {
          const listener = await listen((socket, request) =>
            request.method === "GET" ? socket.write(reply(server)) : socket.destroy(),
          );
          const client = dial(listener.port);
          if (isUsedBefore) await client.getServer();
          await fails(call(client), "LXD_UNREACHABLE", broken);
          await client.getServer({ fresh: true });
          assert.equal(listener.requests.filter((request) => request.method === method).length, 1);
        }
      });
    }
  });
});

/** Has a time pass for timers of seconds, at once: what is due by then is called. */
function holdTimers(longest: number): { pass: () => void; end: () => void } {
  const { setTimeout: start, clearTimeout: stop } = globalThis;
  const due = new Map<unknown, () => void>();
  const started = mock.method(
    globalThis,
    "setTimeout",
    (run: (...args: unknown[]) => void, delay: number, ...args: unknown[]) => {
      const timer = start(run, delay, ...args);
      const call = (): void => {
        stop(timer);
        run(...args);
      };
      if (delay > 1000 && delay <= longest) due.set(timer, call);
      return timer;
    },
  );
  const stopped = mock.method(globalThis, "clearTimeout", (timer: NodeJS.Timeout | undefined) => {
    due.delete(timer);
    stop(timer);
  });
  return {
    pass() {
      for (const call of due.values()) call();
      due.clear();
    },
    end() {
      started.mock.restore();
      stopped.mock.restore();
    },
  };
}
