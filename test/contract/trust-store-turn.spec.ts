/** Changes of one server's trust store are made one after the other. */
import * as assert from "node:assert/strict";
import { X509Certificate, randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { tmpdir } from "node:os";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Call } from "../../provider/call";
import { encodeTrustToken } from "../../provider/lxd/trust-token";
import { inTurn } from "../../provider/resources/trust-store-turn";
import { asInputs, makePair } from "../support/openssl-pair";
import { Stack } from "../support/stack";
import { pin, useConnections } from "./connections";
import { reply } from "./tls-listener";

describe("clients of one server, at the same time", () => {
  const { listen } = useConnections();

  it("join, give their place to another pair, and leave one after the other, over connections of their own", async () => {
    const trusted = new Set<string>();
    let [changing, most] = [0, 0];
    const change = (socket: { write: (text: string) => unknown }, what: () => void): void => {
      most = Math.max(most, ++changing);
      void ticks(20).then(() => {
        changing--;
        what();
        socket.write(reply({ type: "sync", status_code: 200, metadata: {} }));
      });
    };
    const listener = await listen((socket, { method, path, body }) => {
      const client = new X509Certificate(socket.getPeerCertificate().raw).fingerprint256;
      if (method === "POST") change(socket, () => trusted.add(client));
      else if (method === "DELETE") change(socket, () => trusted.delete(client));
      else if (method === "PATCH") {
        const { certificate } = JSON.parse(body) as { certificate: string };
        change(socket, () => {
          trusted.delete(client);
          trusted.add(new X509Certificate(certificate).fingerprint256);
        });
      } else {
        const auth = trusted.has(client) ? "trusted" : "untrusted";
        const metadata = path === "/1.0/projects" ? [] : { api_extensions: [], auth };
        socket.write(reply({ type: "sync", status_code: 200, metadata }));
      }
    });
    const stack = new Stack(tmpdir());
    const wanted = ["one", "two", "three", "four"].map((name) => ({
      ...{ name, token: tokenFor(name, listener.port) },
    }));
    const joined = await Promise.all(wanted.map((inputs) => stack.create("Remote", inputs)));
    assert.deepEqual([most, trusted.size, listener.connections()], [1, 4, 4]);

    const renewed = await Promise.all(
      joined.map((remote) => stack.update(remote, { ...remote.inputs, ...asInputs(makePair("new")) })),
    );
    assert.deepEqual(
      renewed.map(({ outputs }) => outputs["clientFingerprint"]).sort(),
      [...trusted].map((fingerprint) => fingerprint.replaceAll(":", "").toLowerCase()).sort(),
    );
    await Promise.all(renewed.map((remote) => stack.destroy(remote)));
    assert.deepEqual([most, trusted.size], [1, 0]);
  });
});

describe("a turn at a server's trust store", () => {
  const begun: string[] = [];
  beforeEach(() => {
    begun.length = 0;
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => {
    mock.timers.reset();
  });

  /** A change that takes until it is told to end. */
  function begin(name: string, server: string) {
    const over = new EventEmitter();
    const ending = once(over, "end");
    const done = inTurn(server, "it", () => (begun.push(name), ending));
    void done.catch(() => undefined);
    return { done, end: () => over.emit("end"), fail: () => over.emit("error", new Error("refused")) };
  }

  it("is not waited for at another server, nor in vain after one that failed", async () => {
    const first = begin("first", "a");
    begin("elsewhere", "b").end();
    const second = begin("second", "a");
    await ticks(20);
    assert.deepEqual(begun, ["first", "elsewhere"]);
    first.fail();
    await assert.rejects(first.done, /refused/);
    await ticks(20);
    assert.deepEqual(begun, ["first", "elsewhere", "second"]);
    second.end();
    await second.done;
  });

  it("is waited for as long as changes are done, however many they are, and not for one that hangs", async () => {
    const [first, second, third] = ["first", "second", "third"].map((name) => begin(name, "busy"));
    await pass(4000);
    first?.end();
    await pass(4000);
    assert.deepEqual(begun, ["first", "second"]);
    await pass(10_000);
    assert.deepEqual(begun, ["first", "second", "third"]);
    third?.end();
    await third?.done;
    const fourth = begin("fourth", "busy");
    await ticks(20);
    fourth.end();
    second?.end();
    await fourth.done;
  });

  it("that was stopped while it waited does not let those behind it in", async () => {
    const first = begin("first", "left");
    const user = new AbortController();
    const stopped = new Call({ signal: user.signal }).run(() => begin("stopped", "left").done);
    await ticks(20);
    const third = begin("third", "left");
    user.abort();
    await assert.rejects(stopped, /CANCELLED/);
    await ticks(20);
    assert.deepEqual(begun, ["first"]);
    first.end();
    await ticks(20);
    assert.deepEqual(begun, ["first", "third"]);
    third.end();
    await third.done;
  });
});

/** Some time passes by the clock, and all that is due happens. */
async function pass(milliseconds: number): Promise<void> {
  await ticks(20);
  mock.timers.tick(milliseconds);
  await ticks(20);
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await setImmediate();
}

function tokenFor(clientName: string, port: number): string {
  const { fingerprint } = pin;
  const secret = randomBytes(32).toString("hex");
  return encodeTrustToken({
    ...{ clientName, fingerprint, addresses: [`127.0.0.1:${port}`], secret, kind: "certificate" },
  });
}
