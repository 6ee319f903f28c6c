/** A server that is not there yet, or not any more: what a run meets while it starts, hangs and shuts down. */
import { strict as assert } from "node:assert";
import { type FaultFinding, itFinds, codeIn, serverNamed } from "../support/faults/finding";
import { setStage, type Stage } from "../support/joined-server";
import { asInputs, makePair } from "../support/openssl-pair";
import { openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";
import type { Recorded } from "../support/stack";

type Inputs = Record<string, unknown>;

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describe("Servers", () => {
    describeWith([kind], `that start, hang and shut down: ${kind}`, function () {
      this.timeout(120_000);
      let stage: Stage;
      /** Resources that outlive the server's process, over its socket and over HTTPS. */
      const made: Recorded[] = [];

      before(async () => {
        stage = await setStage(kind);
        const { stack, view, server } = stage;
        const { connection, address } = await openHttps(server);
        const local = { socketPath: server.socketPath };
        for (const [n, way] of [local, connection].entries()) {
          const on: Inputs = { connection: way };
          made.push(await stack.create("HttpsAddress", { address, ...on }));
          const token = await stack.create("TrustToken", {
            clientName: `ci-${n}`,
            projects: ["default"],
            ...on,
          });
          const pair = makePair(`ci-${n}`);
          await view.redeem(String(token.outputs["token"]), pair);
          made.push((await stack.refresh(token)) ?? assert.fail());
          const joined = {
            name: "prod",
            addresses: [address],
            serverFingerprint: connection.serverFingerprint,
          };
          made.push(await stack.create("Remote", { ...joined, ...asInputs(pair) }));
        }
      });
      after(() => stage.end());

      /** What a look at a resource comes to: "in sync", or the code of an error. Anything else would be a wrong conclusion. */
      const look = async (one: Recorded): Promise<string> => {
        try {
          const seen = await stage.stack.refresh(one);
          assert.ok(seen !== undefined, `${one.name} is taken for gone`);
          assert.equal(await stage.stack.plan(seen, one.inputs), "same", `${one.name} is taken for changed`);
          return "in sync";
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          return codeIn((error as Error).message);
        }
      };
      const finding = (fault: string, outcomes: Iterable<string>, left: string): FaultFinding => ({
        ...{ kind: "fault", server: serverNamed(kind), fault, left },
        happened: [...new Set(outcomes)].sort().reverse().join(", or "),
      });

      itFinds("looked at all the time while it restarts: never a wrong conclusion", async () => {
        const { server } = stage;
        const outcomes = new Set<string>();
        let isOver = false;
        const looks = made.map(async (one) => {
          while (!isOver) outcomes.add(await look(one));
        });
        for (let n = 0; n < 3; n++) await server.restart();
        isOver = true;
        await Promise.all(looks);
        for (const one of made) assert.equal(await look(one), "in sync");
        assert.deepEqual([...outcomes].sort(), ["LXD_UNREACHABLE", "in sync"]);
        return finding(
          "each resource is looked at all the time while the server restarts",
          outcomes,
          "all in sync",
        );
      });

      itFinds(
        "stopped, so that it takes connections and says nothing, as one that waits for its database",
        async () => {
          const { pid } = stage.server;
          process.kill(pid, "SIGSTOP");
          let outcomes: string[];
          try {
            outcomes = await Promise.all(made.map((one) => look(impatient(one))));
          } finally {
            process.kill(pid, "SIGCONT");
          }
          for (const one of made) assert.equal(await look(one), "in sync");
          return finding(
            "the server takes connections and says nothing",
            outcomes,
            "all in sync when it goes on",
          );
        },
      );

      itFinds("killed, so that its socket is there and nobody behind it", async () => {
        const { server } = stage;
        process.kill(server.pid, "SIGKILL");
        const outcomes = await Promise.all(made.map(look));
        await server.restart();
        for (const one of made) assert.equal(await look(one), "in sync");
        return finding(
          "the server was killed and has left its socket",
          outcomes,
          "all in sync when it is back",
        );
      });
    });
  });
}

/** The same, where a server that does not answer is not waited for. */
function impatient(one: Recorded): Recorded {
  const timeouts = { connect: 1, request: 1 };
  const { connection, given } = one.outputs;
  const known =
    one.name === "Remote"
      ? { given: { ...(given as object), timeouts } }
      : { connection: { ...(connection as object), timeouts } };
  return { ...one, outputs: { ...one.outputs, ...known } };
}
