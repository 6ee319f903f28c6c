/** What happens while an address is changed: other administrators, and servers that are started again. */
import { strict as assert } from "node:assert";
import { setImmediate as turn } from "node:timers/promises";
import { type Between, type Passing, standBetween } from "../support/faults/between";
import { codeIn, type FaultFinding, itFinds, serverNamed, someOf } from "../support/faults/finding";
import { type Seen, watch, type Watched } from "../support/faults/listener-ground";
import { listeningSockets } from "../support/facts/listening-sockets";
import { freePort } from "../support/server-view";
import { occupy } from "../support/setback-cases";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

for (const kind of someOf(["lxd-daemon", "incus-daemon"] as const)) {
  describe("HttpsAddress", () => {
    describeWith([kind], `an address that is changed on a real ${kind}, while`, () => {
      let watched: Watched;
      let between: Between;
      let stack: Stack;
      /** Whoever listens at {@link taken}. */
      let other: Awaited<ReturnType<typeof occupy>>;
      let start: Seen;
      let good = "";
      let theirs = "";
      let taken = "";

      before(async () => {
        watched = await watch(kind);
        between = await standBetween(watched.server);
        stack = new Stack(watched.server.directory);
        other = await occupy("127.0.0.1");
        taken = `127.0.0.1:${other.port}`;
        const config = { "core.metrics_address": `127.0.0.1:${await freePort()}` };
        await watched.view.request("PATCH", "/1.0", { config });
        start = await watched.seen();
      });
      beforeEach(async () => {
        good = `127.0.0.1:${await freePort()}`;
        theirs = `127.0.0.1:${await freePort()}`;
      });
      afterEach(async () => {
        between.meanwhile();
        await watched.view.setAddress("127.0.0.1:0");
        await watched.view.setAddress("");
        assert.deepEqual(await watched.seen(), start, "nothing is left over");
      });
      after(async () => {
        other.server.close();
        await between.close();
        await watched.server.stop();
      });

      /** At the first change that comes from the provider; later ones are only passed on. */
      const atTheChange = (happens: (passing: Passing) => Promise<void>): void => {
        let isOver = false;
        between.meanwhile(async (passing) => {
          if (isOver || passing.method !== "PATCH") return passing.pass();
          isOver = true;
          return happens(passing);
        });
      };
      const inputs = (address: string) => ({ address, connection: between.connection });
      /** Whose address is configured, and whether the server listens there and nowhere else. */
      const held = async (): Promise<string> => {
        const { config, sockets } = await watched.seen();
        const { "core.https_address": address = "" } = config as Record<string, string | undefined>;
        const names = new Map<string, string>([
          ["", "unset"],
          [good, "ours"],
          [theirs, "theirs"],
        ]);
        const expected = [...start.sockets, ...(address === "" ? [] : [address])].sort();
        const isTrue = JSON.stringify(sockets) === JSON.stringify(expected);
        return `${names.get(address) ?? "another"}, ${isTrue ? "and the sockets say the same" : "other sockets"}`;
      };
      const found = (fault: string, happened: string, left: string): FaultFinding => ({
        ...{ kind: "fault", fault, server: serverNamed(kind), happened, left },
      });
      const theirsStay = "theirs, and the sockets say the same";

      itFinds(
        "somebody else sets another one just before: theirs stays, and nothing is recorded",
        async () => {
          atTheChange(async ({ pass }) => {
            await watched.view.setAddress(theirs);
            await pass();
          });
          const { message, recorded } = await stack.createFails("HttpsAddress", inputs(good));
          assert.match(
            message,
            /somebody else has changed it at the same moment from "" to "127.*left as it is/s,
          );
          assert.equal(recorded, undefined);
          const left = await held();
          assert.equal(left, theirsStay);
          return found("another administrator sets an address just before ours", codeIn(message), left);
        },
      );

      itFinds("somebody else changes another key just before: ours is set, and theirs, too", async () => {
        atTheChange(async ({ pass }) => {
          await watched.view.request("PATCH", "/1.0", { config: { "user.theirs": "kept" } });
          await pass();
        });
        await stack.create("HttpsAddress", inputs(good));
        const left = await held();
        assert.equal(left, "ours, and the sockets say the same");
        const { config } = await watched.seen();
        assert.equal(config["user.theirs"], "kept");
        await watched.view.request("PATCH", "/1.0", { config: { "user.theirs": "" } });
        return found(
          "another administrator sets another key just before ours",
          "set",
          `${left}; theirs kept`,
        );
      });

      itFinds("somebody else sets another one just after: theirs stays, destroyed too", async () => {
        atTheChange(async ({ pass }) => {
          await pass();
          await watched.view.setAddress(theirs);
        });
        const { message, recorded } = await stack.createFails("HttpsAddress", inputs(good));
        assert.match(
          message,
          /listened on "127.*", but somebody else has changed that at the same moment to "127/,
        );
        const left = await held();
        assert.equal(left, theirsStay);
        await stack.destroy(recorded ?? assert.fail("not recorded"));
        const destroyed = await held();
        assert.equal(destroyed, theirsStay);
        return found(
          "another administrator sets an address just after ours",
          codeIn(message),
          `${left}; destroyed: ${destroyed}`,
        );
      });

      for (const from of ["unset", "set"] as const) {
        itFinds(`somebody else sets another one while ours fails, from ${from}: theirs stays`, async () => {
          if (from === "set") await watched.view.listen();
          atTheChange(async ({ pass }) => {
            await pass();
            await watched.view.setAddress(theirs);
          });
          const { message, recorded } = await stack.createFails("HttpsAddress", inputs(taken));
          assert.match(message, /somebody else has set it to "127.*" meanwhile, and that was left as it is/);
          assert.equal(recorded, undefined);
          const left = await held();
          assert.equal(left, theirsStay);
          const fault = `another administrator sets an address between our failed one and its taking back, from ${from}`;
          return found(fault, codeIn(message), left);
        });
      }

      itFinds("somebody else sets another one while the server still tries ours: we leave it", async () => {
        const before = await watched.view.listen();
        atTheChange(async ({ pass }) => {
          const passing = pass();
          // Servers have no listener while they try.
          while (listeningSockets(watched.server.pid).includes(before)) await turn();
          await watched.view.setAddress(theirs);
          await passing;
        });
        const { message, recorded } = await stack.createFails("HttpsAddress", inputs(taken));
        assert.equal(recorded, undefined);
        const isHeld = (await watched.view.address()) === theirs;
        const listens = listeningSockets(watched.server.pid).includes(theirs);
        assert.ok(listens);
        // Incus takes back the value that it had before it tried ours, whoever has set another one since.
        assert.equal(isHeld, kind === "lxd-daemon");
        return found(
          "another administrator sets an address while the server still tries ours",
          codeIn(message),
          `it listens on theirs; the value is ${isHeld ? "theirs" : "taken back by the server itself"}`,
        );
      });

      itFinds("somebody else sets another one just before a destroy: theirs stays", async () => {
        const made = await stack.create("HttpsAddress", inputs(good));
        atTheChange(async ({ pass }) => {
          await watched.view.setAddress(theirs);
          await pass();
        });
        const refused: unknown = await stack.destroy(made).catch((error: unknown) => error);
        assert.ok(refused instanceof Error);
        assert.match(refused.message, /somebody else has changed it at the same moment/);
        const left = await held();
        assert.equal(left, theirsStay);
        await stack.destroy(made);
        const again = await held();
        assert.equal(again, theirsStay);
        return found(
          "another administrator sets an address just before a destroy",
          codeIn(refused.message),
          `${left}; destroyed again: ${again}`,
        );
      });

      itFinds("the server is started again before we look: ours is set", async () => {
        atTheChange(async ({ pass }) => {
          await pass();
          await watched.server.restart();
        });
        const { recorded, message } = await stack.up("HttpsAddress", inputs(good));
        assert.equal(message, undefined, "the server is there again before anybody looks");
        const left = await held();
        assert.equal(left, "ours, and the sockets say the same");
        await stack.destroy(recorded ?? assert.fail("not recorded"));
        const destroyed = await held();
        assert.match(destroyed, /^unset, and/);
        return found("restart between our change and our look", "set", `${left}; destroyed: ${destroyed}`);
      });

      itFinds("the server is away when we look: recorded, and the next run finishes", async () => {
        let isAway = false;
        between.meanwhile(async ({ method, pass, lose }) => {
          await pass();
          if (isAway) lose();
          isAway ||= method === "PATCH";
        });
        const { message, recorded } = await stack.createFails("HttpsAddress", inputs(good));
        assert.equal(await held(), "ours, and the sockets say the same");
        const unfinished = recorded ?? assert.fail("not recorded");
        assert.equal(await stack.plan(unfinished, inputs(good)), "update");
        between.meanwhile(async ({ method, pass }) => {
          assert.equal(method, "GET", "it is there already");
          await pass();
        });
        const finished = await stack.update(unfinished, inputs(good));
        assert.equal(await stack.plan(finished, inputs(good)), "same");
        between.meanwhile();
        await stack.destroy(finished);
        const destroyed = await held();
        assert.match(destroyed, /^unset, and/);
        return found(
          "the server does not answer between our change and our look",
          `${codeIn(message)}; up again: set`,
          `ours; destroyed: ${destroyed}`,
        );
      });

      for (const from of ["unset", "set"] as const) {
        itFinds(`the server is started again, and our reply is lost, from ${from}: ours is set`, async () => {
          const before = from === "set" ? await watched.view.listen() : "";
          atTheChange(async ({ pass, lose }) => {
            await pass();
            await watched.server.restart();
            lose();
          });
          const made = await stack.create("HttpsAddress", inputs(good));
          const left = await held();
          assert.equal(left, "ours, and the sockets say the same");
          await stack.destroy(made);
          assert.equal(await watched.view.address(), before);
          return found(`restart, and the reply to our change is lost, from ${from}`, "set", left);
        });

        itFinds(`the reply that it cannot be had is lost, from ${from}: that is no success`, async () => {
          if (from === "set") await watched.view.listen();
          const before = await watched.seen();
          atTheChange(async ({ pass, lose }) => {
            await pass();
            lose();
          });
          const { message, recorded } = await stack.createFails("HttpsAddress", inputs(taken));
          assert.match(message, /that was put back/);
          assert.equal(recorded, undefined);
          const after = await watched.seen();
          assert.deepEqual(after, before);
          await watched.server.restart();
          assert.deepEqual(await watched.seen(), before);
          const fault = `a port that is taken, and the server's refusal is lost, from ${from}`;
          return found(fault, codeIn(message), "as before, restarted too");
        });

        itFinds(
          `it cannot be had, and the server is away when that is taken back, from ${from}`,
          async () => {
            const before = from === "set" ? await watched.view.listen() : "";
            const beforehand = await watched.seen();
            let isAway = false;
            between.meanwhile(async ({ method, pass, lose }) => {
              if (isAway) {
                lose();
                return;
              }
              isAway = method === "PATCH";
              await pass();
              if (isAway) lose();
            });
            const first = await stack.up("HttpsAddress", inputs(taken));
            assert.match(first.message ?? "", /could NOT be put back.*\[PARTIAL\]$/s);
            const unfinished = first.recorded ?? assert.fail("not recorded");
            assert.equal(unfinished.outputs["previousAddress"], before);
            between.meanwhile();
            assert.equal(await stack.plan(unfinished, inputs(taken)), "update");

            // Once more the same: no success, whatever the server has kept, and nothing of it is left.
            const second = await stack.up("HttpsAddress", inputs(taken), unfinished);
            assert.match(second.message ?? "", /address already in use.*that was put back/s);
            const left = await watched.seen();
            assert.deepEqual(left, beforehand);
            const third = await stack.up("HttpsAddress", inputs(good), second.recorded);
            assert.equal(third.message, undefined);
            assert.equal(await held(), "ours, and the sockets say the same");
            await stack.destroy(third.recorded ?? assert.fail("not recorded"));
            assert.deepEqual(await watched.seen(), beforehand);
            await watched.server.restart();
            assert.deepEqual(await watched.seen(), beforehand);
            return found(
              `a port that is taken, and the server does not answer when that is taken back, from ${from}`,
              `${codeIn(first.message ?? "")}; up again: ${codeIn(second.message ?? "")}; up with a good one: set`,
              "as before after each, destroyed and restarted too",
            );
          },
        );
      }
    });
  });
}
