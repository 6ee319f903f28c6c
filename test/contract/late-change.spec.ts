/** A server that carries out a change of its address after the provider has stopped waiting for it. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Stack } from "../support/stack";

const key = "core.https_address";
const [one, other] = ["127.0.0.1:18443", "127.0.0.1:18444"];

describe("HttpsAddress on a server that takes longer than it is given", () => {
  let folder: string;
  let server: Server;
  let held: string;
  /** A value that is not answered for; it holds when {@link carryOut} is called. */
  let slow: string | undefined;
  const carryOut = (): void => void (held = slow ?? held);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-late-"));
    [held, slow] = ["", undefined];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const answer = (metadata: unknown): unknown =>
          response.end(JSON.stringify({ type: "sync", status_code: 200, metadata }));
        if (request.method === "GET") return answer(shown());
        const wanted = (JSON.parse(body) as { config: Record<string, string> }).config[key] ?? "";
        if (wanted === slow) return undefined;
        held = wanted;
        return answer({});
      });
    });
    server.listen(join(folder, "unix.socket"));
    await once(server, "listening");
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  const shown = () => ({
    auth: "trusted",
    api_extensions: [],
    config: held === "" ? {} : { [key]: held },
    environment: {
      ...{ server: "lxd", server_name: "edge", server_version: "5.0.2", server_clustered: false },
      ...{ addresses: [], certificate: "PEM", certificate_fingerprint: "ab" },
    },
  });
  const inputs = (address: string) => ({
    ...{ address, floating: true },
    connection: { socketPath: join(folder, "unix.socket"), timeouts: { connect: 0.2, request: 0.2 } },
  });

  it("is recorded as unfinished, so that destroy takes back what came late", async () => {
    const stack = new Stack(folder);
    slow = one;
    const { message, recorded } = await stack.createFails("HttpsAddress", inputs(one));
    assert.match(message, /no reply within 0\.2 s.*may still be at work on the change/s);
    assert.ok(recorded !== undefined, "not recorded");
    assert.equal(held, "");
    carryOut();
    slow = undefined;
    await stack.destroy(recorded);
    assert.equal(held, "");
  });

  it("still knows the address that it had set, which is there again", async () => {
    const stack = new Stack(folder);
    const created = await stack.create("HttpsAddress", inputs(one));
    slow = other;
    const { recorded } = await stack.updateFails(created, inputs(other));
    assert.ok(recorded !== undefined, "not recorded");
    assert.equal(held, one);
    assert.equal(await stack.plan(recorded, inputs(other)), "update");
    slow = undefined;
    await stack.destroy(recorded);
    assert.equal(held, "");
  });
});
