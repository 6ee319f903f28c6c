/** What a Remote does with the token of a TLS identity: joining, leaving, another key, and what goes wrong. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { type SeenIdentity, type ServerView, viewOf } from "../support/server-view";
import { plainText, Stack } from "../support/stack";

type Inputs = Record<string, unknown>;

const ci = makePair("ci");
const next = makePair("next");

/** A token with something else in it. */
function changed(token: string, change: object): string {
  const content = JSON.parse(Buffer.from(token, "base64").toString()) as object;
  return Buffer.from(JSON.stringify({ ...content, ...change })).toString("base64");
}

for (const profile of ["lxd-5.21", "lxd-6"] as const) {
  describe(`joining as an identity, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let directory: string;

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), "lxa-identity-"));
      stack = new Stack(directory);
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      await view.listen();
      await view.createGroup("g1");
    });
    afterEach(async () => {
      await server.stop();
      rmSync(directory, { recursive: true });
    });

    const inputsWith = (token: string): Inputs => ({
      ...{ name: "prod", token, clientCertificate: ci.certificate, clientKey: ci.privateKey },
      timeouts: { connect: 2, request: 1 },
    });
    const invited = async (): Promise<Inputs> => inputsWith(await view.invite("ci", ["g1"]));
    const identity = async (): Promise<SeenIdentity | undefined> =>
      (await view.identities()).find(({ name }) => name === "ci");
    const isJoin = ({ method, path }: { method: string; path: string }): boolean =>
      method === "POST" && /^\/1\.0\/(certificates|auth\/identities\/tls)$/.test(path);
    /** Where tokens were sent to. */
    const sent = (): string[] =>
      server.requests
        .filter((request) => request.clientFingerprint !== undefined && isJoin(request))
        .map(({ path }) => path);

    it("sends the token and nothing else, and the client has the rights of the groups", async () => {
      const bodies: string[] = [];
      server.intercept((request) => {
        if (request.clientFingerprint !== undefined && isJoin(request)) bodies.push(request.body);
        return undefined;
      });
      const inputs = await invited();
      const remote = await stack.create("Remote", inputs);
      assert.deepEqual(
        [remote.outputs["enrolled"], remote.outputs["clientFingerprint"]],
        [true, ci.fingerprint],
      );
      const found = await identity();
      assert.deepEqual([found?.id, found?.groups], [ci.fingerprint, ["g1"]]);
      assert.deepEqual(sent(), ["/1.0/auth/identities/tls"]);
      assert.deepEqual(
        bodies.map((body) => JSON.parse(body) as unknown),
        [{ trust_token: inputs["token"] }],
      );
      assert.deepEqual(await view.clients(), []);

      const refreshed = (await stack.refresh(remote)) ?? assert.fail();
      assert.equal(await stack.plan(refreshed, inputs), "same");
    });

    for (const kind of ["identity", "certificate"]) {
      it(`two Remotes with one pair and one token of an ${kind}: one of them redeems it, both are joined`, async () => {
        const rights = { restricted: true, projects: ["default"] };
        const token =
          kind === "identity" ? await view.invite("ci", ["g1"]) : await view.issueToken("ci", rights);
        const inputs = inputsWith(token);
        const made = await stack.createTogether(
          ["prod", "twin"].map((name) => ({ name: "Remote", inputs: { ...inputs, name } })),
        );
        assert.deepEqual(made, ["created", "created"]);
        const joined = (await view.identities()).filter(({ id }) => id === ci.fingerprint);
        assert.deepEqual(
          joined.map(({ name }) => name),
          ["ci"],
        );
      });
    }

    it("leaves by itself, also without any right", async () => {
      const remote = await stack.create("Remote", inputsWith(await view.invite("ci", [])));
      await stack.destroy(remote);
      assert.equal(await identity(), undefined);
      await stack.destroy(remote);
      assert.deepEqual(stack.messages, []);
    });

    it("is drift where it was removed, and joins again with another token", async () => {
      const remote = await stack.create("Remote", await invited());
      await view.request("DELETE", "/1.0/auth/identities/tls/ci");
      const refreshed = (await stack.refresh(remote)) ?? assert.fail();
      const inputs = await invited();
      assert.equal(await stack.plan(refreshed, inputs), "update");
      const again = await stack.update(refreshed, inputs);
      assert.equal((await identity())?.id, ci.fingerprint);
      await stack.destroy(again);
      assert.equal(await identity(), undefined);
    });

    it("puts another key in the place of its own, with the groups that it has", async () => {
      const inputs = await invited();
      const remote = await stack.create("Remote", inputs);
      const renewed = { ...inputs, clientCertificate: next.certificate, clientKey: next.privateKey };
      assert.equal(await stack.plan(remote, renewed), "update");
      const updated = await stack.update(remote, renewed);
      const found = await identity();
      assert.deepEqual([found?.id, found?.groups], [next.fingerprint, ["g1"]]);
      assert.equal(updated.outputs["enrolled"], true);
      assert.equal(sent().length, 1);
      await stack.destroy(updated);
      assert.equal(await identity(), undefined);
    });

    it("adopts a client that is trusted already, spends no token, and leaves it there", async () => {
      await view.redeem(await view.invite("ci", ["g1"]), ci);
      const spare = await view.invite("spare", []);
      server.requests.length = 0;
      const remote = await stack.create("Remote", inputsWith(spare));
      assert.equal(remote.outputs["enrolled"], false);
      assert.deepEqual(sent(), []);
      await stack.destroy(remote);
      assert.equal((await identity())?.id, ci.fingerprint);
      const kept = (await view.identities()).find(({ name }) => name === "spare");
      assert.equal(kept?.type, "Client certificate (pending)");
    });

    it("knows the client again that its token let in, in a run that was cut off", async () => {
      const inputs = await invited();
      await view.redeem(String(inputs["token"]), ci);
      const remote = await stack.create("Remote", inputs);
      assert.equal(remote.outputs["enrolled"], true);
      await stack.destroy(remote);
      assert.equal(await identity(), undefined);
    });

    it("refuses in words a token that has expired, was used, or is not the server's", async () => {
      const refused = async (inputs: Inputs, message: RegExp): Promise<void> => {
        const failed = await stack.createFails("Remote", inputs);
        assert.match(failed.message, message);
        assert.equal(failed.recorded, undefined);
        assert.ok(!failed.message.includes(String(inputs["token"])));
      };
      const used = await invited();
      await view.redeem(String(used["token"]), next);
      await refused(
        used,
        /Joining https:.*No pending identities found.*Issue a new one.*\[LXD_TOKEN_REJECTED\]/s,
      );

      const forged = changed(await view.invite("forged", []), { secret: "0".repeat(64) });
      await refused(inputsWith(forged), /No pending identities found.*\[LXD_TOKEN_REJECTED\]/s);

      await view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1S" } });
      const late = await view.invite("late", []);
      const { expires_at: expiry } = JSON.parse(Buffer.from(late, "base64").toString()) as {
        expires_at: string;
      };
      while (Date.now() <= Date.parse(expiry)) await new Promise((resolve) => setTimeout(resolve, 20));
      await refused(inputsWith(late), /Token has expired.*Issue a new one.*\[LXD_TOKEN_EXPIRED\]/s);
    });

    for (const fault of ["reset after handling", "hang after handling"] as const) {
      it(`a reply that was lost (${fault}) is settled by asking, not by sending the token again`, async () => {
        const inputs = await invited();
        server.intercept((request) => (isJoin(request) ? fault : undefined));
        const remote = await stack.create("Remote", inputs);
        assert.equal(remote.outputs["enrolled"], true);
        assert.equal(sent().length, 1);
        assert.equal((await identity())?.id, ci.fingerprint);
      });
    }

    it("a server that dies right after leaves the resource recorded, and the next update finishes it", async () => {
      const inputs = await invited();
      let hasJoined = false;
      server.intercept((request) => {
        if (isJoin(request)) hasJoined = true;
        return hasJoined && request.clientFingerprint !== undefined ? "reset after handling" : undefined;
      });
      const { message, recorded } = await stack.createFails("Remote", inputs);
      assert.match(message, /the token was sent, but not whether it was taken.*\[PARTIAL\]/s);
      assert.ok(recorded);
      assert.ok(!plainText(recorded).includes(String(inputs["token"])));

      server.intercept(undefined);
      const whole = await stack.update(recorded, inputs);
      assert.equal(await stack.plan(whole, inputs), "same");
      assert.equal(sent().length, 1);
      await stack.destroy(whole);
      assert.equal(await identity(), undefined);
    });

    it("goes with a TrustToken, which is consumed by it and ends it", async () => {
      const connection = { socketPath: server.socketPath };
      const wanted = { clientName: "ci", groups: ["g1"], connection };
      const token = await stack.create("TrustToken", wanted);
      await stack.create("Remote", inputsWith(String(token.outputs["token"])));
      const consumed = (await stack.refresh(token)) ?? assert.fail();
      assert.equal(consumed.outputs["clientFingerprint"], ci.fingerprint);
      assert.equal(await stack.plan(consumed, wanted), "same");
      await stack.destroy(consumed);
      assert.equal(await identity(), undefined);
    });
  });
}

describe("the token of an identity where there are none", () => {
  for (const profile of ["lxd-5.0", "incus-6.0"] satisfies ProfileName[]) {
    it(`is refused before anything is sent, on the double of ${profile}`, async () => {
      const server = await startDouble(profile, { speed: 5 });
      const directory = mkdtempSync(join(tmpdir(), "lxa-identity-"));
      try {
        const view = viewOf(server);
        await view.listen();
        const token = await view.issueToken("ci", { restricted: false, projects: [] });
        const stack = new Stack(directory);
        const { message } = await stack.createFails("Remote", {
          ...{ name: "prod", token: changed(token, { type: "Client certificate" }) },
          ...{ clientCertificate: ci.certificate, clientKey: ci.privateKey },
        });
        assert.match(
          message,
          /token is for a TLS identity.*access_management_tls.*Nothing was sent.*\[LXD_EXTENSION_MISSING\]/s,
        );
        assert.deepEqual(await view.pendingTokens(), ["ci"]);
      } finally {
        await server.stop();
        rmSync(directory, { recursive: true });
      }
    });
  }
});
