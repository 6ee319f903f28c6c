/** What the LXD client makes of replies that are none, and of servers that repeat what they were told. */
import * as assert from "node:assert/strict";
import { fails, impatient, refusal, trusted, useConnections } from "./connections";
import { reply, server } from "./tls-listener";

describe("a connection", () => {
  const { listen, dial } = useConnections();

  describe("over which no reply comes that can be used", () => {
    const silent: [title: string, bytes: string][] = [
      ["that never begins", ""],
      ["whose headers stop", "HTTP/1.1 200 OK\r\ncontent-le"],
      ["whose body stops", 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"type":"sync"'],
    ];
    for (const [title, bytes] of silent) {
      it(`is given up over one ${title}`, async () => {
        const listener = await listen((socket) => socket.write(bytes));
        await fails(
          dial(listener.port, { timeouts: impatient }).getServer(),
          "LXD_TIMEOUT",
          /no reply within 0\.3 s/,
        );
        assert.equal(listener.requests.length, 1);
      });
    }

    const service = /is not one of LXD's or Incus's REST API. Is another service on this address\?/;
    const wrong: [title: string, bytes: string, message: RegExp][] = [
      ["of a web page", reply("<!doctype html><h1>It works!</h1>"), service],
      ["in no HTTP at all", "hello\r\n\r\n", /the reply is not HTTP: .*Is another service/],
      ["of a proxy's error page", reply("<h1>Bad Gateway</h1>", "502 Bad Gateway"), /\(HTTP 502\) is not/],
      ["of nothing", reply(""), service],
      ["of half a JSON text", reply('{"type":"sync","metadata":{"auth"'), service],
      ["of other JSON", reply({ hello: "world" }), service],
      ["of JSON that is no object", reply("[]"), service],
      [
        "of another shape",
        reply({ type: "sync", metadata: { auth: 7 } }),
        /not what LXD or Incus send \(auth\)/,
      ],
      ["of no server", reply({ type: "sync", metadata: null }), /not what LXD or Incus send/],
      [
        "with headers beyond measure",
        reply(server, "200 OK", [`x: ${"y".repeat(100_000)}`]),
        /Headers Overflow/,
      ],
    ];
    for (const [title, bytes, message] of wrong) {
      it(`says so of a reply ${title}`, async () => {
        const listener = await listen((socket) => socket.write(bytes));
        await fails(dial(listener.port).getServer(), "LXD_PROTOCOL", message);
      });
    }

    it("is refused with the very text with which it was answered before", async () => {
      const listener = await listen((socket, { connection }) => {
        socket.write(reply(server, connection === 1 ? "200 OK" : "502 Bad Gateway"));
      });
      assert.equal((await dial(listener.port).getServer()).auth, "trusted");
      await fails(dial(listener.port).getServer(), "LXD_REJECTED", /the server refused \(502\)/);
    });

    it("does not follow a redirect", async () => {
      const elsewhere = await listen(trusted);
      const headers = [`location: https://127.0.0.1:${elsewhere.port}/1.0`];
      const listener = await listen((socket) => socket.write(reply("", "307 Temporary Redirect", headers)));
      const client = dial(listener.port);
      await fails(client.getServer(), "LXD_PROTOCOL", service);
      await fails(client.redeemCertificateToken("c2VjcmV0", "trust_token"), "LXD_PROTOCOL", service);
      assert.equal(elsewhere.connections(), 0);
    });

    it("is ended when a reply does not end", async () => {
      let sent = 0;
      const listener = await listen((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const chunk = Buffer.alloc(1024 * 1024, " ");
        const more = (): void => {
          do sent += chunk.length;
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on("drain", more);
        more();
      });
      await fails(dial(listener.port).getServer(), "LXD_PROTOCOL", /longer than 64 MiB/);
      assert.ok(sent >= 64 * 1024 * 1024);
    });
  });

  describe("never repeats a token in an error", () => {
    const secret = "29d3b944".repeat(8);
    const inside = {
      client_name: "ci",
      fingerprint: "ab".repeat(32),
      addresses: ["lxd.invalid:8443"],
      secret,
    };
    const token = Buffer.from(JSON.stringify(inside)).toString("base64");
    const error = (text: string, status: string): string =>
      reply({ type: "error", error: text, metadata: null }, status);
    const echoes: [title: string, bytes: string, told: RegExp][] = [
      [
        "the server repeats",
        error(`bad token ${token}.`, "400 Bad Request"),
        /\(400\): bad token \[secret\]\./,
      ],
      [
        "the server repeats by the secret inside",
        error(`no ${secret}`, "400 Bad Request"),
        /\(400\): no \[secret\]/,
      ],
      ["the server repeats twice", error(`${token}, ${token}`, "403 Forbidden"), /\[secret\], \[secret\]/],
      [
        "is cut off in a long text",
        error("x".repeat(480) + token, "500 Internal Server Error"),
        /\(500\): x+/,
      ],
      ["the server repeats outside JSON", reply(`cannot parse ${token}`, "400 Bad Request"), /\(HTTP 400\)/],
      ["the server repeats as its status", error("no", `400 ${token}`), /\(400\): no/],
      ["the server repeats instead of HTTP", `${token}\r\n\r\n`, /HTTP/],
      ["the server repeats in a header", reply("", "302 Found", [`location: /${token}`]), /\(HTTP 302\)/],
    ];
    for (const [title, bytes, told] of echoes) {
      it(`that ${title}`, async () => {
        const listener = await listen((socket) => socket.write(bytes));
        const { message } = await refusal(dial(listener.port).redeemCertificateToken(token, "trust_token"));
        assert.match(message, told);
        assert.ok(listener.requests[0]?.body.includes(token), "it was sent");
        for (let start = 0; start + 20 <= token.length; start++)
          assert.ok(!message.includes(token.slice(start, start + 20)), message);
        assert.ok(!message.includes(secret), message);
      });
    }
  });
});
