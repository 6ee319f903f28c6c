/** The way in that an HttpsAddress uses, troubled while it changes it. */
import * as assert from "node:assert/strict";
import { isAccessError, NotSentError } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { LxdClient } from "../../provider/lxd/client";
import { ClientPool } from "../../provider/lxd/pool";
import { contextFor } from "../../provider/registry";
import { setAddress } from "../../provider/resources/listener";
import { probe } from "../../provider/resources/probe";
import { getAdministeredServer } from "../../provider/resources/server-identity";
import { type Double, profileNames, startDouble } from "../support/double/double";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { Stack } from "../support/stack";

for (const profile of profileNames) {
  describe(`a change of the very listener in use on ${profile}, after which the connection`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let before: string;
    let inputs: { address: string; connection: object };
    beforeEach(async () => {
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      stack = new Stack(server.directory);
      const { address, connection } = await openHttps(server);
      before = address;
      inputs = { address: `127.0.0.1:${await freePort()}`, connection };
    });
    afterEach(() => server.stop());

    it("is cut: recorded as unfinished, with what was there before", async () => {
      let isSet = false;
      server.intercept(({ method, clientFingerprint }) => {
        const isCut = isSet && clientFingerprint !== undefined;
        isSet ||= method === "PATCH";
        return isCut ? "reset" : undefined;
      });
      const { message, recorded } = await stack.createFails("HttpsAddress", inputs);
      server.intercept(undefined);
      assert.equal(await view.address(), inputs.address);
      assert.match(
        message,
        /Looking whether .* still answers from here, now that it listens on .*The server was listening on .*could NOT be put back.*\[PARTIAL\]/s,
      );
      assert.equal(recorded?.outputs["previousAddress"], before);
    });

    it("is refused one answer: the old address is there again", async () => {
      const busy = { type: "error", error_code: 503, error: "LXD is busy", metadata: null };
      let isSet = false;
      let isAsked = false;
      server.intercept(({ method, clientFingerprint }) => {
        isSet ||= method === "PATCH";
        if (!isSet || isAsked || method !== "GET" || clientFingerprint === undefined) return undefined;
        isAsked = true;
        return { status: 503, body: busy };
      });
      const { message, recorded } = await stack.createFails("HttpsAddress", inputs);
      assert.match(message, /Looking whether .*LXD is busy.*; that was put back \[LXD_UNREACHABLE\]/s);
      assert.equal(recorded, undefined);
      assert.equal(await view.address(), before);
    });
  });
}

it("a change that never left, because its server hangs, is not taken back: nothing has come of it", async () => {
  const server = await startDouble("lxd-5.0", { speed: 5 });
  const client = new LxdClient({ kind: "unix", socketPath: server.socketPath }, { connect: 5, request: 0.3 });
  try {
    const before = await getAdministeredServer(client, undefined);
    server.intercept(({ path }) => (path.startsWith("/1.0/operations") ? "hang" : undefined));
    const slow = [1, 2].map(() => client.getPendingTokens({ fresh: true }));
    const change = { client, server: before, allowLockout: false };
    const failure = await setAddress(contextOf(server), change, "127.0.0.1:0").catch(
      (error: unknown) => error,
    );
    assert.ok(failure instanceof NotSentError, String(failure));
    assert.match(failure.message, /^PATCH \/1\.0 on .*: not sent, as 2 requests before it got no reply/);
    await Promise.allSettled(slow);
    assert.deepEqual([...new Set(server.requests.map(({ method }) => method))], ["GET"]);
  } finally {
    await client.close();
    await server.stop();
  }
});

/** What a handler has around it. */
function contextOf({ directory: programDirectory }: Double): Context {
  const surroundings = { config: {}, environment: {}, programDirectory, now: () => new Date() };
  return contextFor({ ...surroundings, log: () => undefined }, new ClientPool());
}

describe("dialling an address at which nothing can be dialled", () => {
  it("says so, and ends", async () => {
    const failure = await probe({ host: "fe80::1%lo", port: 8443 }, "ab".repeat(32));
    assert.ok(isAccessError(failure, "LXD_UNREACHABLE"), String(failure));
  });
});
