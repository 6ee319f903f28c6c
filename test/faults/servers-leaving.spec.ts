/** Many clients that come to one server at the same time, and go: whom it trusts then, by what it says to each of them. */
import { strict as assert } from "node:assert";
import { itFinds, serverNamed } from "../support/faults/finding";
import { setStage, type Stage } from "../support/joined-server";
import { rawRequest } from "../support/raw-request";
import { describeWith } from "../support/skip";

const rounds = 10;
const names = Array.from({ length: 16 }, (_, index) => `edge-${index}`);

for (const kind of ["lxd-daemon", "incus-daemon"] as const)
  describe("Servers", function () {
    this.timeout(180_000);
    describeWith([kind], `that many join and leave at once: ${kind}`, () => {
      let stage: Stage;
      before(async () => {
        stage = await setStage(kind);
      });
      after(() => stage.end());

      const trustOf = async (client: Record<string, unknown>): Promise<string> => {
        const [certificate, privateKey] = [String(client["clientCertificate"]), String(client["clientKey"])];
        const own = { address: stage.address, certificate, privateKey };
        return ((await rawRequest(own, "GET", "/1.0")).body.metadata as { auth: string }).auth;
      };

      itFinds(
        "each that joined is trusted, and none that left",
        async () => {
          const { stack } = stage;
          for (let round = 0; round < rounds; round++) {
            const made = await Promise.all(
              names.map(async (name) => stack.create("Remote", { name, token: await stage.token(name) })),
            );
            const trust = (): Promise<string[]> => Promise.all(made.map(({ outputs }) => trustOf(outputs)));
            assert.deepEqual(new Set(await trust()), new Set(["trusted"]));
            await Promise.all(made.map((remote) => stack.destroy(remote)));
            assert.deepEqual(new Set(await trust()), new Set(["untrusted"]));
          }
          return {
            kind: "fault",
            fault: `${names.length} Remotes are created at the same time, and then destroyed, ${rounds} times (servers mistake who comes and goes at once)`,
            server: serverNamed(kind),
            happened: "all went well, one after the other",
            left: "no client that the server still trusts",
          };
        },
        { isLong: true },
      );
    });
  });
