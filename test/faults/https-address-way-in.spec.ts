/** Changes of the very listener that the connection comes in through, on real servers: nobody is locked out. */
import { strict as assert } from "node:assert";
import { ExtraAddresses, needsExtraAddresses } from "../support/extra-addresses";
import { type CutRouter, routeUntil } from "../support/faults/cut";
import { codeIn, type FaultFinding, itFinds, serverNamed, someOf } from "../support/faults/finding";
import { compared, type Seen, watch, type Watched } from "../support/faults/listener-ground";
import { freePort, openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

/** An address that the machine has, and of which it is told later that it is elsewhere. */
const moving = "198.51.100.21";

describe("HttpsAddress", () => {
  for (const kind of someOf(["lxd-daemon", "incus-daemon", "lxd-cluster"] as const)) {
    describeWith([kind], `the way in to a real ${kind}`, () => {
      const machine = new ExtraAddresses();
      let watched: Watched;
      let stack: Stack;
      let start: Seen;
      let address: string;
      let connection: Awaited<ReturnType<typeof openHttps>>["connection"];
      let router: CutRouter | undefined;
      let target: string | undefined;
      before(async () => {
        watched = await watch(kind);
        ({ target } = watched.server);
        stack = new Stack(watched.server.directory);
        ({ address, connection } = await openHttps(watched.server));
        start = await watched.seen();
      });
      beforeEach(async () => {
        assert.deepEqual(await watched.seen(), start, "as the tests before have left it");
      });
      afterEach(async () => {
        await router?.close();
        machine.removeAll();
      });
      after(() => (watched as Watched | undefined)?.server.stop());

      const found = (fault: string, happened: string, left: string): FaultFinding => ({
        ...{ kind: "fault", fault, server: serverNamed(kind), happened, left },
      });
      /** What is there now, and when the server is started again. */
      const compareTwice = async (): Promise<string> => {
        const now = compared(await watched.seen(), start);
        await watched.server.restart();
        return `${now}; restarted: ${compared(await watched.seen(), start)}`;
      };
      const asBefore = "configuration and sockets as before; restarted: configuration and sockets as before";
      const overSocket = () => ({ connection: { socketPath: watched.server.socketPath }, target });

      describe("to an address that cannot be reached from here", () => {
        before(needsExtraAddresses);

        itFinds("the old one is put back over the connection that is still open", async () =>
          isPutBack(
            "an address that cannot be reached from here, over the very listener",
            await moveAway(Infinity),
            /would lock out this client, .*no new address answers from here \(198\.51.*that was put back/s,
          ),
        );

        itFinds(
          "the old one is put back also where the new one is silent, and that takes as long as a dial may",
          async () =>
            isPutBack(
              "an address of which nothing is heard from here, over the very listener",
              await moveAway(Infinity, { isSilent: true }),
              /would lock out this client, .*no connection within .*that was put back/s,
            ),
          { isLong: true },
        );

        for (const [requests, cut, when] of [
          [0, "GET", "before the new one is dialled"],
          [2, "PATCH", "at the change that puts the old one back"],
        ] as const) {
          itFinds(`the connection breaks ${when}: recorded, and mended over the socket`, async () => {
            const wanted = await moveAway(requests);
            const { message, recorded } = await stack.createFails("HttpsAddress", wanted);
            assert.match(
              message,
              new RegExp(`could NOT be put back \\(${cut} /1\\.0 on .*\\[PARTIAL\\]$`, "s"),
            );
            const unfinished = recorded ?? assert.fail("not recorded");
            assert.equal(unfinished.outputs["previousAddress"], address);
            assert.equal(await watched.view.address(), wanted.address);

            // The address is on another host now, so the next run cannot have it either, and goes back.
            const again = { ...wanted, ...overSocket(), floating: true };
            assert.equal(await stack.plan(unfinished, again), "update");
            const second = await stack.up("HttpsAddress", again, unfinished);
            assert.match(second.message ?? "", /that was put back/);
            const left = await compareTwice();
            assert.equal(left, asBefore);
            const third = await stack.up("HttpsAddress", { ...overSocket(), address }, second.recorded);
            assert.equal(third.message, undefined);
            await stack.destroy(third.recorded ?? assert.fail("not recorded"));
            assert.deepEqual(await watched.seen(), start);
            return found(
              `an address that cannot be reached from here, over the very listener; the connection breaks ${when}`,
              `${codeIn(message)}; up again over the socket: ${codeIn(second.message ?? "")}`,
              left,
            );
          });
        }

        itFinds(
          "neither the new nor the old one can be had: nobody is let in by another listener",
          async () => {
            machine.add(`${moving}/32`);
            const gone = `${moving}:${await freePort()}`;
            const made = await stack.create("HttpsAddress", { ...overSocket(), address: gone });
            machine.remove(`${moving}/32`);
            const bad = { ...overSocket(), address: "10.255.255.1:8443", floating: true };
            const { message } = await stack.updateFails(made, bad);
            const { config, sockets } = await watched.seen();
            assert.equal(config["core.https_address"], gone);
            const strays = sockets.filter((socket) => socket.startsWith("*:")).length;
            assert.equal(strays, 0, sockets.join(", "));
            await watched.view.setAddress(address);
            return found(
              "an address of another host, while the former address has left the machine",
              codeIn(message),
              `the former value; ${strays} listeners on every interface`,
            );
          },
        );

        /** The change fails with this message, is not recorded, and leaves the server as it was. */
        async function isPutBack(fault: string, inputs: Record<string, unknown>, told: RegExp) {
          const { message, recorded } = await stack.createFails("HttpsAddress", inputs);
          assert.match(message, told);
          assert.equal(recorded, undefined);
          const left = await compareTwice();
          assert.equal(left, asBefore);
          return found(fault, codeIn(message), left);
        }

        /** Inputs for an address that can be bound and, as soon as that is tried, not reached. */
        async function moveAway(requests: number, how: { isSilent?: boolean } = {}) {
          machine.add(`${moving}/32`);
          const onRefused = (): void => {
            machine.moveAway(`${moving}/32`, how);
          };
          router = await routeUntil(address, { requests, onRefused });
          return {
            address: `${moving}:${await freePort()}`,
            target,
            connection: { ...connection, address: router.address },
          };
        }
      });

      itFinds(
        "a change after which the connection breaks: recorded, and finished over the socket",
        async () => {
          router = await routeUntil(address, { requests: 0, onRefused: () => undefined });
          const wanted = {
            address: `127.0.0.1:${await freePort()}`,
            target,
            connection: { ...connection, address: router.address },
          };
          const { message, recorded } = await stack.createFails("HttpsAddress", wanted);
          assert.match(
            message,
            /Looking whether .* still answers from here.*could NOT be put back.*\[PARTIAL\]$/s,
          );
          const again = { ...wanted, ...overSocket() };
          const finished = await stack.update(recorded ?? assert.fail("not recorded"), again);
          assert.equal(await watched.view.address(), wanted.address);
          assert.equal(await stack.plan(finished, again), "same");
          await stack.destroy(finished);
          const left = await compareTwice();
          assert.equal(left, asBefore);
          return found(
            "an address that is set over the very listener; the connection breaks after that",
            `${codeIn(message)}; up again over the socket: set`,
            `destroyed: ${left}`,
          );
        },
      );

      itFinds("nobody listens any more: that is said, and nothing is changed", async () => {
        await watched.view.setAddress("");
        const { message, recorded } = await stack.createFails("HttpsAddress", {
          address,
          target,
          connection,
        });
        assert.equal(recorded, undefined);
        assert.match(message, /ECONNREFUSED/);
        assert.equal(await watched.view.address(), "");
        await watched.view.setAddress(address);
        return found("the listener that the connection names is unset", codeIn(message), "unset");
      });

      itFinds("changed by hand since it was made: a destroy leaves it", async () => {
        const made = await stack.create("HttpsAddress", {
          ...{ ...overSocket(), address: `127.0.0.1:${await freePort()}` },
        });
        await watched.view.setAddress(address);
        await stack.destroy(made);
        const left = await compareTwice();
        assert.equal(left, asBefore);
        return found("changed by hand, and then destroyed", "destroyed", `what was set by hand: ${left}`);
      });

      itFinds("the last way in is not destroyed, unless allowLockout says so", async () => {
        // Found listening, a destroy leaves it; made from nothing, it would shut the door behind itself.
        await watched.view.setAddress("");
        const made = await stack.create("HttpsAddress", { address, ...overSocket() });
        const overIt = await stack.update(made, { address, target, connection });
        const refused: unknown = await stack.destroy(overIt).catch((error: unknown) => error);
        assert.ok(refused instanceof Error);
        assert.match(refused.message, /last way in from here/);
        const left = await compareTwice();
        assert.equal(left, asBefore);
        const allowed = await stack.update(overIt, { address, target, connection, allowLockout: true });
        await stack.destroy(allowed);
        const afterwards = await watched.view.address();
        assert.equal(afterwards, "");
        await watched.view.setAddress(address);
        return found(
          "the destroy of the very listener, which was made from nothing",
          `${codeIn(refused.message)}; with allowLockout: destroyed`,
          `${left}; with allowLockout: ${JSON.stringify(afterwards)}`,
        );
      });
    });
  }
});
