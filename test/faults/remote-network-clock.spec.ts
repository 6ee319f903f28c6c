/** Clocks that differ, and certificates that are valid by one of them alone, on real servers. */
import { strict as assert } from "node:assert";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeIn, itFinds } from "../support/faults/finding";
import { describeNetwork, type NetworkGround } from "../support/faults/network-ground";
import type { ClientPair } from "../support/openssl-pair";
import { asInputs } from "../support/openssl-pair";

const day = 86_400_000;

describe("Remote and its network", () => {
  describeNetwork((on) => {
    afterEach(() => {
      on.stage.stack.now = () => new Date();
    });

    for (const [title, days] of [
      ["half a day ahead", 0.5],
      ["three days ahead", 3],
      ["twenty years ahead", 7300],
      ["three days behind", -3],
      ["twenty years behind", -7300],
    ] as const)
      for (const isInDirectory of [false, true]) {
        const where = isInDirectory ? "in a client directory" : "in the state alone";
        itFinds(`the clock here is ${title}, a pair of the Remote's own ${where}`, async () => {
          const { stack, view } = on.stage;
          const configDir = on.stage.newDirectory();
          const token = await on.stage.token("edge");
          const inputs = { name: "edge", token, ...(isInDirectory && { configDir }) };
          setClock(on, days);
          const first = await stack.up("Remote", inputs);
          if (first.message !== undefined) {
            assert.match(first.message, /Nothing was sent\. Set the clock that is wrong/);
            assert.deepEqual(await view.pendingTokens(), ["edge"], "the token is not spent");
            for (const file of ["client.key", "clientcerts/edge.key"])
              assert.ok(!existsSync(join(configDir, file)), "nor is a pair kept that is of no use");
          }
          setClock(on, 0);
          return {
            ...{ kind: "fault", server: on.server },
            fault: `the clock here is ${title}, a pair of the Remote's own ${where}`,
            ...(await on.finish(first, inputs)),
          };
        });
      }

    itFinds(
      "the clock here is three days ahead, and another pair is to take the place of the one in use",
      async () => {
        const { stack } = on.stage;
        const token = await on.stage.token("edge");
        const made = await stack.create("Remote", { name: "edge", token, ...asInputs(on.pair) });
        setClock(on, 3);
        const wanted = { name: "edge", token, ...asInputs(await certificate(on)) };
        const first = await stack.up("Remote", wanted, made);
        setClock(on, 0);
        const code = codeIn(first.message ?? "");
        assert.ok(await on.isTrusted(on.pair), "it is not locked out");
        await stack.destroy(first.recorded ?? made);
        const clients = await on.stage.view.clients();
        assert.deepEqual(clients, []);
        return {
          ...{ kind: "fault", server: on.server, happened: code },
          fault:
            "the clock here is three days ahead, and another pair is to take the place of the one in use",
          left: "the client of before trusted; after a destroy none",
        };
      },
    );

    itFinds("the token has expired by the clock here, and not by the server's", async () => {
      const { stack, view } = on.stage;
      const pair = await certificate(on);
      await view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1d" } });
      const inputs = { name: "edge", token: await on.stage.token("edge"), ...asInputs(pair) };
      await view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "" } });
      setClock(on, 3);
      const outcome = await on.finish(await stack.up("Remote", inputs), inputs);
      const fault = "the token has expired by the clock here, and not by the server's";
      return { ...{ kind: "fault", server: on.server, fault }, ...outcome };
    });

    for (const [title, days] of [
      ["has expired", -100],
      ["is not valid yet", 100],
    ] as const) {
      itFinds(`the server's certificate ${title}`, async () => {
        const { server, stack } = on.stage;
        setClock(on, days);
        const pair = await certificate(on, { validityDays: 10 });
        setClock(on, 0);
        writeFileSync(join(server.directory, "server.crt"), pair.certificate);
        writeFileSync(join(server.directory, "server.key"), pair.privateKey);
        await server.restart();
        const inputs = { name: "edge", token: await on.stage.token("edge"), ...asInputs(on.pair) };
        const outcome = await on.finish(await stack.up("Remote", inputs), inputs);
        return {
          ...{ kind: "fault", server: on.server, fault: `the server's certificate ${title}` },
          ...outcome,
        };
      });
    }
  });
});

/** Sets the clock that the provider sees, by days from the right time. */
function setClock({ stage }: NetworkGround, days: number): void {
  stage.stack.now = () => new Date(Date.now() + days * day);
}

/** A pair that begins to be valid about now, by the clock here. */
async function certificate({ stage }: NetworkGround, more: object = {}): Promise<ClientPair> {
  const { outputs } = await stage.stack.create("ClientCertificate", { commonName: "made here", ...more });
  return { certificate: String(outputs["certificate"]), privateKey: String(outputs["privateKey"]) };
}
