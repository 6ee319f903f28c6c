/** Choosing among the addresses that a real server has: by subnet, by interface, and listing them. */
import * as assert from "node:assert/strict";
import { getServer } from "../../provider/functions/get-server";
import { getServerAddresses } from "../../provider/functions/get-server-addresses";
import type { FunctionHandler } from "../../provider/handler";
import { ExtraAddresses, machineAddresses, needsExtraAddresses } from "../support/extra-addresses";
import { callFunction } from "../support/function-call";
import { listeningSockets } from "../support/facts/listening-sockets";
import { type ClientPair, makePair } from "../support/openssl-pair";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describeWith([kind], `choosing the address of a real ${kind}`, () => {
    const machine = new ExtraAddresses();
    let server: TestServer;
    let view: ServerView;
    let stack: Stack;
    let connection: { socketPath: string };
    before(needsExtraAddresses);
    before(async () => {
      server = await startServer(kind);
      view = viewOf(server);
      stack = new Stack(server.directory);
      connection = { socketPath: server.socketPath };
    });
    after(async () => {
      // Nothing was started where the tests are skipped.
      await (server as TestServer | undefined)?.stop();
    });
    afterEach(() => {
      machine.removeAll();
    });

    it("by subnet: the server's own address in it, IPv4 and IPv6", async () => {
      machine.add("198.51.100.11/32");
      machine.add("2001:db8:68::11/128");
      for (const [subnet, host] of [
        ["198.51.100.0/24", "198.51.100.11"],
        ["198.51.0.0/16", "198.51.100.11"],
        ["2001:db8:68::/64", "[2001:db8:68::11]"],
      ]) {
        const port = await freePort();
        const resource = await stack.create("HttpsAddress", { subnet, port, connection });
        assert.equal(await view.address(), `${host}:${port}`);
        assert.equal(resource.outputs["resolvedAddress"], `${host}:${port}`);
        assert.deepEqual(resource.outputs["addresses"], [`${host}:${port}`]);
        assert.ok(listeningSockets(server.pid).some((socket) => socket.endsWith(`:${port}`)));
        assert.equal(await stack.plan(resource, { subnet, port, connection }), "same");
        await stack.destroy(resource);
        assert.equal(await view.address(), "");
      }
    });

    it("several addresses are meant: none is taken, all are listed, and the server is left alone", async () => {
      machine.add("198.51.100.11/32");
      machine.add("198.51.100.12/32");
      const wide = await stack.createFails("HttpsAddress", { subnet: "198.51.100.0/24", connection });
      assert.match(
        wide.message,
        /subnet "198\.51\.100\.0\/24": .* has several such addresses: 198\.51\.100\.11 \(lo\), 198\.51\.100\.12 \(lo\)\. Say which by a smaller subnet, by family, or by address.*\[INPUT_INVALID\]/s,
      );
      const onInterface = await stack.createFails("HttpsAddress", { interface: "lo", connection });
      assert.match(
        onInterface.message,
        /interface "lo": .* several .*127\.0\.0\.1 \(lo\), 198\.51\.100\.11 \(lo\)/s,
      );
      assert.doesNotMatch(onInterface.message, /::1/, "an IPv4 address goes before IPv6 ones");
      assert.equal(await view.address(), "");
      const port = await freePort();
      const one = await stack.create("HttpsAddress", { subnet: "198.51.100.12/32", port, connection });
      assert.equal(await view.address(), `198.51.100.12:${port}`);
      await stack.destroy(one);
    });

    it("no address is meant: those that the server has are listed", async () => {
      for (const choice of [
        { subnet: "203.0.113.0/24" },
        { interface: "nope0" },
        { subnet: "2001:db8:99::/64", family: "inet6" },
      ]) {
        const { message } = await stack.createFails("HttpsAddress", { ...choice, connection });
        assert.match(message, /: .* has no such address\. It has .*127\.0\.0\.1 \(lo\)/s);
        assert.match(message, /\[INPUT_INVALID\]/);
      }
      assert.equal(await view.address(), "");
    });

    it("loopback only where it is said, link-local addresses never", async () => {
      machine.add("198.51.100.11/32");
      machine.add("fe80::68/64");
      const everywhere = await stack.createFails("HttpsAddress", { subnet: "126.0.0.0/7", connection });
      assert.match(everywhere.message, /no such address/, "a subnet wider than loopback does not mean it");
      const link = await stack.createFails("HttpsAddress", { subnet: "fe80::/10", connection });
      assert.match(link.message, /subnet "fe80::\/10": .* no such address\. It has .*fe80::68 \(lo\)/s);
      const port = await freePort();
      for (const [choice, held] of [
        [{ subnet: "127.0.0.0/8" }, `127.0.0.1:${port}`],
        [{ interface: "lo", family: "inet6" }, `[::1]:${port}`],
      ] as const) {
        const resource = await stack.create("HttpsAddress", { ...choice, port, connection });
        assert.equal(await view.address(), held);
        await stack.destroy(resource);
      }
    });

    it("the server's address moves: a refresh shows it, an update follows it, destroy still knows what was set", async () => {
      machine.add("198.51.100.11/32");
      const inputs = { subnet: "198.51.100.0/24", port: await freePort(), connection };
      const resource = await stack.create("HttpsAddress", inputs);

      machine.remove("198.51.100.11/32");
      machine.add("198.51.100.12/32");
      const moved = await stack.refresh(resource);
      assert.ok(moved);
      assert.equal(moved.outputs["address"], `198.51.100.11:${inputs.port}`);
      assert.equal(moved.outputs["resolvedAddress"], `198.51.100.12:${inputs.port}`);
      assert.equal(await stack.plan(moved, inputs), "update");

      const followed = await stack.update(moved, inputs);
      assert.equal(await view.address(), `198.51.100.12:${inputs.port}`);
      assert.equal(await stack.plan(followed, inputs), "same");

      machine.remove("198.51.100.12/32");
      machine.add("198.51.100.13/32");
      const again = await stack.refresh(followed);
      assert.ok(again);
      await stack.destroy(again);
      assert.equal(
        await view.address(),
        "",
        "what was set is taken back, though it is not what should be set now",
      );
    });

    it("no address is meant any more: what was chosen stays in state, with a warning", async () => {
      machine.add("198.51.100.11/32");
      const inputs = { subnet: "198.51.100.0/24", port: await freePort(), connection };
      const resource = await stack.create("HttpsAddress", inputs);
      machine.remove("198.51.100.11/32");
      stack.messages.length = 0;
      const kept = await stack.refresh(resource);
      assert.ok(kept);
      assert.equal(kept.outputs["resolvedAddress"], `198.51.100.11:${inputs.port}`);
      assert.equal(await stack.plan(kept, inputs), "same");
      assert.match(stack.messages.join("\n"), /^warning: subnet "198\.51\.100\.0\/24": .* no such address/);
      await stack.destroy(kept);
      assert.equal(await view.address(), "");
    });

    it("getServerAddresses: those of the machine, as `ip` lists them", async () => {
      machine.add("198.51.100.11/32");
      machine.add("fe80::68/64");
      const { addresses } = await callFunction(getServerAddresses, { connection });
      const texts = addresses.map(
        ({ interface: name, family, address, prefixLength }) =>
          `${name} ${family} ${address}/${prefixLength}`,
      );
      assert.deepEqual(texts.sort(), machineAddresses().sort());
      const scopes = Object.fromEntries(addresses.map(({ address, scope }) => [address, scope]));
      assert.deepEqual(
        [scopes["127.0.0.1"], scopes["198.51.100.11"], scopes["fe80::68"]],
        ["local", "global", "link"],
      );
    });

    it("getServer: what the server says of itself, over its socket and over HTTPS", async () => {
      const none = await callFunction(getServer, { connection });
      assert.deepEqual([none.address, none.effectiveAddress, none.addresses], ["", "", []]);
      const admin = await openHttps(server);
      const { environment } = (await view.request("GET", "/1.0")) as { environment: Record<string, string> };
      for (const way of [connection, admin.connection]) {
        assert.deepEqual(await callFunction(getServer, { connection: way }), {
          address: admin.address,
          effectiveAddress: admin.address,
          addresses: [admin.address],
          serverFingerprint: environment["certificate_fingerprint"],
          serverCertificate: environment["certificate"],
          serverName: environment["server_name"],
          serverVersion: environment["server_version"],
          serverType: server.flavor,
          clustered: false,
          members: [],
        });
      }
      await assert.rejects(
        callFunction(getServer, { connection, target: "a" }),
        /target: .* is not clustered; leave out "a" \[INPUT_INVALID\]/,
      );
      await assert.rejects(
        callFunction(getServerAddresses, { connection, target: "a" }),
        /target: .* is not clustered; leave out "a" \[INPUT_INVALID\]/,
      );
      const refused = await stack.createFails("HttpsAddress", { address: ":8443", target: "a", connection });
      assert.match(refused.message, /target: .* is not clustered; leave out "a" \[INPUT_INVALID\]/);
    });

    it("a client that may not administer the server, or that it does not know, is told so", async () => {
      const { connection: admin } = await openHttps(server, makePair("another admin"));
      const as = (pair: ClientPair): object => ({
        connection: { ...admin, clientCertificate: pair.certificate, clientKey: pair.privateKey },
      });
      const [guest, stranger] = [makePair("guest"), makePair("stranger")];
      await view.redeem(await view.issueToken("guest", { restricted: true, projects: [] }), guest);
      for (const ask of [getServer, getServerAddresses]) {
        await assert.rejects(
          callFunction(ask as FunctionHandler<object, object>, { ...as(guest) }),
          /does not show its configuration to this client.*\[LXD_NOT_TRUSTED\]/s,
        );
        await assert.rejects(
          callFunction(ask as FunctionHandler<object, object>, { ...as(stranger) }),
          /does not trust this client.*\[LXD_NOT_TRUSTED\]/s,
        );
      }
    });
  });
}
