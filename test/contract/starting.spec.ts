/** A server that says it is still starting, as newer LXD and Incus do while they wait for their database. */
import * as assert from "node:assert/strict";
import { fails, useConnections } from "./connections";
import { type Answer, reply, server } from "./tls-listener";

const starting = reply(
  { type: "error", error_code: 503, error: "LXD daemon setup in progress", metadata: null },
  "503 Service Unavailable",
);

/** Refuses as many requests, and answers those after them. */
function startsAfter(refusals: number): Answer {
  let left = refusals;
  return (socket) => socket.write(left-- > 0 ? starting : reply(server));
}

describe("a server that is still starting", () => {
  const { listen, dial } = useConnections();

  it("is waited for by reads", async () => {
    const listener = await listen(startsAfter(2));
    assert.equal((await dial(listener.port).getServer()).auth, "trusted");
    assert.equal(listener.requests.length, 3);
  });

  it("is waited for by changes, of which it has done nothing", async () => {
    const listener = await listen(startsAfter(1));
    await dial(listener.port).updateServerConfig({ "core.https_address": ":8443" });
    assert.deepEqual(
      listener.requests.map(({ method, body }) => [method, body]),
      Array(2).fill(["PATCH", '{"config":{"core.https_address":":8443"}}']),
    );
  });

  it("is waited for no longer than for a connection", async () => {
    const listener = await listen(startsAfter(Infinity));
    const call = dial(listener.port, { timeouts: { connect: 0.6, request: 20 } }).getServer();
    await fails(
      call,
      "LXD_UNREACHABLE",
      /setup in progress\. It is still starting: run again when it is up \[/,
    );
  });

  it("is told from one that is busy or shutting down, which is not asked again", async () => {
    for (const error of ["LXD is busy", "LXD is shutting down"]) {
      const body = { type: "error", error_code: 503, error, metadata: null };
      const listener = await listen((socket) => socket.write(reply(body, "503 Service Unavailable")));
      await fails(dial(listener.port).getServer(), "LXD_UNREACHABLE", new RegExp(error));
      assert.equal(listener.requests.length, 1);
    }
  });
});
