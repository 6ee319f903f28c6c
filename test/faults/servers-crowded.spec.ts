/** A server with thousands of pending tokens and hundreds of clients, which a TrustToken has to find its own among. */
import { strict as assert } from "node:assert";
import { Agent } from "node:http";
import { X509Certificate } from "node:crypto";
import { type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { setStage, type Stage } from "../support/joined-server";
import { makePair } from "../support/openssl-pair";
import { rawRequest } from "../support/raw-request";
import { describeWith } from "../support/skip";

const crowds = [
  { kind: "lxd-daemon", tokens: 3000, clients: 150 },
  { kind: "incus-daemon", tokens: 500, clients: 20 },
] as const;

for (const { kind, tokens, clients } of crowds) {
  describe("Servers", () => {
    describeWith([kind], `with ${tokens} pending tokens and ${clients} clients: ${kind}`, function () {
      this.timeout(180_000);
      let stage: Stage;
      before(async () => {
        stage = await setStage(kind);
        const certificate = { type: "client", restricted: true, projects: [] };
        await inParallel(tokens, (n) => ["POST", { ...certificate, name: `other-${n}`, token: true }]);
        const { raw } = new X509Certificate(makePair("crowd").certificate);
        await inParallel(clients, (n) => [
          "POST",
          { ...certificate, name: "ci", certificate: numbered(raw, n).toString("base64") },
        ]);
      });
      after(() => stage.end());

      const inParallel = async (count: number, request: (n: number) => [string, object]): Promise<void> => {
        const agent = new Agent({ keepAlive: true, maxSockets: 16 });
        const target = { socketPath: stage.server.socketPath, agent };
        await Promise.all(
          Array.from({ length: count }, async (_, n) => {
            const [method, body] = request(n);
            const { status, body: said } = await rawRequest(target, method, "/1.0/certificates", body);
            assert.ok(status < 300, said.error);
          }),
        );
        agent.destroy();
      };

      itFinds("a TrustToken is made, looked at, changed, redeemed and destroyed", async () => {
        const { stack, view, server } = stage;
        const connection = { socketPath: server.socketPath, timeouts: { connect: 10, request: 30 } };
        const own = async (): Promise<string[]> =>
          (await view.pendingTokens()).filter((name) => !name.startsWith("other-"));
        const leftover = { restricted: true, projects: ["default"] };
        for (let n = 0; n < 3; n++) await view.issueToken("ci", leftover);
        await view.issueToken("ci", { restricted: true, projects: [] });

        const wanted = { clientName: "ci", projects: ["default"], connection };
        const made = await stack.create("TrustToken", wanted);
        assert.deepEqual(await own(), ["ci", "ci"], "its like are revoked, the one with other rights stays");
        const pending = (await stack.refresh(made)) ?? assert.fail("it is there");
        assert.equal(await stack.plan(pending, wanted), "same");
        const admin = { clientName: "ci", restricted: false, connection };
        const changed = await stack.update(pending, admin);
        assert.deepEqual(await own(), ["ci", "ci"]);
        const pair = makePair("ci");
        await view.redeem(String(changed.outputs["token"]), pair);
        const consumed = (await stack.refresh(changed)) ?? assert.fail("its client is there");
        assert.equal(consumed.outputs["clientFingerprint"], pair.fingerprint);
        await stack.destroy(consumed);
        const left = await view.clients();
        assert.ok(!left.some(({ fingerprint }) => fingerprint === pair.fingerprint));
        assert.deepEqual([left.length, (await view.pendingTokens()).length], [clients, tokens + 1]);
        const finding: FaultFinding = {
          kind: "fault",
          fault: `${tokens} tokens wait on the server, and ${clients} clients have the name of the TrustToken's`,
          server: serverNamed(kind),
          happened: "created, refreshed, changed, redeemed and destroyed; its 3 leftovers were revoked first",
          left: "every other token and client",
        };
        return finding;
      });
    });
  });
}

/** The certificate with another serial number: servers take it, as nobody has to vouch for a client's. */
function numbered(der: Buffer, n: number): Buffer {
  const other = Buffer.from(der);
  // In a certificate the serial number follows the version: [0] { INTEGER 2 }, INTEGER.
  const at = other.indexOf(Buffer.from([0xa0, 0x03, 0x02, 0x01, 0x02, 0x02])) + 7;
  other.writeUInt32BE(n + 1, at + 4);
  return other;
}
