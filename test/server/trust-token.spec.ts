/** Trust tokens in the hands of the real `lxc` and `incus`, and what real servers without TLS identities are told. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasIdentities } from "../support/cases/server-state";
import { tokenContent } from "../support/cases/token-life";
import { needsClient, runClient } from "../support/client-command";
import { forwardTo } from "../support/forwarder";
import { makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

type Inputs = Record<string, unknown>;

for (const [kind, flavor, command] of [
  ["lxd-daemon", "lxd", "lxc"],
  ["incus-daemon", "incus", "incus"],
] as const) {
  describeWith([kind], `a trust token of a real ${kind}`, () => {
    let server: TestServer;
    let view: ServerView;
    let stack: Stack;
    let connection: Inputs;
    let folder: string;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-token-"));
      stack = new Stack(folder);
      server = await startServer(kind);
      view = viewOf(server);
      connection = { socketPath: server.socketPath };
      await view.listen();
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    describe("in the hands of its client", () => {
      before(needsClient(flavor));
      const client = (...args: string[]): Promise<string> => runClient(flavor, join(folder, "conf"), ...args);

      const rights: Inputs[] = [
        { restricted: false },
        ...(hasIdentities(kind) ? [{ groups: ["admins"] }] : []),
      ];
      for (const right of rights) {
        const by = Object.keys(right).join();
        it(`is redeemed by ${command} through the addresses that were put into it, as behind NAT (${by})`, async () => {
          const gateway = await forwardTo(await view.address());
          try {
            // As a URL, which may be said as well; what stands in the token clients dial as it is.
            const addresses = [`https://${gateway.address}/`];
            const inputs = { clientName: "laptop", ...right, addresses, connection };
            const token = await stack.create("TrustToken", inputs);
            const text = String(token.outputs["token"]);
            assert.deepEqual(tokenContent(text).addresses, [gateway.address]);

            await client("remote", "add", "there", text);
            const remotes = JSON.parse(await client("remote", "list", "--format", "json")) as Record<
              string,
              { Addr: string } | undefined
            >;
            assert.equal(remotes["there"]?.Addr, `https://${gateway.address}`);
            assert.match(
              await client("project", "list", "there:", "--format", "csv"),
              /^default \(current\),/,
            );
            assert.ok(gateway.connections() > 0, "it came through the other address");

            const consumed = (await stack.refresh(token)) ?? assert.fail();
            assert.equal(consumed.outputs["state"], "consumed");
            assert.equal(await stack.plan(consumed, inputs), "same");
            await stack.destroy(consumed);
            await assert.rejects(
              client("project", "list", "there:"),
              /not authorized|Forbidden|untrusted|trust/i,
            );
          } finally {
            await gateway.close();
          }
        });
      }
    });

    it("has no groups: that is said before anything is issued or redeemed", async function () {
      if (hasIdentities(kind)) {
        Object.assign(this.test ?? {}, { skipReason: "this server has TLS identities" });
        this.skip();
      }
      const { message } = await stack.createFails("TrustToken", { clientName: "ci", groups: [], connection });
      assert.match(
        message,
        /no TLS identities.*access_management_tls.*Use projects.*\[LXD_EXTENSION_MISSING\]/s,
      );
      assert.deepEqual(await view.pendingTokens(), []);

      const issued = await view.issueToken("ci", { restricted: false, projects: [] });
      const forIdentity = { ...tokenContent(issued), type: "Client certificate" };
      const { certificate, privateKey } = makePair("ci");
      const refused = await stack.createFails("Remote", {
        ...{ name: "prod", token: Buffer.from(JSON.stringify(forIdentity)).toString("base64") },
        ...{ clientCertificate: certificate, clientKey: privateKey },
      });
      assert.match(refused.message, /Nothing was sent.*\[LXD_EXTENSION_MISSING\]/s);
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      assert.deepEqual(await view.clients(), []);
    });
  });
}
