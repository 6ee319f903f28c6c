/** Reads that many want: one request and one list for all, unless it decides a change. */
import { strict as assert } from "node:assert";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LxdClient } from "../../provider/lxd/client";
import { type Double, startDouble } from "../support/double/double";

describe("reads of one server at the same time", () => {
  let server: Double;
  let client: LxdClient;
  const asked = (path: string): number => server.requests.filter((one) => one.path.startsWith(path)).length;

  beforeEach(async () => {
    server = await startDouble("lxd-5.0");
    client = new LxdClient({ kind: "unix", socketPath: server.socketPath }, { connect: 5, request: 5 });
  });
  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  it("share a request, and what its reply says", async () => {
    const [one, other] = await Promise.all([client.getCertificates(), client.getCertificates()]);
    assert.equal(asked("/1.0/certificates"), 1);
    assert.equal(one, other);
    const [tokens, again] = await Promise.all([client.getPendingTokens(), client.getPendingTokens()]);
    assert.equal(asked("/1.0/operations"), 1);
    assert.equal(tokens, again);
  });

  it("are asked anew where they decide a change, and after one", async () => {
    const before = await client.getCertificates();
    assert.notEqual(await client.getCertificates({ fresh: true }), before);
    assert.equal(asked("/1.0/certificates"), 2);
    await client.updateServerConfig({ "user.test": "x" });
    await client.getCertificates();
    assert.equal(asked("/1.0/certificates"), 3);
  });

  it("are asked anew after a change over another connection, too", async () => {
    const other = new LxdClient({ kind: "unix", socketPath: server.socketPath }, { connect: 5, request: 6 });
    await client.getCertificates();
    await other.updateServerConfig({ "user.test": "x" });
    await client.getCertificates();
    assert.equal(asked("/1.0/certificates"), 2);
    await other.close();
  });

  describe("by a clock of the test's own", () => {
    let milliseconds = 1000;
    beforeEach(() => {
      mock.method(performance, "now", () => milliseconds);
    });
    afterEach(() => {
      mock.restoreAll();
    });

    it("share a reply as long as each comes within a second of the one before", async () => {
      for (let read = 0; read < 20; read++) {
        await client.getCertificates();
        milliseconds += 900;
      }
      assert.equal(asked("/1.0/certificates"), 1);
      milliseconds += 200;
      await client.getCertificates();
      assert.equal(asked("/1.0/certificates"), 2);
    });

    it("share none that is older than half a minute", async () => {
      for (let read = 0; read < 40; read++) {
        await client.getCertificates();
        milliseconds += 900;
      }
      assert.equal(asked("/1.0/certificates"), 2);
    });
  });

  it("leave nothing in memory once a reply is too old to be shared", async () => {
    const { setInterval: real } = globalThis;
    const forget: (() => void)[] = [];
    // Not a mock of the test runner, which remembers who called it and so the reply.
    globalThis.setInterval = ((call: () => void) => (forget.push(call), { unref: () => undefined })) as never;
    try {
      const look = async () => new WeakRef(await client.getCertificates());
      const seen = await look();
      const { length } = forget;
      mock.method(performance, "now", () => Infinity);
      for (const call of forget) call();
      await setImmediate();
      setFlagsFromString("--expose-gc");
      (runInNewContext("gc") as () => void)();
      assert.deepEqual([length, seen.deref()], [1, undefined]);
    } finally {
      globalThis.setInterval = real;
      mock.restoreAll();
    }
  });

  it("share what the server says of itself, too", async () => {
    const [server, again] = await Promise.all([client.getServer(), client.getServer()]);
    assert.deepEqual(server, again);
    assert.equal(asked("/1.0"), 1);
  });

  it("keep what a server says of itself in memory once, as long as it says the same", async () => {
    const fresh = { fresh: true };
    const before = await client.getServer(fresh);
    const again = await client.getServer(fresh);
    assert.equal(again.api_extensions, before.api_extensions);
    await client.updateServerConfig({ "user.test": "x" });
    const after = await client.getServer(fresh);
    assert.equal(asked("/1.0"), 4);
    assert.deepEqual([before.config?.["user.test"], after.config?.["user.test"]], [undefined, "x"]);
    assert.notEqual(after.etag, before.etag);
  });
});
