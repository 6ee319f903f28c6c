/** A server that is reached through an address that it does not know: none of those it lists answers from here. */
import * as assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { freePort } from "../support/server-view";
import { asInputs, makePair } from "../support/openssl-pair";
import { Stack } from "../support/stack";
import { listenTls, reply } from "./tls-listener";

const key = "core.https_address";
const [former, wanted] = ["127.0.0.1:18443", "127.0.0.1:18444"];

/** With the API extensions of LXD 5.0 and of newer ones. */
for (const extensions of [[], ["explicit_trust_token"]]) {
  describe(`the way in to a server behind NAT, with the API extensions [${extensions.join()}]`, () => {
    const pair = makePair("nat", "P-384", "IP:127.0.0.1");
    let nat: Awaited<ReturnType<typeof listenTls>>;
    let listed: string;
    let held: string;
    let asked: string[];
    /** Whether its replies to changes are lost. */
    let isLossy: boolean;

    beforeEach(async () => {
      listed = `127.0.0.1:${await freePort()}`;
      [held, asked, isLossy] = [former, [], true];
      nat = await listenTls(pair, (socket, { method, body }) => {
        if (method === "PATCH") {
          held = (JSON.parse(body) as { config: Record<string, string> }).config[key] ?? "";
          asked.push(held);
          if (isLossy) return void socket.destroy();
        }
        const environment = {
          ...{ server: "lxd", server_name: "edge", server_version: "5", server_clustered: false },
          ...{
            addresses: [listed],
            certificate: pair.certificate,
            certificate_fingerprint: pair.fingerprint,
          },
        };
        const metadata = {
          auth: "trusted",
          api_extensions: extensions,
          config: { [key]: held },
          environment,
        };
        return void socket.write(reply({ type: "sync", status_code: 200, metadata }));
      });
    });
    afterEach(() => nat.close());

    const inputs = (allowLockout = false) => ({
      ...{ address: wanted, floating: true, allowLockout },
      connection: {
        ...{ address: `127.0.0.1:${nat.port}`, serverFingerprint: pair.fingerprint },
        ...asInputs(makePair("admin")),
      },
    });

    it("is not closed for a proof where the reply to a change was lost", async () => {
      const stack = new Stack(tmpdir());
      const { message, recorded } = await stack.up("HttpsAddress", inputs());
      assert.deepEqual([asked, held], [[wanted], wanted]);
      if (extensions.length > 0) {
        assert.equal(message, undefined);
        return;
      }
      // One that keeps what it cannot bind may listen there, or not.
      assert.match(message ?? "", /none of its addresses answers from here.*say allowLockout.*\[PARTIAL\]$/s);
      isLossy = false;
      const again = await stack.up("HttpsAddress", inputs(true), recorded);
      assert.equal(again.message, undefined);
      assert.deepEqual([asked.at(-1), held], [wanted, wanted]);
      assert.ok(asked.length > 2, "it was set anew");
    });
  });
}
