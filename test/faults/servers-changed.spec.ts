/** A server that is not what it was: another certificate, another server in its place, another clock. */
import { strict as assert } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import { codeIn, type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { type Interrupter, interruptTo } from "../support/faults/interrupter";
import { setStage, type Stage } from "../support/joined-server";
import { asInputs, makePair } from "../support/openssl-pair";
import { freePort, openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";
import type { Recorded } from "../support/stack";

type Inputs = Record<string, unknown>;

for (const [kind, other] of [
  ["lxd-daemon", "incus-daemon"],
  ["incus-daemon", "lxd-daemon"],
] as const) {
  describe("Servers", () => {
    describeWith([kind, other], `that are not what they were: ${kind}`, function () {
      this.timeout(120_000);
      let stage: Stage;
      let elsewhere: Stage;
      let way: Interrupter;
      let port: number;
      /** Of an administrator, without the pin. */
      let admin: Inputs;
      const client = makePair("ci");

      before(async () => {
        [stage, elsewhere] = await Promise.all([setStage(kind), setStage(other)]);
        for (const project of ["p1", "p2"]) await stage.view.createProject(project);
        port = await freePort();
        way = await leadTo(stage);
        const { clientCertificate, clientKey } = (await openHttps(stage.server)).connection;
        admin = { address: `127.0.0.1:${port}`, clientCertificate, clientKey };
      });
      after(async () => {
        await way.close();
        await Promise.all([stage.end(), elsewhere.end()]);
      });

      const leadTo = ({ address }: Stage): Promise<Interrupter> =>
        interruptTo({ host: "127.0.0.1", port: Number(address.split(":")[1]) }, { port });
      const pinned = async (): Promise<Inputs> => ({
        ...admin,
        serverFingerprint: await stage.fingerprint(),
      });

      const finding = (fault: string, outcomes: Iterable<string>, left: string): FaultFinding => ({
        ...{ kind: "fault", server: serverNamed(kind), fault, left },
        happened: [...new Set(outcomes)].sort().reverse().join(", or "),
      });

      /** An HttpsAddress and a consumed TrustToken over a connection, and a Remote that its client joined by. */
      const make = async (connection: Inputs): Promise<Recorded[]> => {
        const { stack, address } = stage;
        const exposed = await stack.create("HttpsAddress", { address, connection });
        const token = await stack.create("TrustToken", { clientName: "ci", projects: ["p1"], connection });
        const addresses = [`127.0.0.1:${port}`];
        const inputs = {
          name: "prod",
          token: String(token.outputs["token"]),
          addresses,
          ...asInputs(client),
        };
        const joined = await stack.create("Remote", inputs);
        const invited = (await stack.refresh(token)) ?? assert.fail();
        assert.equal(invited.outputs["clientFingerprint"], client.fingerprint);
        return [exposed, invited, joined];
      };

      /** The codes of every call that would look at the server, or change it. */
      const refusals = async (made: readonly Recorded[]): Promise<Set<string>> => {
        const { stack } = stage;
        const codes = new Set<string>();
        for (const one of made)
          for (const call of [
            () => stack.refresh(one),
            () => stack.update(one, one.inputs),
            () => stack.destroy(one),
          ])
            codes.add(
              await call().then(
                () => "done",
                (error: unknown) => codeIn((error as Error).message),
              ),
            );
        return codes;
      };

      const everything = async ({ view }: Stage): Promise<object> => [
        ...[await view.address(), await view.pendingTokens(), await view.clients()],
      ];

      itFinds("a certificate that was replaced between two runs, over HTTPS and for a Remote", async () => {
        const { stack, server } = stage;
        const [exposed = assert.fail(), invited = assert.fail(), joined = assert.fail()] = await make(
          await pinned(),
        );
        await server.rotateCertificate();
        const before = await everything(stage);
        const codes = await refusals([exposed, invited, joined]);
        assert.deepEqual(await everything(stage), before);
        assert.deepEqual([...codes], ["LXD_SERVER_IDENTITY"]);
        const connection = await pinned();
        const updated: Recorded[] = [];
        for (const one of [exposed, invited, joined]) {
          const anew =
            one === joined ? { serverFingerprint: connection["serverFingerprint"] } : { connection };
          const inputs = { ...one.inputs, ...anew };
          updated.unshift(await stack.update(one, inputs));
          assert.equal(await stack.plan(updated[0] ?? one, inputs), "same");
        }
        for (const one of updated) await stack.destroy(one);
        return finding(
          "the server's certificate was replaced since the last run, over a pinned connection",
          codes,
          "everything as it was; with the new pin all go on, and are destroyed",
        );
      });

      itFinds("a certificate that was replaced between two runs, over the server's socket", async () => {
        const { stack, server } = stage;
        const connection = { socketPath: server.socketPath };
        const [exposed = assert.fail(), invited = assert.fail(), joined = assert.fail()] =
          await make(connection);
        const pending = await stack.create("TrustToken", {
          clientName: "next",
          projects: ["p1"],
          connection,
        });
        await server.rotateCertificate();
        for (const one of [exposed, invited]) {
          const seen = (await stack.refresh(one)) ?? assert.fail();
          assert.equal(seen.outputs["serverFingerprint"], await stage.fingerprint());
          assert.equal(await stack.plan(seen, one.inputs), "same");
        }
        assert.equal(await stack.refresh(pending), undefined, "its token ended with the server's process");
        const inputs = { ...joined.inputs, serverFingerprint: await stage.fingerprint() };
        for (const one of [await stack.update(joined, inputs), invited, exposed]) await stack.destroy(one);
        return finding(
          "the server's certificate was replaced since the last run, over its socket",
          ["in sync with the new certificate; a token that waited is gone"],
          "nothing is left after a destroy",
        );
      });

      itFinds(`another server at the same address: ${other}`, async () => {
        const made = await make(await pinned());
        const before = [await everything(stage), await everything(elsewhere)];
        await way.close();
        way = await leadTo(elsewhere);
        const codes = await refusals(made);
        await way.close();
        way = await leadTo(stage);
        assert.deepEqual([await everything(stage), await everything(elsewhere)], before);
        assert.deepEqual([...codes], ["LXD_SERVER_IDENTITY"]);
        for (const one of made.toReversed()) await stage.stack.destroy(one);
        return finding(
          `${serverNamed(other)} answers at the address of the server`,
          codes,
          "both as they were; when the right one is back, everything is destroyed",
        );
      });

      itFinds("a clock that is ahead of the server's, and one that is behind", async () => {
        const { stack, view, server, address } = stage;
        const connection = { socketPath: server.socketPath };
        const inputs = { clientName: "ci", projects: ["p1"], connection };
        const setExpiry = (value: string): Promise<unknown> =>
          view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": value } });
        try {
          await setExpiry("1H");
          const first = await stack.create("TrustToken", inputs);
          stack.now = () => new Date(Date.now() + 2 * 3_600_000);
          const ahead = (await stack.refresh(first)) ?? assert.fail("it is still on the server");
          assert.match(String(ahead.outputs["incomplete"]), /expired/);
          const again = await stack.update(ahead, inputs);
          assert.deepEqual(await view.pendingTokens(), ["ci"], "one token, a new one");
          await stack.destroy(again);

          await setExpiry("1S");
          const short = await stack.create("TrustToken", inputs);
          await pause(Math.max(0, Date.parse(String(short.outputs["expiresAt"])) - Date.now()) + 10);
          stack.now = () => new Date(Date.now() - 3_600_000);
          const behind = (await stack.refresh(short)) ?? assert.fail();
          assert.equal(await stack.plan(behind, inputs), "same", "it cannot know better");
          const remote = { name: "prod", token: String(short.outputs["token"]), addresses: [address] };
          const { message } = await stack.createFails("Remote", remote);
          assert.deepEqual(
            (await view.clients()).filter(({ name }) => name === "ci"),
            [],
          );
          await stack.destroy(behind);
          assert.deepEqual(await view.pendingTokens(), []);
          return [
            finding(
              "the clock here is two hours ahead of the server's, whose tokens last one",
              ["the token counts as expired"],
              "one new token in its place",
            ),
            finding(
              "the clock here is an hour behind the server's, where the token has expired",
              [codeIn(message)],
              "no client of that token, and no token after a destroy",
            ),
          ];
        } finally {
          stack.now = () => new Date();
          await setExpiry("");
        }
      });

      // The pin is compared here; which server it is makes no difference.
      if (kind === "incus-daemon") return;
      itFinds(
        "a certificate that is replaced in the middle of an update",
        async () => {
          const { stack, view, server } = stage;
          const outcomes = new Set<string>();
          let [exposed = assert.fail(), invited = assert.fail(), joined = assert.fail()] = await make(
            await pinned(),
          );
          let isReached = true;
          for (let turn = 1; isReached; turn++) {
            const projects = [turn % 2 === 0 ? "p1" : "p2"];
            const wish = async (): Promise<Inputs> => ({
              clientName: "ci",
              projects,
              connection: await pinned(),
            });
            const wished = await wish();
            way.arm(turn, "reply", () => server.rotateCertificate());
            const { recorded = assert.fail(), message } = await stack.up("TrustToken", wished, invited);
            isReached = way.disarm().length >= turn;
            outcomes.add(message === undefined ? "done" : codeIn(message));
            invited = await stack.update(recorded, await wish());
            assert.deepEqual((await view.clients()).find(({ name }) => name === "ci")?.projects, projects);
          }
          exposed = await stack.update(exposed, { ...exposed.inputs, connection: await pinned() });
          joined = await stack.update(joined, {
            ...joined.inputs,
            serverFingerprint: await stage.fingerprint(),
          });
          for (const one of [joined, invited, exposed]) await stack.destroy(one);
          return finding(
            "the server's certificate is replaced at every turn of an update of a client's rights, over a pinned connection",
            outcomes,
            "the client with the new rights after one further run with the new pin",
          );
        },
        { isLong: true },
      );
    });
  });
}
