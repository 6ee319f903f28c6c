/** Addresses in unusual spellings, and bad ports: refused before a server is asked, or meaning on real servers what they say. */
import { strict as assert } from "node:assert";
import { itFinds, serverNamed } from "../support/faults/finding";
import { compared, watch, type Watched } from "../support/faults/listener-ground";
import { freePort } from "../support/server-view";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

const badPorts = ["0", "65536", "-1", "abc", "8443/", "1e3", "0x10", " 8443", "8443 "];
const hosts = ["", "127.0.0.1", "[::1]", "localhost"];

/** Spellings of a loopback address with a port, and where a server listens then. */
const spellings: readonly (readonly [host: string, listens: string])[] = [
  ["LOCALHOST", "127.0.0.1"],
  ["127.1.2.3", "127.1.2.3"],
  ["[127.0.0.1]", "127.0.0.1"],
  ["[::ffff:127.0.0.1]", "127.0.0.1"],
  ["[::FFFF:7F00:1]", "127.0.0.1"],
  ["[0:0:0:0:0:0:0:1]", "[::1]"],
  ["[::1%lo]", "[::1]"],
];

describe("HttpsAddress", () => {
  itFinds("bad ports: refused before anybody is asked", async () => {
    const stack = new Stack("/nonexistent");
    const addresses = hosts.flatMap((host) => badPorts.map((port) => `${host}:${port}`));
    const refused: string[] = [];
    for (const address of addresses) {
      const mistakes = await stack.mistakes("HttpsAddress", { address, connection: {} });
      if (mistakes.some((mistake) => mistake.startsWith("address: "))) refused.push(address);
    }
    assert.deepEqual(refused, addresses);
    const fault = `a bad port: ${badPorts.map((port) => JSON.stringify(port)).join(", ")}`;
    const happened = "check refuses it, whatever the host";
    return { kind: "fault", fault, server: "none", happened, left: "no server is asked" };
  });

  for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
    describeWith([kind], `an address in an unusual spelling, on a real ${kind}`, () => {
      let watched: Watched;
      before(async () => {
        watched = await watch(kind);
      });
      after(() => (watched as Watched | undefined)?.server.stop());

      itFinds("listens there and nowhere else, is no drift, and goes with a destroy", async () => {
        const { server, seen } = watched;
        const stack = new Stack(server.directory);
        const start = await seen();
        for (const [host, listens] of spellings) {
          const port = await freePort();
          const inputs = { address: `${host}:${port}`, connection: { socketPath: server.socketPath } };
          const made = await stack.create("HttpsAddress", inputs);
          assert.deepEqual((await seen()).sockets, [`${listens}:${port}`], host);
          const refreshed = (await stack.refresh(made)) ?? assert.fail("it is there");
          assert.equal(await stack.plan(refreshed, inputs), "same", host);
          await stack.destroy(refreshed);
          assert.deepEqual(await seen(), start, host);
        }
        return {
          kind: "fault",
          fault: `a loopback address spelled ${spellings.map(([host]) => host).join(", ")}`,
          server: serverNamed(kind),
          happened: "set, and no drift",
          left: `it listens there alone; destroyed: ${compared(await seen(), start)}`,
        };
      });
    });
  }
});
