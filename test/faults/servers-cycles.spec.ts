/** Clients that come and go, again and again, and many at the same time: what they leave, as far as that is exact. */
import { strict as assert } from "node:assert";
import { type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { OnboardingCycles, type Remains } from "../support/faults/onboarding-cycles";
import { setStage, type Stage } from "../support/joined-server";
import { rawRequest } from "../support/raw-request";
import { describeWith } from "../support/skip";

const rounds = 10;
const crowd = Array.from({ length: 16 }, (_, index) => `edge-${index}`);

describe("Servers", () => {
  describeWith(["lxd-daemon"], "a client that comes and goes", function () {
    this.timeout(180_000);
    itFinds("15 times, by one provider process", async () => {
      const exact = ({ clients, operations, listener, sockets, files }: Remains): object => ({
        ...{ clients, operations, listener, sockets, files },
      });
      const cycles = await OnboardingCycles.begin();
      try {
        await cycles.cycle();
        const first = await cycles.remains();
        assert.deepEqual([first.clients, first.operations, first.listener], [0, 0, ""]);
        for (let n = 1; n < 15; n++) {
          await cycles.cycle();
          assert.deepEqual(exact(await cycles.remains()), exact(first), `after ${n + 1} times`);
        }
        const { clients, operations, listener } = await cycles.remains();
        const finding: FaultFinding = {
          ...{ kind: "fault", server: serverNamed("lxd-daemon"), happened: "done each time" },
          fault:
            "HttpsAddress, TrustToken and Remote are made and destroyed 15 times by one provider process",
          left:
            `${clients} clients, ${operations} operations, ${listener === "" ? "no listener" : "a listener"}; ` +
            "as many sockets and files as after the first time",
        };
        return finding;
      } finally {
        await cycles.end();
      }
    });
  });

  for (const kind of ["lxd-daemon", "incus-daemon"] as const)
    describeWith([kind], `many clients that come and go at once: ${kind}`, function () {
      this.timeout(180_000);
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
              crowd.map(async (name) => stack.create("Remote", { name, token: await stage.token(name) })),
            );
            const trust = (): Promise<string[]> => Promise.all(made.map(({ outputs }) => trustOf(outputs)));
            assert.deepEqual(new Set(await trust()), new Set(["trusted"]));
            await Promise.all(made.map((remote) => stack.destroy(remote)));
            assert.deepEqual(new Set(await trust()), new Set(["untrusted"]));
          }
          return {
            kind: "fault",
            fault: `${crowd.length} Remotes are created at the same time, and then destroyed, ${rounds} times (servers mistake who comes and goes at once)`,
            server: serverNamed(kind),
            happened: "all went well, one after the other",
            left: "no client that the server still trusts",
          };
        },
        { isLong: true },
      );
    });
});
