/** The way in that an HttpsAddress uses, troubled while it changes it. */
import * as assert from "node:assert/strict";
import { isAccessError } from "../../provider/errors";
import { probe } from "../../provider/resources/probe";
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

describe("dialling an address at which nothing can be dialled", () => {
  it("says so, and ends", async () => {
    const failure = await probe({ host: "fe80::1%lo", port: 8443 }, "ab".repeat(32));
    assert.ok(isAccessError(failure, "LXD_UNREACHABLE"), String(failure));
  });
});
