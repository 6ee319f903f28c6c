/** How long a server is waited for: each request as long as said, and nobody for what is known not to come. */
import * as assert from "node:assert/strict";
import { connect, createServer as createTcpServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { askAhead } from "../../provider/lxd/client";
import { freePort } from "../support/server-view";
import { fails, impatient, short, trusted, useConnections } from "./connections";
import { type Answer, reply, server } from "./tls-listener";

describe("the wait for a server", () => {
  const { listen, start, dial } = useConnections();

  describe("that is not to be connected to", () => {
    it("is over for all who wait when it is over for the first", async () => {
      let connections = 0;
      const client = dial(await start(createTcpServer(() => ++connections)), { timeouts: short });
      const calls = [client.getServer(), client.getProjectNames(), client.getCertificates()];
      await Promise.all(calls.map((call) => fails(call, "LXD_TIMEOUT", /no connection within 0\.3 s/)));
      assert.equal(connections, 1);
    });

    it("is over for all who wait when it hangs up, and each is told of its own request", async () => {
      let connections = 0;
      const port = await start(createTcpServer((socket) => (connections++, socket.destroy())));
      const client = dial(port);
      const calls = [
        client.getServer(),
        client.getProjectNames(),
        client.redeemCertificateToken("c2VjcmV0", "trust_token"),
      ];
      const [, , message] = await Promise.all(calls.map((call) => fails(call, "LXD_UNREACHABLE", /Its log/)));
      assert.match(message ?? "", /^POST \/1\.0\/certificates on /);
      assert.equal(connections, 1);
    });

    it("ends with what each of the addresses of its name said", async () => {
      const port = await freePort();
      const restore = resolveTo("two.invalid", "127.0.0.2", "127.0.0.3");
      try {
        const call = dial(port, { host: "two.invalid" }).getServer();
        const message = await fails(call, "LXD_UNREACHABLE", /make this resource depend on its HttpsAddress/);
        for (const address of ["127.0.0.2", "127.0.0.3"])
          assert.ok(message.includes(`connect ECONNREFUSED ${address}:${port}`), message);
      } finally {
        restore();
      }
    });
  });

  describe("that is connected to", () => {
    it("is not everybody's in turn, where it hangs", async () => {
      const listener = await listen(() => undefined);
      const client = dial(listener.port, { timeouts: impatient });
      const names = ["a", "b", "c", "d", "e"];
      const calls = names.map((target) => client.getServer({ target }));
      const messages = await Promise.all(
        calls.map((call) => fails(call, "LXD_TIMEOUT", /Does the server hang/)),
      );
      assert.equal(listener.requests.length, 2);
      for (const message of messages.slice(2))
        assert.match(message, /given up, as 2 requests before it got no reply/);
      await fails(client.getServer(), "LXD_TIMEOUT", /no reply within 0\.3 s/);
      assert.equal(listener.requests.length, 3, "who comes later is served again");
    });

    it("is over for however many wait, and takes no connection for those who are given up", async () => {
      const listener = await listen((socket, { path }) =>
        path.includes("well") ? socket.write(reply(server)) : undefined,
      );
      const client = dial(listener.port, { timeouts: impatient });
      const calls = Array.from({ length: 40 }, (_none, index) => client.getServer({ target: `a${index}` }));
      await Promise.all(calls.map((call) => fails(call, "LXD_TIMEOUT", /Does the server hang/)));
      assert.equal((await client.getServer({ target: "well" })).auth, "trusted");
      assert.deepEqual([listener.requests.length, listener.connections()], [3, 3]);
    });

    it("is over for however many wait, where the server restarts and then hangs: a read that is repeated waits behind them", async () => {
      const listener = await listen((socket) => {
        if (listener.requests.length === 1) socket.destroy();
      });
      const client = dial(listener.port, { timeouts: impatient });
      const calls = Array.from({ length: 12 }, (_none, index) => client.getServer({ target: `a${index}` }));
      await Promise.all(calls.map((call) => fails(call, "LXD_TIMEOUT", /Does the server hang/)));
    });

    it("is as long as said where a connection that was closed from here comes about after all", async () => {
      const listener = await listen(() => undefined);
      const held: (() => void)[] = [];
      const port = await start(
        createTcpServer((near) => {
          const forward = (): void => {
            const far = connect(listener.port, "127.0.0.1");
            far.on("error", () => near.destroy());
            near.pipe(far).pipe(near);
          };
          if (held.push(forward) > 1) forward();
        }),
      );
      const client = dial(port, { timeouts: { connect: 20, request: 0.5 } });
      const first = fails(client.getServer(), "LXD_UNREACHABLE", /closed from here/);
      while (held.length < 1) await setImmediate();
      await client.close();
      await first;
      const second = fails(client.getServer(), "LXD_TIMEOUT", /no reply/);
      while (listener.requests.length < 1) await setImmediate();
      held[0]?.();
      await second;
    });

    it("is worth it for who comes after the first one that got no reply: there may be something to take back", async () => {
      const listener = await listen((socket, { path }) =>
        path.includes("hang") ? undefined : socket.write(reply(server)),
      );
      const client = dial(listener.port, { timeouts: impatient });
      const [first, second] = ["hang-1", "hang-2"].map((target) => client.getServer({ target }));
      await fails(first ?? assert.fail(), "LXD_TIMEOUT", /no reply/);
      const afterwards = client.getServer({ target: "well" });
      await fails(second ?? assert.fail(), "LXD_TIMEOUT", /no reply/);
      assert.equal((await afterwards).auth, "trusted");
      const [third, last] = ["hang-3", "well-2"].map((target) => client.getServer({ target }));
      await fails(third ?? assert.fail(), "LXD_TIMEOUT", /no reply/);
      assert.equal((await last)?.auth, "trusted", "one alone is no reason to give up the next");
    });

    it("is over for all who wait when the connection is closed from here, and none is made anew for them", async () => {
      let arrived: () => void = () => undefined;
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      const listener = await listen(() => {
        arrived();
      });
      const client = dial(listener.port);
      const calls = ["a", "b", "c"].map((target) => client.getServer({ target }));
      await arrival;
      const ended = Promise.all(
        calls.map((call) => fails(call, "LXD_UNREACHABLE", /the connection was closed from here/)),
      );
      await client.close();
      await ended;
      assert.deepEqual([listener.connections(), listener.requests.length], [1, 1]);
    });

    it("for a reply is as long as said, however long the connection might have taken", async () => {
      const listener = await listen(() => undefined);
      const ended: string[] = [];
      const end = (name: string, connect: number, request: number): Promise<unknown> =>
        fails(
          dial(listener.port, { timeouts: { connect, request } }).getServer(),
          "LXD_TIMEOUT",
          new RegExp(`no reply within ${request} s`),
        ).then(() => ended.push(name));
      await Promise.all([end("request", 20, 0.3), end("both", 2, 2)]);
      assert.deepEqual(ended, ["request", "both"]);
    });

    it("is no longer for a read that has to be repeated", async () => {
      const answers: Answer[] = [
        trusted,
        (socket) => setTimeout(() => socket.destroy(), 1000),
        () => undefined,
      ];
      const listener = await listen((socket, request) => answers.shift()?.(socket, request));
      const hung = await listen((socket) =>
        hung.requests.length === 1 ? socket.write(reply(server)) : undefined,
      );
      const ended: string[] = [];
      const repeated = dial(listener.port, { timeouts: { connect: 20, request: 2 } });
      const longer = dial(hung.port, { timeouts: { connect: 20, request: 2.8 } });
      await Promise.all([repeated.getServer(), longer.getServer()]);
      await Promise.all(
        [longer, repeated].map(async (client) => {
          await fails(client.getServer({ fresh: true }), "LXD_TIMEOUT", /no reply/);
          ended.push(client === repeated ? "repeated" : "longer");
        }),
      );
      assert.deepEqual(ended, ["repeated", "longer"]);
      assert.equal(listener.requests.length, 3);
    });

    it("is not for what was asked ahead, where the first reply does not come and nobody wants the next", async () => {
      const listener = await listen((socket, { path }) =>
        path.includes("hang") || path.includes("projects") ? undefined : socket.write(reply(server)),
      );
      const client = dial(listener.port, { timeouts: impatient });
      const asked = askAhead(
        client,
        () => client.getServer({ target: "hang" }),
        (same, options) => same.getProjectNames(options),
      );
      await fails(asked, "LXD_TIMEOUT", /no reply/);
      const later = await client.getServer({ target: "well" });
      assert.equal(later.auth, "trusted");
      const [first, ...others] = listener.requests.map(({ path }) => path);
      assert.deepEqual([first, others], ["/1.0?target=hang", ["/1.0?target=well"]]);
    });

    it("for one reply does not keep the next request from being answered", async () => {
      const listener = await listen((socket, { path }) =>
        path.includes("projects") ? undefined : socket.write(reply(server)),
      );
      const client = dial(listener.port, { timeouts: impatient });
      const [first, second] = await Promise.allSettled([client.getProjectNames(), client.getServer()]);
      assert.equal(first.status, "rejected");
      assert.equal(second.status, "fulfilled");
    });
  });
});

/** Gives a name several addresses, as DNS would; answers what takes them back. */
function resolveTo(name: string, ...addresses: string[]): () => void {
  const dns = process.getBuiltinModule("node:dns");
  const real = dns.lookup;
  const lookup = (
    ...args: [host: string, options: object, done: (error: null, all: object[]) => void]
  ): void => {
    if (args[0] === name)
      args[2](
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
    else Reflect.apply(real, dns, args);
  };
  Reflect.set(dns, "lookup", lookup);
  return () => Reflect.set(dns, "lookup", real);
}
