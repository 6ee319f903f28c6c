/** The keys of a server's configuration that a change of the address does not mean. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Stack } from "../support/stack";

const key = "core.https_address";
/** As servers show it; what is hidden, such as a trust password, is `true`. */
const rest = {
  ...{ "core.trust_password": true, "loki.auth.password": "hunter2-of-loki", "user.note": "kept" },
  // Half a character, which a server can send all the same.
  "user.odd-key": "\ud800",
  // As is what cannot be made a text.
  "user.odd-value": { toString: null },
  "core.metrics_address": "127.0.0.1:9100",
  // Secrets, as are these: a part of another one, with what is escaped in quotes, and where a key does not tell.
  ...{ "oidc.client.secret": "hunter2-of-loki-and-oidc", "openfga.api.token": 'quote"of\\openfga' },
  ...{
    "acme.provider.environment": "USER=dns\nDNS_API=of-acme",
    "core.proxy_https": "http://p:of-proxy@[::1]",
  },
};

describe("the rest of the configuration", () => {
  let folder: string;
  let server: Server;
  let refusal: number;
  let asked: { ifMatch: string | undefined; config: Record<string, unknown> }[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-rest-"));
    [asked, refusal] = [[], 400];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        response.setHeader("etag", '"as-it-was"');
        if (request.method === "GET") {
          const metadata = {
            ...{ auth: "trusted", api_extensions: [], config: rest },
            environment: {
              ...{ server: "lxd", server_name: "edge", server_version: "5.21.3", server_clustered: false },
              ...{ addresses: [], certificate: "PEM", certificate_fingerprint: "ab" },
            },
          };
          return response.end(JSON.stringify({ type: "sync", status_code: 200, metadata }));
        }
        const { config } = JSON.parse(body) as { config: Record<string, unknown> };
        asked.push({ ifMatch: request.headers["if-match"], config });
        response.statusCode = refusal;
        const error = Object.entries(config)
          .map(
            ([name, value]) => `${name}='${typeof value === "string" ? value : ""}'${JSON.stringify(value)}`,
          )
          .join(" ");
        return response.end(JSON.stringify({ type: "error", error_code: refusal, error, metadata: null }));
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

  it("goes with a change as it was seen, so that a server which fails has all of it, and is in no error", async () => {
    const stack = new Stack(folder);
    const connection = { socketPath: join(folder, "unix.socket") };
    const { message } = await stack.createFails("HttpsAddress", { address: "localhost:18443", connection });
    assert.deepEqual(asked[0], { ifMatch: '"as-it-was"', config: { ...rest, [key]: "localhost:18443" } });
    assert.match(
      message,
      /Setting core\.https_address on .*: the server refused \(400\): .*'\[secret\]'.*proxy_https='\[secret\]'"\[secret\]"/,
    );
    for (const part of ["hunter2", "-and-oidc", "quote", "openfga'", "of-acme", "of-proxy"])
      assert.ok(!message.includes(part), part);
  });

  it("that changes again and again: the change is given up, and the error says what to do", async () => {
    refusal = 412;
    const connection = { socketPath: join(folder, "unix.socket") };
    const inputs = { address: "localhost:18443", connection };
    const { message } = await new Stack(folder).createFails("HttpsAddress", inputs);
    assert.match(message, /refused \(412\).*Somebody else changes it at the same moment: run again/);
    assert.ok(asked.length > 1, "it was tried again");
  });
});
