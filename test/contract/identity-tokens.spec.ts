/** What a TrustToken with groups refuses, and what it never takes for gone: against the double. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { Stack } from "../support/stack";

type Inputs = Record<string, unknown>;

const ci = makePair("ci");
const operator = makePair("operator");
const PENDING = "Client certificate (pending)";

for (const profile of ["lxd-5.21", "lxd-6"] as const) {
  describe(`a TrustToken with groups, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let folder: string;
    let inputs: Inputs;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-groups-"));
      stack = new Stack(folder);
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      await view.listen();
      await view.createGroup("g1");
      await view.createGroup("g2");
      inputs = { clientName: "ci", groups: ["g1"], connection: { socketPath: server.socketPath } };
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    /** Name and type of everybody but the connection's own client. */
    const known = async (): Promise<string[]> =>
      (await view.identities())
        .filter(({ name }) => name !== "operator")
        .map(({ name, type }) => `${name}: ${type}`)
        .sort();
    const failsWith = async (given: Inputs, pattern: RegExp): Promise<void> => {
      const { message, recorded } = await stack.createFails("TrustToken", given);
      assert.match(message, pattern);
      assert.equal(recorded, undefined);
    };
    /** `connection` of an identity with these rights on the server. */
    const asOperator = async (...entitlements: string[]): Promise<Inputs> => {
      await view.createGroup("operators", ...entitlements);
      await view.redeem(await view.invite("operator", ["operators"]), operator);
      const { environment } = (await view.request("GET", "/1.0")) as {
        environment: { certificate_fingerprint: string };
      };
      return {
        address: await view.address(),
        clientCertificate: operator.certificate,
        clientKey: operator.privateKey,
        serverFingerprint: environment.certificate_fingerprint,
      };
    };
    const everyRight = [
      ...["can_edit", "can_create_identities", "can_view_identities"],
      ...["can_edit_identities", "can_delete_identities", "can_view_groups"],
    ];

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

    it("with groups changed after it expired, the next update issues another", async () => {
      const made = await stack.create("TrustToken", inputs);
      stack.now = () => new Date(Date.now() + 30 * 24 * 3_600_000);
      const updated = await stack.update(made, { ...inputs, groups: ["g2"] });
      assert.notEqual(updated.outputs["token"], made.outputs["token"]);
      await view.redeem(String(updated.outputs["token"]), ci);
      assert.deepEqual((await view.identities()).find(({ name }) => name === "ci")?.groups, ["g2"]);
    });

    it("an expected client that is an entry of the trust store cannot have groups, which is said", async () => {
      await view.trust("boss", ci.certificate);
      await failsWith(
        { ...inputs, clientFingerprint: ci.fingerprint },
        /clientFingerprint: .* trusts this client already, as "boss" \(Client certificate \(unrestricted\)\).*\[LXD_ALREADY_EXISTS\]/s,
      );
      assert.deepEqual(await known(), ["boss: Client certificate (unrestricted)"]);
    });

    it("works over a connection that is an identity with just the rights it needs", async () => {
      const connection = await asOperator(...everyRight);
      const wanted = { ...inputs, connection };
      const made = await stack.create("TrustToken", wanted);
      await view.redeem(String(made.outputs["token"]), ci);
      const consumed = (await stack.refresh(made)) ?? assert.fail();
      assert.equal(await stack.plan(consumed, wanted), "same");
      const other = await stack.update(consumed, { ...wanted, groups: ["g2"] });
      await stack.destroy(other);
      assert.deepEqual(await known(), []);
    });

    it("a project that the connection may not see is not said to be missing for certain", async () => {
      const connection = await asOperator(...everyRight);
      await failsWith(
        { clientName: "ci", projects: ["default"], connection },
        /has no project "default", or does not show it to this client, which sees none\..*\[LXD_NOT_FOUND\]/s,
      );
      assert.deepEqual(await view.pendingTokens(), []);
    });

    it("asks once per server which rights the connection has, for many tokens at once", async () => {
      const connection = await asOperator(...everyRight);
      const made = await Promise.all(
        ["a", "b", "c"].map((clientName) =>
          stack.create("TrustToken", { ...inputs, clientName, connection }),
        ),
      );
      server.requests.length = 0;
      assert.equal((await stack.refreshTogether(made)).filter((one) => one !== undefined).length, 3);
      const count = (path: string): number =>
        server.requests.filter((request) => request.path === path).length;
      assert.deepEqual(
        [count("/1.0/auth/identities/current"), count("/1.0/auth/identities/tls?recursion=1")],
        [1, 1],
      );
    });

    it("a connection that is not shown other clients takes none for gone, and issues nothing", async () => {
      const made = await stack.create("TrustToken", inputs);
      const plain = await stack.create("TrustToken", {
        ...{ clientName: "plain", projects: [], connection: inputs["connection"] },
      });
      await view.redeem(String(made.outputs["token"]), ci);
      await view.redeem(String(plain.outputs["token"]), makePair("plain"));
      const connection = await asOperator("can_edit", "can_create_identities");
      const pattern =
        /shows this client, .*, no other clients.*`can_view_identities` on the server.*\[LXD_NOT_TRUSTED\]/s;
      // Even a stack that keeps what does not answer must not keep quiet about this.
      stack.config = { onUnreachable: "keep" };
      for (const one of [made, plain]) {
        const hidden = { ...one, outputs: { ...one.outputs, connection } };
        await assert.rejects(stack.refresh(hidden), pattern);
        await assert.rejects(stack.update(hidden, { ...one.inputs, connection }), pattern);
        await assert.rejects(stack.destroy(hidden), pattern);
      }
      await failsWith({ ...inputs, clientName: "new", connection }, pattern);
      assert.deepEqual(await known(), ["ci: Client certificate", "plain: Client certificate (restricted)"]);
    });

    it("an identity that cannot be seen once it is made is removed again, or said to remain", async () => {
      const connection = await asOperator(...everyRight);
      // What the server shows of itself lags behind what it allows.
      let isMade = false;
      server.intercept(({ method, path }) => {
        if (method === "POST" && path === "/1.0/auth/identities/tls") isMade = true;
        const isList = method === "GET" && path === "/1.0/auth/identities/tls?recursion=1";
        return isMade && isList ? { status: 200, body: { type: "sync", metadata: [] } } : undefined;
      });
      await failsWith(
        { ...inputs, connection },
        /that this client may not see.*it was removed again.*`can_view_identities`.*\[LXD_NOT_TRUSTED\]/s,
      );
      server.intercept(undefined);
      assert.deepEqual(await known(), []);
    });

    it("never changes or removes the client that the connection uses", async () => {
      const connection = await asOperator("admin");
      const own = {
        clientName: "operator",
        groups: ["g1"],
        clientFingerprint: operator.fingerprint,
        connection,
      };
      await failsWith(own, /is the one that this connection to .* uses.*\[LXD_LOCKOUT\]/s);

      const token = await stack.create("TrustToken", {
        ...inputs,
        clientName: "heir",
        groups: ["operators"],
      });
      await view.redeem(String(token.outputs["token"]), ci);
      const asHeir = { ...connection, clientCertificate: ci.certificate, clientKey: ci.privateKey };
      await stack.destroy({ ...token, outputs: { ...token.outputs, connection: asHeir } });
      assert.match(
        stack.messages.join("\n"),
        /warning: .* is the one that this connection uses.*auth identity delete/,
      );
      assert.deepEqual(await known(), ["heir: Client certificate"]);
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
