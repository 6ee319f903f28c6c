/** What a TrustToken with groups refuses, and what becomes of its token: against the double. */
import { strict as assert } from "node:assert";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ProfileName, startDouble } from "../support/double/double";
import { useIdentityStage } from "../support/identity-stage";
import { makePair } from "../support/openssl-pair";
import { openHttps, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

const ci = makePair("ci");
const PENDING = "Client certificate (pending)";

for (const profile of ["lxd-5.21", "lxd-6"] as const) {
  describe(`a TrustToken with groups, on the double of ${profile}`, () => {
    const on = useIdentityStage(profile);

    it("a group that does not exist is named, with those that do, and nothing is made", async () => {
      const pattern = /groups: .* has no group "typo"\. It has "admins", "g1", "g2"\..*\[LXD_NOT_FOUND\]/s;
      await on.failsWith({ ...on.inputs, groups: ["g1", "typo"] }, pattern);
      assert.deepEqual(await on.known(), []);
      const made = await on.stack.create("TrustToken", on.inputs);
      await assert.rejects(on.stack.update(made, { ...on.inputs, groups: ["typo"] }), pattern);
      assert.deepEqual(
        await on.known(),
        [`ci: ${PENDING}`],
        "the mistake does not cost the token that waits",
      );
    });

    it("a server that does not listen is said to, with what to do", async () => {
      await on.view.setAddress("");
      await on.failsWith(on.inputs, /does not listen on the network.*HttpsAddress.*\[LXD_REJECTED\]/s);
    });

    it("a name that is taken, by a client of any kind, is refused before anything is issued", async () => {
      await on.view.trust("ci", ci.certificate);
      const taken =
        /already has a client named "ci" \(Client certificate \(unrestricted\)\).*\[LXD_ALREADY_EXISTS\]/s;
      await on.failsWith(on.inputs, taken);
      await on.view.removeClient(ci.fingerprint);

      await on.view.redeem(await on.view.invite("ci", []), ci);
      await on.failsWith(
        on.inputs,
        /already has a client named "ci" \(Client certificate\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      await on.failsWith(
        { clientName: "ci", projects: [], connection: on.inputs["connection"] },
        /already has a client named "ci" \(Client certificate\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await on.view.pendingTokens(), []);
    });

    it("a certificate token is not issued where a pending identity has its name, which would burn it", async () => {
      await on.view.invite("ci", []);
      await on.failsWith(
        { clientName: "ci", projects: [], connection: on.inputs["connection"] },
        /already has a client named "ci" \(Client certificate \(pending\)\).*lxc auth identity delete.*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await on.view.pendingTokens(), []);
      assert.deepEqual(await on.known(), [`ci: ${PENDING}`]);
    });

    it("a pending identity of the name with the same groups is a leftover; with others it is somebody's", async () => {
      await on.view.invite("ci", ["g2"]);
      await on.failsWith(
        on.inputs,
        /already has a pending identity named "ci" with other groups \("g2"\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      const old = await on.view.invite("left", ["g1"]);
      const made = await on.stack.create("TrustToken", { ...on.inputs, clientName: "left" });
      assert.match(
        on.stack.messages.join("\n"),
        /warning: A pending trust token for "left".*left by an interrupted run/,
      );
      assert.notEqual(made.outputs["token"], old);
      await on.view.redeem(String(made.outputs["token"]), ci);
    });

    it("a run that ends right after issuing leaves an identity that the next run issues anew", async () => {
      on.server.intercept(({ method, path }) =>
        method === "POST" && path === "/1.0/auth/identities/tls" ? "reset after handling" : undefined,
      );
      await on.failsWith(on.inputs, /\[LXD_UNREACHABLE\]/);
      assert.deepEqual(await on.known(), [`ci: ${PENDING}`]);
      on.server.intercept(undefined);
      const made = await on.stack.create("TrustToken", on.inputs);
      await on.view.redeem(String(made.outputs["token"]), ci);
      assert.deepEqual(await on.known(), ["ci: Client certificate"]);
    });

    it("redeemed between a look at it and its change it is changed all the same", async () => {
      const made = await on.stack.create("TrustToken", on.inputs);
      const seen = await on.view.identities();
      await on.view.redeem(String(made.outputs["token"]), ci);
      let looks = 0;
      on.server.intercept(({ method, path }) => {
        const isFirstLook =
          method === "GET" && path === "/1.0/auth/identities/tls?recursion=1" && ++looks === 1;
        return isFirstLook ? { status: 200, body: { type: "sync", metadata: seen } } : undefined;
      });
      const wanted = { ...on.inputs, groups: ["g2"] };
      const updated = await on.stack.update(made, wanted);
      const refreshed = (await on.stack.refresh(updated)) ?? assert.fail();
      assert.equal(refreshed.outputs["state"], "consumed");
      assert.equal(await on.stack.plan(refreshed, wanted), "same");
      assert.deepEqual((await on.view.identities()).find(({ name }) => name === "ci")?.groups, ["g2"]);
    });

    /** What makes a token useless while its identity still waits, and how its state says so. */
    const ends: [title: string, reason: RegExp, end: () => Promise<void>][] = [
      [
        "expired",
        /^the token expired at /,
        () => {
          on.stack.now = () => new Date(Date.now() + 30 * 24 * 3_600_000);
          return Promise.resolve();
        },
      ],
      [
        "made for a certificate that the server has no more",
        /^the token names a certificate that .* has no more/,
        async () => {
          for (const file of ["server.crt", "server.key"]) rmSync(join(on.server.directory, file));
          await on.server.restart();
        },
      ],
    ];
    for (const [title, reason, makeUseless] of ends) {
      for (const isSeen of [true, false]) {
        const when = isSeen ? "after a refresh saw it" : "before anybody saw it";
        const useless = async (): Promise<Recorded> => {
          const made = await on.stack.create("TrustToken", on.inputs);
          await makeUseless();
          if (!isSeen) return made;
          const seen = (await on.stack.refresh(made)) ?? assert.fail("it is still there, and holds its name");
          assert.match(String(seen.outputs["incomplete"]), reason);
          assert.equal(await on.stack.plan(seen, on.inputs), "update");
          return seen;
        };

        it(`${title}, with other groups ${when}: revoked, and another is issued`, async () => {
          const old = await useless();
          const updated = await on.stack.update(old, { ...on.inputs, groups: ["g2"] });
          assert.notEqual(updated.outputs["token"], old.outputs["token"]);
          assert.equal(await on.stack.plan(updated, { ...on.inputs, groups: ["g2"] }), "same");
          await on.view.redeem(String(updated.outputs["token"]), ci);
          assert.deepEqual((await on.view.identities()).find(({ name }) => name === "ci")?.groups, ["g2"]);
        });

        it(`${title}, destroyed ${when}: nobody gets in by it any more`, async () => {
          await on.stack.destroy(await useless());
          assert.deepEqual(await on.known(), []);
        });
      }
    }

    it("a certificate token ends with its issuer's trust on LXD 6, an identity's does not: it is issued anew, or still waits", async () => {
      const { connection, fingerprint } = await openHttps(on.server);
      const lost: string[] = [];
      for (const [clientName, rights] of [
        ["plain", { projects: [] }],
        ["ci", { groups: ["g1"] }],
      ] as const) {
        const overSocket = { clientName, ...rights, connection: on.inputs["connection"] };
        const made = await on.stack.create("TrustToken", { ...overSocket, connection });
        await on.view.removeClient(fingerprint);
        const outputs = { ...made.outputs, connection: on.inputs["connection"] };
        const found = await on.stack.refresh({ ...made, outputs });
        if (found === undefined) lost.push(clientName);
        const now = found ?? (await on.stack.create("TrustToken", overSocket));
        await on.view.redeem(String(now.outputs["token"]), makePair(clientName));
        await on.view.trust("admin", connection.clientCertificate);
      }
      assert.deepEqual(lost, profile === "lxd-6" ? ["plain"] : []);
      assert.deepEqual(await on.known(), [
        ...["admin: Client certificate (unrestricted)", "ci: Client certificate"],
        "plain: Client certificate (restricted)",
      ]);
    });

    it("an expected client that is an entry of the trust store cannot have groups, which is said", async () => {
      await on.view.trust("boss", ci.certificate);
      await on.failsWith(
        { ...on.inputs, clientFingerprint: ci.fingerprint },
        /clientFingerprint: .* trusts this client already, as "boss" \(Client certificate \(unrestricted\)\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await on.known(), ["boss: Client certificate (unrestricted)"]);
    });

    it("two for one name in one program: an error instead of each removing the other's", async () => {
      const made = await on.stack.createTogether([
        { name: "TrustToken", inputs: on.inputs },
        {
          name: "TrustToken",
          inputs: { clientName: "ci", projects: [], connection: on.inputs["connection"] },
        },
      ]);
      assert.equal(made.filter((result) => result === "created").length, 1);
      assert.match(made.join("\n"), /another TrustToken of this program has issued a token for "ci"/);
    });
  });
}

describe("groups where there are none", () => {
  for (const profile of ["lxd-5.0", "incus-6.0"] satisfies ProfileName[]) {
    it(`are refused in words, on the double of ${profile}`, async () => {
      const server = await startDouble(profile, { speed: 5 });
      try {
        const connection = { socketPath: server.socketPath };
        const stack = new Stack(server.directory);
        await viewOf(server).listen();
        const { message } = await stack.createFails("TrustToken", {
          clientName: "ci",
          groups: [],
          connection,
        });
        assert.match(
          message,
          /groups: .* is (LXD 5\.0|Incus 6\.0).*no TLS identities.*5\.21\.3.*Use projects.*\[LXD_EXTENSION_MISSING\]/s,
        );
      } finally {
        await server.stop();
      }
    });
  }
});
