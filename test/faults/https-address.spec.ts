/** Changes of the address that fail, on real servers: each is as it was before, at once and when it is started again. */
import { strict as assert } from "node:assert";
import { codeIn, itFinds, serverNamed, someOf } from "../support/faults/finding";
import { compared, ListenerGround, watch } from "../support/faults/listener-ground";
import { makePair } from "../support/openssl-pair";
import { rawRequest } from "../support/raw-request";
import { freePort } from "../support/server-view";
import { occupy, setbackCases } from "../support/setback-cases";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

describe("HttpsAddress", () => {
  for (const kind of someOf(["lxd-daemon", "incus-daemon", "lxd-cluster"] as const)) {
    describeWith([kind, "sshd"], `a change that fails on a real ${kind}`, () => {
      const ground = new ListenerGround(kind);
      before(() => ground.start());
      after(() => ground.stop());
      const cases = setbackCases.filter(({ isReal }) => kind !== "lxd-cluster" || isReal !== true);
      for (const theCase of cases.filter(({ isUntouched }) => isUntouched !== true))
        itFinds(theCase.title, () => ground.fail([theCase]));
      itFinds("what the server's interfaces do not have", () =>
        ground.fail(cases.filter(({ isUntouched }) => isUntouched)),
      );
    });
  }

  for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
    describeWith([kind], `what a failed change leaves on a real ${kind}`, () => {
      itFinds("of a run that was cut off: the next one knows what was there before", async () => {
        const { server, view, seen } = await watch(kind);
        const other = await occupy("127.0.0.1");
        try {
          const stack = new Stack(server.directory);
          const connection = { socketPath: server.socketPath };
          const [good, taken] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${other.port}`];
          const made = await stack.create("HttpsAddress", { address: good, connection });
          const before = await seen();
          // All that came of it: the request.
          const config = { "core.https_address": taken };
          const cutOff = await rawRequest({ socketPath: server.socketPath }, "PATCH", "/1.0", { config });
          assert.equal(cutOff.status, 500);
          const isKept = (await view.address()) === taken;
          const { message = "" } = await stack.up("HttpsAddress", { address: taken, connection }, made);
          assert.match(message, /address already in use.*that was put back/s);
          const after = await seen();
          assert.deepEqual(after, before);
          await server.restart();
          const restarted = await seen();
          assert.deepEqual(restarted, before);
          return {
            kind: "fault",
            fault: `a run is cut off after it asked for a port that is taken; the server ${isKept ? "keeps it" : "takes it back"}`,
            server: serverNamed(kind),
            happened: `up again: ${codeIn(message)}`,
            left: `${compared(after, before)}; restarted: ${compared(restarted, before)}`,
          };
        } finally {
          other.server.close();
          await server.stop();
        }
      });

      itFinds(
        "of a run that was cut off before anything was recorded: no success goes without a word",
        async () => {
          const { server, seen } = await watch(kind);
          const other = await occupy("127.0.0.1");
          try {
            const stack = new Stack(server.directory);
            const address = `127.0.0.1:${other.port}`;
            const before = await seen();
            const config = { "core.https_address": address };
            await rawRequest({ socketPath: server.socketPath }, "PATCH", "/1.0", { config });
            const wanted = { address, connection: { socketPath: server.socketPath } };
            const { message } = await stack.up("HttpsAddress", wanted);
            const warnings = stack.messages.filter((text) =>
              /^warning: .*does not answer there from here/.test(text),
            );
            assert.equal(warnings.length, message === undefined ? 1 : 0);
            return {
              kind: "fault",
              fault: "a first run is cut off after it asked for a port that is taken",
              server: serverNamed(kind),
              happened: `up again: ${message === undefined ? "set, with a warning that it does not answer" : codeIn(message)}`,
              left: compared(await seen(), before),
            };
          } finally {
            other.server.close();
            await server.stop();
          }
        },
      );

      itFinds("made by hand: an HttpsAddress that is made and destroyed clears it away", async () => {
        const watched = await watch(kind);
        const { server, view, seen } = watched;
        try {
          const before = await seen();
          const config = { "core.https_address": "10.255.255.1:8443" };
          const byHand = await rawRequest({ socketPath: server.socketPath }, "PATCH", "/1.0", { config });
          assert.equal(byHand.status, 500);
          const left = await seen();
          const strays = left.sockets.filter((socket) => socket.startsWith("*:")).length;
          const stack = new Stack(server.directory);
          const address = `127.0.0.1:${await freePort()}`;
          const made = await stack.create("HttpsAddress", {
            ...{ address, connection: { socketPath: server.socketPath } },
          });
          assert.deepEqual((await seen()).sockets, [address]);
          await stack.destroy(made);
          const after = await seen();
          assert.deepEqual(after, before);
          const held = (await view.address()) === "" ? "unset" : "set";
          return {
            kind: "fault",
            fault: `an address of another host, set by hand: ${compared(left, before)}, ${strays} on every interface`,
            server: serverNamed(kind),
            happened: "an HttpsAddress made and destroyed",
            left: `${held}, ${compared(after, before)}`,
          };
        } finally {
          await server.stop();
        }
      });
    });
  }

  describeWith(["lxd-daemon"], "what is secret in the configuration of a real lxd-daemon", () => {
    itFinds("a trust password: it is the same after a change, and after one that fails", async () => {
      const { server, view, seen } = await watch("lxd-daemon");
      try {
        const password = "correct horse battery staple";
        await view.request("PATCH", "/1.0", { config: { "core.trust_password": password } });
        const stack = new Stack(server.directory);
        const connection = { socketPath: server.socketPath };
        const bad = { address: "10.255.255.1:8443", floating: true, connection };
        const { message } = await stack.createFails("HttpsAddress", bad);
        assert.ok(!message.includes(password));
        const address = `127.0.0.1:${await freePort()}`;
        await stack.create("HttpsAddress", { address, connection });
        const shown = (await seen()).config["core.trust_password"];
        const answers = await Promise.all(
          [password, "true", String(shown)].map(async (tried) => {
            const pair = makePair("stranger");
            const body = { type: "client", password: tried };
            return (await rawRequest({ address, ...pair }, "POST", "/1.0/certificates", body)).status;
          }),
        );
        assert.deepEqual(answers, [201, 403, 403]);
        return {
          kind: "fault",
          fault: "an address of another host, and then a good one, beside a trust password",
          server: serverNamed("lxd-daemon"),
          happened: "refused, then set",
          left: `the password is ${answers[0] === 201 ? "as before" : "lost"}`,
        };
      } finally {
        await server.stop();
      }
    });
  });
});
