/** A call that is asked to stop: only it stops waiting, and not those who wait for the same. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { gateTo } from "../support/gate";
import {
  at,
  type Calls,
  callsIn,
  connectionsOf,
  described,
  resultOf,
  stoppedAt,
  timeouts,
  usingHeld,
} from "../support/stoppable";
import { useConnections } from "./connections";
import { reply, server as trusting } from "./tls-listener";

describe("a call that is stopped leaves others alone", () => {
  const { listen, dial } = useConnections();
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

  it("who wait for the same reply, were the read its own", async () => {
    await usingHeld(folder, async (server) => {
      const client = await calls.context.connect(at(server));
      const own = calls.begin(() => client.getServer());
      const other = calls.begin(() => client.getServer());
      const held = await server.next();
      own.stop();
      await stoppedAt(own, `Reading the server ${server.socketPath}`);
      held.answer(described);
      assert.equal(resultOf(await other.outcome).auth, "trusted");
      assert.deepEqual(server.requests, ["GET /1.0"]);
    });
  });

  it("who wait for the same read, which is not sent yet; nor is it, once nobody waits any more", async () => {
    await usingHeld(folder, async (server) => {
      const client = await calls.context.connect(at(server));
      const before = client.deleteCertificate("ab");
      const [own, other] = [1, 2].map(() => calls.begin(() => client.getServer()));
      const [third, fourth] = [1, 2].map(() => calls.begin(() => client.getCertificates()));
      assert.ok(own && other && third && fourth);
      const held = await server.next();
      for (const one of [own, third, fourth]) one.stop();
      await stoppedAt(own, `Reading the server ${server.socketPath}`);
      for (const one of [third, fourth])
        await stoppedAt(one, `Listing the trust store of ${server.socketPath}`);
      const anew = client.getCertificates();
      held.answer({});
      await before;
      (await server.next()).answer(described);
      assert.equal(resultOf(await other.outcome).auth, "trusted");
      (await server.next()).answer([]);
      assert.deepEqual(await anew, [], "who comes later is not told that nobody waits");
      const trustStore = "GET /1.0/certificates?recursion=1";
      assert.deepEqual(server.requests, ["DELETE /1.0/certificates/ab", "GET /1.0", trustStore]);
    });
  });

  it("who go over the same connection, which stays: an address may have to be put back over it", async () => {
    const answers: (() => void)[] = [];
    const listener = await listen((socket) => answers.push(() => socket.write(reply(trusting))));
    const client = dial(listener.port, { timeouts });
    const own = calls.begin(() => client.getServer({ target: "own" }));
    while (answers.length === 0) await setImmediate();
    const other = client.getServer({ target: "other" });
    own.stop();
    await stoppedAt(own, `Reading the server ${client.name}`);
    answers[0]?.();
    while (answers.length === 1) await setImmediate();
    answers[1]?.();
    assert.equal((await other).auth, "trusted");
    assert.equal(listener.connections(), 1);
  });

  it("who wait for the same connection", async () => {
    const listener = await listen((socket) => socket.write(reply(trusting)));
    const gate = await gateTo(listener.port);
    try {
      gate.shut();
      const client = dial(gate.port, { timeouts });
      const own = calls.begin(() => client.getServer({ target: "own" }));
      const other = client.getServer({ target: "other" });
      await connectionsOf(gate, 1);
      own.stop();
      await stoppedAt(own, `Reading the server ${client.name}`);
      gate.open();
      assert.equal((await other).auth, "trusted");
      assert.equal(gate.connections(), 1);
    } finally {
      await gate.close();
    }
  });
});
