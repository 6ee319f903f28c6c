/** The server restarts in the middle of an update: before it sees a request, or before its reply arrives. */
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { listeningSockets } from "../support/facts/listening-sockets";
import { type FaultFinding, itFinds, serverNamed, someOf } from "../support/faults/finding";
import { type Interrupter, interruptTo } from "../support/faults/interrupter";
import { type Places, restartDuringUpdates, type Updated } from "../support/faults/restarts";
import { setStage, type Stage } from "../support/joined-server";
import { asInputs, makePair } from "../support/openssl-pair";
import { freePort } from "../support/server-view";
import type { ServerKind } from "../support/servers";
import { describeWith } from "../support/skip";
import type { Recorded } from "../support/stack";

const kinds: [kind: ServerKind, places: Places][] = [
  ["lxd-daemon", "around changes"],
  ["incus-daemon", "around changes"],
  ["lxd-6", "every turn"],
];

for (const [kind, places] of someOf(kinds)) {
  describe("Servers", () => {
    describeWith([kind], `that restart during an update: ${kind}`, function () {
      this.timeout(180_000);
      let stage: Stage;
      let folder: string;
      let local: Interrupter;
      let network: Interrupter;
      let networkAddress: string;
      let connection: { socketPath: string };

      before(async () => {
        folder = mkdtempSync(join(tmpdir(), "lxa-cut-"));
        stage = await setStage(kind);
        const { server, view, address } = stage;
        for (const project of ["p1", "p2"]) await view.createProject(project);
        connection = { socketPath: join(folder, "cut.socket") };
        local = await interruptTo({ path: server.socketPath }, { path: connection.socketPath });
        const port = await freePort();
        network = await interruptTo({ host: "127.0.0.1", port: Number(address.split(":")[1]) }, { port });
        networkAddress = `127.0.0.1:${port}`;
      });
      after(async () => {
        await local.close();
        await network.close();
        await stage.end();
        rmSync(folder, { recursive: true, force: true });
      });

      const restarts = async (
        what: string,
        left: string,
        way: Interrupter,
        updated: Updated,
        first: Recorded,
      ): Promise<FaultFinding> => {
        const { last, happened } = await restartDuringUpdates(stage, way, updated, first, places);
        await stage.stack.destroy(last);
        return {
          ...{
            kind: "fault",
            server: serverNamed(kind),
            happened,
            left: `${left}, at the latest after one further run`,
          },
          fault: `the server restarts ${places === "every turn" ? "at every turn of" : "around the changes of"} an update of ${what}`,
        };
      };

      itFinds("an HttpsAddress that is moved", async () => {
        const { stack, view, server, address } = stage;
        const other = `127.0.0.1:${await freePort()}`;
        const updated: Updated = {
          name: "HttpsAddress",
          wishes: [
            { address, connection },
            { address: other, connection },
          ],
          holds: async (wish) => {
            assert.equal(await view.address(), wish["address"]);
            if (!server.isDouble) assert.deepEqual(listeningSockets(server.pid), [wish["address"]]);
          },
        };
        const made = await stack.create("HttpsAddress", updated.wishes[0]);
        return restarts("an HttpsAddress", "the new listener alone", local, updated, made);
      });

      const rights = (projects: string): Record<string, unknown> => ({
        ...{ clientName: "ci", projects: [projects], connection },
      });

      itFinds("a TrustToken whose token waits and gets other rights", async () => {
        const { stack, view } = stage;
        const updated: Updated = {
          name: "TrustToken",
          isLost: true,
          wishes: [rights("p1"), rights("p2")],
          holds: async () => {
            assert.deepEqual(await view.pendingTokens(), ["ci"]);
          },
        };
        const made = await stack.create("TrustToken", updated.wishes[0]);
        return restarts(
          "a token that waits",
          "one token that waits, with the new rights",
          local,
          updated,
          made,
        );
      });

      itFinds("a TrustToken whose client gets other rights", async () => {
        const { stack, view } = stage;
        const pair = makePair("ci");
        const updated: Updated = {
          name: "TrustToken",
          wishes: [rights("p1"), rights("p2")],
          holds: async ({ projects }) => {
            const clients = await view.clients();
            assert.deepEqual(
              clients.map((client) => [client.fingerprint, client.restricted, client.projects]),
              [[pair.fingerprint, true, projects]],
            );
          },
        };
        const made = await stack.create("TrustToken", updated.wishes[0]);
        await view.redeem(String(made.outputs["token"]), pair);
        const consumed = (await stack.refresh(made)) ?? assert.fail();
        return restarts("a client's rights", "the client, with the new rights", local, updated, consumed);
      });

      itFinds("a Remote that gets another key pair", async () => {
        const { stack, view } = stage;
        const pairs = [makePair("one"), makePair("two")] as const;
        const inputs = { name: "prod", token: await stage.token("ci"), addresses: [networkAddress] };
        const updated: Updated = {
          name: "Remote",
          wishes: [
            { ...inputs, ...asInputs(pairs[0]) },
            { ...inputs, ...asInputs(pairs[1]) },
          ],
          holds: async ({ clientCertificate }) => {
            const pair = pairs.find(({ certificate }) => certificate === clientCertificate);
            assert.deepEqual(
              (await view.clients()).map(({ fingerprint }) => fingerprint),
              [pair?.fingerprint],
            );
          },
        };
        const made = await stack.create("Remote", updated.wishes[0]);
        return restarts(
          "a Remote's key pair",
          "the new pair trusted and the old one out",
          network,
          updated,
          made,
        );
      });

      // It only asks who is trusted, in which real servers and doubles are alike.
      if (places !== "every turn") return;
      itFinds("a Remote that is renamed", async () => {
        const { stack, view } = stage;
        const configDir = stage.newDirectory();
        const inputs = { token: await stage.token("ci"), addresses: [networkAddress], configDir };
        const updated: Updated = {
          name: "Remote",
          wishes: [
            { ...inputs, name: "prod" },
            { ...inputs, name: "live" },
          ],
          holds: async ({ name }) => {
            assert.equal((await view.clients()).length, 1);
            assert.deepEqual(remotesIn(configDir), [name]);
          },
        };
        const made = await stack.create("Remote", updated.wishes[0]);
        return restarts("a Remote's name", "one entry, with the new name", network, updated, made);
      });
    });
  });
}

/** Names of the remotes in a client directory that this stack has made. */
function remotesIn(configDir: string): string[] {
  const file = readFileSync(join(configDir, "config.yml"), "utf8");
  const { remotes } = parse(file) as { remotes: Record<string, { addr: string }> };
  return Object.keys(remotes).filter((name) => remotes[name]?.addr.startsWith("https://127.0.0.1:") === true);
}
