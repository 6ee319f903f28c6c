/** Clients that join one server at the same time do so one after the other. */
import * as assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { setImmediate } from "node:timers/promises";
import { encodeTrustToken } from "../../provider/lxd/trust-token";
import { inTurn } from "../../provider/resources/redemption-turn";
import { Stack } from "../support/stack";
import { pin, useConnections } from "./connections";
import { reply } from "./tls-listener";

describe("clients that join at the same time", () => {
  const { listen } = useConnections();

  it("redeem their tokens one after the other, each over its own connection", async () => {
    const joined = new Set<number>();
    let [redeeming, most] = [0, 0];
    const listener = await listen((socket, { method, path, connection }) => {
      const say = (metadata: unknown): void =>
        void socket.write(reply({ type: "sync", status_code: 200, metadata }));
      if (method === "POST") {
        most = Math.max(most, ++redeeming);
        void ticks(20).then(() => {
          redeeming--;
          joined.add(connection);
          say({});
        });
      } else if (path === "/1.0/projects") say([]);
      else say({ api_extensions: [], auth: joined.has(connection) ? "trusted" : "untrusted" });
    });
    const stack = new Stack(tmpdir());
    const names = ["one", "two", "three", "four"];
    const made = await Promise.all(
      names.map((name) => stack.create("Remote", { name, token: tokenFor(name, listener.port) })),
    );
    assert.deepEqual(
      made.map(({ outputs }) => outputs["enrolled"]),
      names.map(() => true),
    );
    assert.equal(listener.connections(), names.length);
    assert.equal(most, 1);
  });

  it("do not wait for those of another server, nor for long, nor in vain", async () => {
    const begun: string[] = [];
    type Work = () => Promise<unknown>;
    const begin = (name: string, server: string, work: Work, patience?: number): Promise<unknown> =>
      inTurn(server, "Waiting", () => (begun.push(name), work()), patience);
    const never: Work = () => new Promise(() => undefined);
    const fine: Work = () => Promise.resolve();
    void begin("hangs", "a", never);
    await begin("elsewhere", "b", fine);
    const impatient = begin("impatient", "a", () => Promise.reject(new Error("refused")), 500);
    await ticks(20);
    assert.deepEqual(begun, ["hangs", "elsewhere"]);
    await assert.rejects(impatient, /refused/);
    await begin("after a failure", "a", fine, 60_000);
    assert.deepEqual(begun, ["hangs", "elsewhere", "impatient", "after a failure"]);
  });
});

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
