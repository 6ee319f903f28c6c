/** What a TrustToken does over a connection that is an identity with fine-grained rights: against the double. */
import { strict as assert } from "node:assert";
import { operator, useIdentityStage } from "../support/identity-stage";
import { makePair } from "../support/openssl-pair";

const ci = makePair("ci");

/** What it takes to invite identities and clients of projects, as the README says. */
const everyRight = [
  ...["can_edit", "can_create_identities", "can_view_identities", "can_edit_identities"],
  ...["can_delete_identities", "can_view_groups", "default: can_view_operations"],
];

for (const profile of ["lxd-5.21", "lxd-6"] as const) {
  describe(`a TrustToken over a connection with fine-grained rights, on the double of ${profile}`, () => {
    const on = useIdentityStage(profile);

    it("works over a connection that is an identity with just the rights it needs", async () => {
      const connection = await on.asOperator(...everyRight);
      const wanted = { ...on.inputs, connection };
      const made = await on.stack.create("TrustToken", wanted);
      await on.view.redeem(String(made.outputs["token"]), ci);
      const consumed = (await on.stack.refresh(made)) ?? assert.fail();
      assert.equal(await on.stack.plan(consumed, wanted), "same");
      const other = await on.stack.update(consumed, { ...wanted, groups: ["g2"] });
      await on.stack.destroy(other);
      assert.deepEqual(await on.known(), []);
    });

    it("a project that the connection may not see is not said to be missing for certain", async () => {
      await on.view.createProject("web");
      const connection = await on.asOperator(...everyRight);
      await on.failsWith(
        { clientName: "ci", projects: ["web"], connection },
        /has no project "web", or does not show it to this client, which sees "default"\..*\[LXD_NOT_FOUND\]/s,
      );
      assert.deepEqual(await on.view.pendingTokens(), []);
    });

    it("asks once per server which rights the connection has, for many tokens at once", async () => {
      const connection = await on.asOperator(...everyRight);
      const made = await Promise.all(
        ["a", "b", "c"].map((clientName) =>
          on.stack.create("TrustToken", { ...on.inputs, clientName, connection }),
        ),
      );
      on.server.requests.length = 0;
      assert.equal((await on.stack.refreshTogether(made)).filter((one) => one !== undefined).length, 3);
      const count = (path: string): number =>
        on.server.requests.filter((request) => request.path === path).length;
      assert.deepEqual(
        [count("/1.0/auth/identities/current"), count("/1.0/auth/identities/tls?recursion=1")],
        [1, 1],
      );
    });

    /** What is hidden from an operator with all these rights but one, and of which tokens that tells. */
    const hidden: [entitlement: string, what: string, kinds: ("identity" | "certificate")[]][] = [
      ["can_view_identities", "other clients", ["identity", "certificate"]],
      ["can_view_groups", "groups but its own", ["identity"]],
      ["default: can_view_operations", "pending tokens", ["certificate"]],
    ];
    for (const [lacking, what, kinds] of hidden) {
      it(`a connection without ${lacking} is shown no ${what}: none is taken for gone, and nothing is issued`, async () => {
        const { connection: overSocket } = on.inputs;
        const made = {
          identity: await on.stack.create("TrustToken", on.inputs),
          certificate: await on.stack.create("TrustToken", {
            ...{ clientName: "plain", projects: [], connection: overSocket },
          }),
        };
        await on.view.redeem(String(made.identity.outputs["token"]), ci);
        const before = [await on.known(), await on.view.pendingTokens()];
        const connection = await on.asOperator(...everyRight.filter((right) => right !== lacking));
        const [entitlement = "", project] = lacking.split(": ").reverse();
        const pattern = new RegExp(
          `shows this client, .*, no ${what},.*\`${entitlement}\` on the ${project === undefined ? "server" : "project default"}.*\\[LXD_NOT_TRUSTED\\]`,
          "s",
        );
        // Even a stack that keeps what does not answer must not keep quiet about this.
        on.stack.config = { onUnreachable: "keep" };
        for (const kind of kinds) {
          const { inputs: given, outputs } = made[kind];
          const one = { ...made[kind], outputs: { ...outputs, connection } };
          await assert.rejects(on.stack.refresh(one), pattern);
          await assert.rejects(on.stack.update(one, { ...given, connection }), pattern);
          await assert.rejects(on.stack.destroy(one), pattern);
          await on.failsWith({ ...given, clientName: "new", connection }, pattern);
        }
        assert.deepEqual([await on.known(), await on.view.pendingTokens()], before);
      });
    }

    for (const sight of ["default: can_view_operations", "can_view_projects", "viewer"])
      it(`a certificate token works over a connection that is an identity with just the rights it needs, ${sight}`, async () => {
        const rights = everyRight.filter((right) => right !== "default: can_view_operations");
        const connection = await on.asOperator(...rights, sight);
        const wanted = { clientName: "plain", projects: ["default"], connection };
        const made = await on.stack.create("TrustToken", wanted);
        const pending = (await on.stack.refresh(made)) ?? assert.fail();
        assert.equal(await on.stack.plan(pending, wanted), "same");
        await on.view.redeem(String(made.outputs["token"]), ci);
        const consumed = (await on.stack.refresh(pending)) ?? assert.fail();
        assert.deepEqual(
          [consumed.outputs["clientFingerprint"], await on.stack.plan(consumed, wanted)],
          [ci.fingerprint, "same"],
        );
      });

    it("a client that the server knows by a certificate authority is shown everything", async () => {
      const connection = await on.asOperator("admin");
      on.server.intercept(({ path }) => {
        const error = "Current identity information must be requested via the HTTPS API";
        const body = { type: "error", error_code: 400, error, metadata: null };
        return path === "/1.0/auth/identities/current" ? { status: 400, body } : undefined;
      });
      const made = await on.stack.create("TrustToken", { ...on.inputs, connection });
      assert.equal(await on.stack.plan(made, { ...on.inputs, connection }), "same");
      await on.stack.destroy(made);
      assert.deepEqual(await on.known(), []);
    });

    it("a server that fails to say who the client is, is not taken for one that shows everything", async () => {
      const made = await on.stack.create("TrustToken", on.inputs);
      await on.view.redeem(String(made.outputs["token"]), ci);
      const connection = await on.asOperator("can_edit", "can_create_identities");
      on.server.intercept(({ path }) => {
        const body = { type: "error", error_code: 500, error: "context deadline exceeded", metadata: null };
        return path === "/1.0/auth/identities/current" ? { status: 500, body } : undefined;
      });
      const hidden = { ...made, outputs: { ...made.outputs, connection } };
      await assert.rejects(on.stack.refresh(hidden), /who this client is.*context deadline exceeded/s);
    });

    it("an identity that cannot be seen once it is made is removed again, or said to remain", async () => {
      const connection = await on.asOperator(...everyRight);
      // What the server shows of itself lags behind what it allows.
      let isMade = false;
      on.server.intercept(({ method, path }) => {
        if (method === "POST" && path === "/1.0/auth/identities/tls") isMade = true;
        const isList = method === "GET" && path === "/1.0/auth/identities/tls?recursion=1";
        return isMade && isList ? { status: 200, body: { type: "sync", metadata: [] } } : undefined;
      });
      await on.failsWith(
        { ...on.inputs, connection },
        /that this client may not see.*it was removed again.*`can_view_identities`.*\[LXD_NOT_TRUSTED\]/s,
      );
      on.server.intercept(undefined);
      assert.deepEqual(await on.known(), []);
    });

    it("never changes or removes the client that the connection uses", async () => {
      const connection = await on.asOperator("admin");
      const own = {
        clientName: "operator",
        groups: ["g1"],
        clientFingerprint: operator.fingerprint,
        connection,
      };
      await on.failsWith(own, /is the one that this connection to .* uses.*\[LXD_LOCKOUT\]/s);

      const token = await on.stack.create("TrustToken", {
        ...on.inputs,
        clientName: "heir",
        groups: ["operators"],
      });
      await on.view.redeem(String(token.outputs["token"]), ci);
      const asHeir = { ...connection, clientCertificate: ci.certificate, clientKey: ci.privateKey };
      await on.stack.destroy({ ...token, outputs: { ...token.outputs, connection: asHeir } });
      assert.match(
        on.stack.messages.join("\n"),
        /warning: .* is the one that this connection uses.*auth identity delete/,
      );
      assert.deepEqual(await on.known(), ["heir: Client certificate"]);
    });
  });
}
