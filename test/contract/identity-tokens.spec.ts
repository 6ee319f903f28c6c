/** What a TrustToken with groups refuses, and what becomes of its token: against the double. */
import { strict as assert } from "node:assert";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ProfileName, startDouble } from "../support/double/double";
import { type IdentityStage, identityStage } from "../support/identity-stage";
import { makePair } from "../support/openssl-pair";
import { openHttps, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

const ci = makePair("ci");
const PENDING = "Client certificate (pending)";

for (const profile of ["lxd-5.21", "lxd-6"] as const) {
  describe(`a TrustToken with groups, on the double of ${profile}`, () => {
    let server: IdentityStage["server"];
    let view: IdentityStage["view"];
    let stack: IdentityStage["stack"];
    let inputs: IdentityStage["inputs"];
    let known: IdentityStage["known"];
    let failsWith: IdentityStage["failsWith"];
    let end: IdentityStage["end"];
    beforeEach(async () => {
      ({ server, view, stack, inputs, known, failsWith, end } = await identityStage(profile));
    });
    afterEach(() => end());

    it("a group that does not exist is named, with those that do, and nothing is made", async () => {
      const pattern = /groups: .* has no group "typo"\. It has "admins", "g1", "g2"\..*\[LXD_NOT_FOUND\]/s;
      await failsWith({ ...inputs, groups: ["g1", "typo"] }, pattern);
      assert.deepEqual(await known(), []);
      const made = await stack.create("TrustToken", inputs);
      await assert.rejects(stack.update(made, { ...inputs, groups: ["typo"] }), pattern);
      assert.deepEqual(await known(), [`ci: ${PENDING}`], "the mistake does not cost the token that waits");
    });

    it("a server that does not listen is said to, with what to do", async () => {
      await view.setAddress("");
      await failsWith(inputs, /does not listen on the network.*HttpsAddress.*\[LXD_REJECTED\]/s);
    });

    it("a name that is taken, by a client of any kind, is refused before anything is issued", async () => {
      await view.trust("ci", ci.certificate);
      const taken =
        /already has a client named "ci" \(Client certificate \(unrestricted\)\).*\[LXD_ALREADY_EXISTS\]/s;
      await failsWith(inputs, taken);
      await view.removeClient(ci.fingerprint);

      await view.redeem(await view.invite("ci", []), ci);
      await failsWith(
        inputs,
        /already has a client named "ci" \(Client certificate\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      await failsWith(
        { clientName: "ci", projects: [], connection: inputs["connection"] },
        /already has a client named "ci" \(Client certificate\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await view.pendingTokens(), []);
    });

    it("a certificate token is not issued where a pending identity has its name, which would burn it", async () => {
      await view.invite("ci", []);
      await failsWith(
        { clientName: "ci", projects: [], connection: inputs["connection"] },
        /already has a client named "ci" \(Client certificate \(pending\)\).*lxc auth identity delete.*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await view.pendingTokens(), []);
      assert.deepEqual(await known(), [`ci: ${PENDING}`]);
    });

    it("a pending identity of the name with the same groups is a leftover; with others it is somebody's", async () => {
      await view.invite("ci", ["g2"]);
      await failsWith(
        inputs,
        /already has a pending identity named "ci" with other groups \("g2"\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      const old = await view.invite("left", ["g1"]);
      const made = await stack.create("TrustToken", { ...inputs, clientName: "left" });
      assert.match(
        stack.messages.join("\n"),
        /warning: A pending trust token for "left".*left by an interrupted run/,
      );
      assert.notEqual(made.outputs["token"], old);
      await view.redeem(String(made.outputs["token"]), ci);
    });

    it("a run that ends right after issuing leaves an identity that the next run issues anew", async () => {
      server.intercept(({ method, path }) =>
        method === "POST" && path === "/1.0/auth/identities/tls" ? "reset after handling" : undefined,
      );
      await failsWith(inputs, /\[LXD_UNREACHABLE\]/);
      assert.deepEqual(await known(), [`ci: ${PENDING}`]);
      server.intercept(undefined);
      const made = await stack.create("TrustToken", inputs);
      await view.redeem(String(made.outputs["token"]), ci);
      assert.deepEqual(await known(), ["ci: Client certificate"]);
    });

    it("redeemed between a look at it and its change it is changed all the same", async () => {
      const made = await stack.create("TrustToken", inputs);
      const seen = await view.identities();
      await view.redeem(String(made.outputs["token"]), ci);
      let looks = 0;
      server.intercept(({ method, path }) => {
        const isFirstLook =
          method === "GET" && path === "/1.0/auth/identities/tls?recursion=1" && ++looks === 1;
        return isFirstLook ? { status: 200, body: { type: "sync", metadata: seen } } : undefined;
      });
      const wanted = { ...inputs, groups: ["g2"] };
      const updated = await stack.update(made, wanted);
      const refreshed = (await stack.refresh(updated)) ?? assert.fail();
      assert.equal(refreshed.outputs["state"], "consumed");
      assert.equal(await stack.plan(refreshed, wanted), "same");
      assert.deepEqual((await view.identities()).find(({ name }) => name === "ci")?.groups, ["g2"]);
    });

    /** What makes a token useless while its identity still waits, and how its state says so. */
    const ends: [title: string, reason: RegExp, end: () => Promise<void>][] = [
      [
        "expired",
        /^the token expired at /,
        () => {
          stack.now = () => new Date(Date.now() + 30 * 24 * 3_600_000);
          return Promise.resolve();
        },
      ],
      [
        "made for a certificate that the server has no more",
        /^the token names a certificate that .* has no more/,
        async () => {
          for (const file of ["server.crt", "server.key"]) rmSync(join(server.directory, file));
          await server.restart();
        },
      ],
    ];
    for (const [title, reason, makeUseless] of ends) {
      for (const isSeen of [true, false]) {
        const when = isSeen ? "after a refresh saw it" : "before anybody saw it";
        const useless = async (): Promise<Recorded> => {
          const made = await stack.create("TrustToken", inputs);
          await makeUseless();
          if (!isSeen) return made;
          const seen = (await stack.refresh(made)) ?? assert.fail("it is still there, and holds its name");
          assert.match(String(seen.outputs["incomplete"]), reason);
          assert.equal(await stack.plan(seen, inputs), "update");
          return seen;
        };

        it(`${title}, with other groups ${when}: revoked, and another is issued`, async () => {
          const old = await useless();
          const updated = await stack.update(old, { ...inputs, groups: ["g2"] });
          assert.notEqual(updated.outputs["token"], old.outputs["token"]);
          assert.equal(await stack.plan(updated, { ...inputs, groups: ["g2"] }), "same");
          await view.redeem(String(updated.outputs["token"]), ci);
          assert.deepEqual((await view.identities()).find(({ name }) => name === "ci")?.groups, ["g2"]);
        });

        it(`${title}, destroyed ${when}: nobody gets in by it any more`, async () => {
          await stack.destroy(await useless());
          assert.deepEqual(await known(), []);
        });
      }
    }

    it("a certificate token ends with its issuer's trust on LXD 6, an identity's does not: it is issued anew, or still waits", async () => {
      const { connection, fingerprint } = await openHttps(server);
      const lost: string[] = [];
      for (const [clientName, rights] of [
        ["plain", { projects: [] }],
        ["ci", { groups: ["g1"] }],
      ] as const) {
        const overSocket = { clientName, ...rights, connection: inputs["connection"] };
        const made = await stack.create("TrustToken", { ...overSocket, connection });
        await view.removeClient(fingerprint);
        const outputs = { ...made.outputs, connection: inputs["connection"] };
        const found = await stack.refresh({ ...made, outputs });
        if (found === undefined) lost.push(clientName);
        const now = found ?? (await stack.create("TrustToken", overSocket));
        await view.redeem(String(now.outputs["token"]), makePair(clientName));
        await view.trust("admin", connection.clientCertificate);
      }
      assert.deepEqual(lost, profile === "lxd-6" ? ["plain"] : []);
      assert.deepEqual(await known(), [
        ...["admin: Client certificate (unrestricted)", "ci: Client certificate"],
        "plain: Client certificate (restricted)",
      ]);
    });

    it("an expected client that is an entry of the trust store cannot have groups, which is said", async () => {
      await view.trust("boss", ci.certificate);
      await failsWith(
        { ...inputs, clientFingerprint: ci.fingerprint },
        /clientFingerprint: .* trusts this client already, as "boss" \(Client certificate \(unrestricted\)\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await known(), ["boss: Client certificate (unrestricted)"]);
    });

    it("two for one name in one program: an error instead of each removing the other's", async () => {
      const made = await stack.createTogether([
        { name: "TrustToken", inputs },
        { name: "TrustToken", inputs: { clientName: "ci", projects: [], connection: inputs["connection"] } },
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
