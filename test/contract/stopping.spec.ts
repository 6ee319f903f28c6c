/** A call that is asked to stop before it has changed anything: it ends at once, and nothing comes of it later. */
import * as assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Call } from "../../provider/call";
import { writeRemote } from "../../provider/client-config/client-directory";
import { withDirectoryLock } from "../../provider/client-config/directory-lock";
import { handlers } from "../../provider/registry";
import { reach } from "../../provider/resources/join";
import { startDouble } from "../support/double/double";
import { gateTo } from "../support/gate";
import { asInputs, makePair } from "../support/openssl-pair";
import { openHttps, viewOf } from "../support/server-view";
import {
  at,
  type Calls,
  callsIn,
  connectionsOf,
  described,
  errorOf,
  type HeldServer,
  type Running,
  stoppedAt,
  timeouts,
  usingHeld,
} from "../support/stoppable";
import { refusal, useConnections } from "./connections";
import { reply, server as trusting } from "./tls-listener";

const { privateKey: sshKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "pkcs1", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const starting = { type: "error", error_code: 503, error: "LXD daemon setup in progress", metadata: null };
const pair = makePair("client");
const pinned = { ...asInputs(pair), serverFingerprint: pair.fingerprint };
const entry = { addr: "https://images.example.org", protocol: "simplestreams", public: true } as const;
const imageServer = handlers.Remote.args.parse({
  ...{ name: "pictures", addresses: [entry.addr], public: true, protocol: entry.protocol, configDir: "lxc" },
});

describe("a call that is stopped before it has changed anything", () => {
  const { listen, start, dial } = useConnections();
  let folder: string;
  let calls: Calls;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-stop-"));
    calls = callsIn(folder);
  });
  afterEach(async () => {
    await calls.close();
    rmSync(folder, { recursive: true });
  });

  describe("ends at once while it waits", () => {
    it("for a TLS connection", async () => {
      const { port, reached } = await silence();
      const create = expose({ address: `127.0.0.1:${port}`, ...pinned });
      await reached;
      create.stop();
      await stoppedAt(create, `Reading the server https://127.0.0.1:${port}`);
    });

    it("for an SSH connection", async () => {
      const { port, reached } = await silence();
      const host = { host: "127.0.0.1", port, user: "root", privateKey: sshKey };
      const create = expose({ ssh: { ...host, hostKeyFingerprint: `SHA256:${"A".repeat(43)}` } });
      await reached;
      create.stop();
      await stoppedAt(create, `Reading the server ssh://root@127.0.0.1:${port}`);
    });

    it("for one of several addresses, and dials no more of them", async () => {
      const [first, second] = [await silence(), await silence()];
      const addresses = [first, second].map(({ port }) => `127.0.0.1:${port}`);
      const there = { pin: { fingerprint: pair.fingerprint }, timeouts, fresh: true };
      const stopped = calls.begin(() => reach(calls.context, { ...there, addresses }));
      await first.reached;
      stopped.stop();
      await stoppedAt(stopped, `Reading the server https://${addresses[0] ?? ""}`);
      // Another one, which begins later, goes on to its second address.
      const [third, fourth] = [await silence(), await silence()];
      const later = [third, fourth].map(({ port }) => `127.0.0.1:${port}`);
      const going = calls.begin(() => reach(calls.context, { ...there, addresses: later }));
      await fourth.reached;
      going.stop();
      await stoppedAt(going, `Reading the server https://${later[1] ?? ""}`);
      assert.deepEqual([first.count(), second.count()], [1, 0]);
    });

    it("for the turn of a request, and that is not sent later", async () => {
      await usingHeld(folder, async (server) => {
        const client = await calls.context.connect(at(server));
        const before = client.deleteCertificate("ab");
        const held = await server.next();
        const create = expose(at(server));
        await create.waitsFor(/Reading the server/);
        create.stop();
        await stoppedAt(create, `Reading the server ${server.socketPath}`);
        held.answer({});
        await before;
        await seenAfterwards(server, ["DELETE /1.0/certificates/ab"]);
      });
    });

    it("for the turn of a change, and that is not sent later", async () => {
      await usingHeld(folder, async (server) => {
        const client = await calls.context.connect(at(server));
        const create = expose(at(server));
        const look = await server.next();
        const before = client.getProjectNames();
        look.answer(described);
        const held = await server.next();
        await create.waitsFor(/^Setting core\.https_address/);
        create.stop();
        await stoppedAt(create, `Setting core.https_address on ${server.socketPath}`);
        held.answer([]);
        await before;
        await seenAfterwards(server, ["GET /1.0", "GET /1.0/projects"]);
      });
    });

    it("for the connection over which a change is to go, and that does not go over it later", async () => {
      const listener = await listen((socket) => socket.end(reply(trusting)));
      const gate = await gateTo(listener.port);
      try {
        const client = dial(gate.port, { timeouts });
        await client.getServer();
        await gate.hungUp();
        gate.shut();
        const change = calls.begin(() => client.deleteCertificate("ab"));
        await connectionsOf(gate, 2);
        change.stop();
        await stoppedAt(change, `Removing the client ab from the trust store of ${client.name}`);
        gate.open();
        await client.getServer({ fresh: true });
        assert.deepEqual(
          listener.requests.map(({ method }) => method),
          ["GET", "GET"],
        );
      } finally {
        await gate.close();
      }
    });

    for (const [what, answer] of [
      ["for the reply of a server that hangs", "hang"],
      ["until a server has started", { status: 503, body: starting }],
    ] as const)
      it(what, async () => {
        const server = await startDouble("lxd-6", { speed: 5 });
        try {
          const view = viewOf(server);
          const { address, connection } = await openHttps(server);
          const asked = new Promise<void>((resolve) => {
            server.intercept(({ clientFingerprint }) => {
              if (clientFingerprint === undefined) return undefined;
              resolve();
              return answer;
            });
          });
          const create = expose(connection);
          await asked;
          create.stop();
          await stoppedAt(create, `Reading the server https://${address}`);
          server.intercept(undefined);
          assert.equal(await view.address(), address);
        } finally {
          await server.stop();
        }
      });

    it("until a server has started, which has done nothing of a change; nor is it asked again", async () => {
      let refusals = Infinity;
      const listener = await listen((socket) => {
        const body = refusals-- > 0 ? reply(starting, "503 Service Unavailable") : reply(trusting);
        socket.write(body);
      });
      const client = dial(listener.port, { timeouts });
      const change = calls.begin(() => client.deleteCertificate("ab"));
      while (listener.requests.length < 2) await setImmediate();
      change.stop();
      await stoppedAt(change, `Removing the client ab from the trust store of ${client.name}`);
      const asked = listener.requests.length;
      // Somebody else asks for longer than the one that was stopped would have paused.
      refusals = 2;
      await client.deleteCertificate("cd");
      assert.deepEqual(
        listener.requests.slice(asked).map(({ path }) => path),
        Array(3).fill("/1.0/certificates/cd"),
      );
    });

    it("for a client directory that another process has locked, and does nothing with it later", async () => {
      const directory = join(folder, "lxc");
      mkdirSync(join(directory, "config.yml.lock"), { recursive: true });
      let isDone = false;
      const works = [
        () => handlers.Remote.create(calls.context, imageServer),
        () => withDirectoryLock(directory, () => Promise.resolve((isDone = true))),
      ];
      for (const one of works.map((work) => calls.begin<unknown>(work))) {
        await one.waitsFor(/client directory/);
        one.stop();
        await stoppedAt(one, `Waiting for the client directory ${directory}`);
      }
      rmdirSync(join(directory, "config.yml.lock"));
      await withDirectoryLock(directory, () => Promise.resolve());
      assert.equal(isDone, false);
      assert.deepEqual(readdirSync(directory), []);
    });

    it("for its turn in a client directory, in which nothing is written later", async () => {
      const directory = join(folder, "lxc");
      mkdirSync(directory);
      let letGo = (): void => undefined;
      const end = new Promise<void>((resolve) => (letGo = resolve));
      const before = withDirectoryLock(directory, () => end);
      const write = calls.begin(() => writeRemote({ directory, name: "prod", entry }));
      await write.waitsFor(/client directory/);
      write.stop();
      await stoppedAt(write, `Waiting for the client directory ${directory}`);
      letGo();
      await before;
      await withDirectoryLock(directory, () => Promise.resolve());
      assert.deepEqual(readdirSync(directory), []);
    });
  });

  it("ends at once also where nothing says what it waits for", async () => {
    const read = calls.begin(() => new Promise(() => undefined));
    read.stop();
    await stoppedAt(read, "Beginning");
  });

  it("does not begin where the run was cancelled before it came", async () => {
    let hasBegun = false;
    const signal = AbortSignal.abort();
    const error = await refusal(new Call({ signal }).run(() => Promise.resolve((hasBegun = true))));
    assert.equal(error.errorCode, "CANCELLED");
    assert.equal(hasBegun, false);
  });

  it("is told that its time is over, also where what is stored would be kept of a server that is silent", async () => {
    const { port } = await silence();
    const own = callsIn(folder, { onUnreachable: "keep" });
    try {
      const connection = { address: `127.0.0.1:${port}`, ...pinned, timeouts };
      const stored = { given: { connection }, connection } as unknown as Parameters<
        typeof handlers.HttpsAddress.read
      >[2];
      const read = own.begin(() => handlers.HttpsAddress.read(own.context, "core.https_address", stored), {
        seconds: 0.2,
      });
      const message =
        `Reading the server https://127.0.0.1:${port}: not done within the 0.2 s that customTimeouts allow, and nothing ` +
        "was changed. Run again, or allow more [LXD_TIMEOUT]";
      assert.equal(errorOf(await read.outcome).message, message);
      await setImmediate();
      assert.deepEqual(own.messages, []);
    } finally {
      await own.close();
    }
  });

  it("is not cut in two while it is at a client directory", async () => {
    const directory = join(folder, "lxc");
    mkdirSync(directory);
    let letGo = (): void => undefined;
    const end = new Promise<void>((resolve) => (letGo = resolve));
    const events: string[] = [];
    const look = calls.begin(() =>
      withDirectoryLock(directory, async () => {
        events.push("begins");
        await end;
        events.push("ends");
      }),
    );
    const seen = look.outcome.then((outcome) => events.push(errorOf(outcome).errorCode));
    while (events.length === 0) await setImmediate();
    look.stop();
    await setImmediate();
    letGo();
    await seen;
    assert.deepEqual(events, ["begins", "ends", "CANCELLED"]);
    assert.deepEqual(readdirSync(directory), []);
  });

  function expose(connection: object): Running<unknown> {
    const wanted = handlers.HttpsAddress.args.parse({
      ...{ address: "127.0.0.1:18443", floating: true },
      connection: { timeouts, ...connection },
    });
    return calls.begin(() => handlers.HttpsAddress.create(calls.context, wanted));
  }

  /** What the server has been sent, once another request has had its turn. */
  async function seenAfterwards(server: HeldServer, requests: readonly string[]): Promise<void> {
    const client = await calls.context.connect(at(server));
    const last = client.getCertificates();
    (await server.next()).answer([]);
    await last;
    assert.deepEqual(server.requests, [...requests, "GET /1.0/certificates?recursion=1"]);
  }

  /** A listener that takes connections and says nothing; `reached` when the first one has come. */
  async function silence(): Promise<{ port: number; reached: Promise<unknown>; count: () => number }> {
    let connections = 0;
    const silent = createTcpServer(() => connections++);
    const reached = once(silent, "connection");
    return { port: await start(silent), reached, count: () => connections };
  }
});
