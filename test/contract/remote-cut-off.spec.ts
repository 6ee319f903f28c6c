/**
 * A Remote whose token a run has redeemed that was cut off before it was recorded: the next one knows its client again by
 * what the server and the client directory show, and takes nobody else's for it.
 */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

type Inputs = Record<string, unknown>;

const profiles: readonly ProfileName[] = ["lxd-5.0", "lxd-6", "incus-6.0"];
const pair = makePair("ci");
const everything = { restricted: false, projects: [] };

for (const profile of profiles) {
  describe(`a Remote after a run that was cut off, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let folder: string;
    let token: string;
    let inDirectory: Inputs;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-cut-off-"));
      stack = new Stack(folder);
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      await view.listen();
      token = await view.issueToken("ci", everything);
      inDirectory = { configDir: "conf", configFlavor: server.flavor };
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    const given = (): Inputs => ({ name: "prod", token, ...asInputs(pair) });
    const trusted = async (): Promise<string[]> => (await view.clients()).map(({ name }) => name);
    const file = (...path: string[]): string => join(folder, "conf", ...path);
    const config = (): string => readFileSync(file("config.yml"), "utf8");
    const remotes = (): string[] => Object.keys((parse(config()) as { remotes: object }).remotes);
    const isSpared = async (made: Recorded): Promise<void> => {
      assert.equal(made.outputs["enrolled"], false);
      const before = await view.clients();
      await stack.destroy(made);
      assert.deepEqual(await view.clients(), before);
    };
    const warned = /trusts this client already, so its token was not needed by this run/;

    it("and its client by the name of its token, which waits no more, is its own", async () => {
      await view.redeem(token, pair);
      const made = await stack.create("Remote", given());
      assert.equal(made.outputs["enrolled"], true);
      assert.doesNotMatch(stack.messages.join("\n"), warned);
      await stack.destroy(made);
      assert.deepEqual(await trusted(), []);
    });

    it("and a client that is restricted to the default project, where it sees the tokens, is its own", async () => {
      token = await view.issueToken("restricted", { restricted: true, projects: ["default"] });
      await view.redeem(token, pair);
      assert.equal((await stack.create("Remote", given())).outputs["enrolled"], true);
    });

    it("and entry, pin and pair in a client directory are its own, and go with it", async () => {
      for (const inputs of [
        { ...given(), ...inDirectory },
        { name: "prod", token: await view.issueToken("own", everything), ...inDirectory, configDir: "fresh" },
      ]) {
        await stack.create("Remote", inputs);
        const again = await stack.create("Remote", inputs);
        assert.equal(again.outputs["enrolled"], true);
        await stack.destroy(again);
        const directory = join(folder, String(inputs.configDir));
        assert.doesNotMatch(readFileSync(join(directory, "config.yml"), "utf8"), /prod/);
        for (const path of ["servercerts/prod.crt", "clientcerts/prod.crt", "clientcerts/prod.key"])
          assert.ok(!existsSync(join(directory, path)), path);
      }
      assert.deepEqual(await trusted(), []);
    });

    it("the mark in its entry tells the token by sixteen digits and not more", async () => {
      await stack.create("Remote", { ...given(), ...inDirectory });
      const { secret } = JSON.parse(Buffer.from(token, "base64").toString()) as { secret: string };
      const [digits = ""] =
        createHash("sha256")
          .update(secret)
          .digest("hex")
          .match(/^.{16}/) ?? [];
      assert.deepEqual(config().match(/#.*/g), [`# joined by pulumi-lxd-access with the token ${digits}`]);
      assert.ok(!config().includes(secret) && !config().includes(token));
    });

    it("and a client trusted by hand, by another name, is somebody's", async () => {
      await view.trust("boss", pair.certificate);
      await view.redeem(token, makePair("other"));
      await isSpared(await stack.create("Remote", given()));
      assert.match(stack.messages.join("\n"), warned);
    });

    it("and a client whose token still waits is somebody's", async () => {
      await view.trust("ci", pair.certificate);
      await isSpared(await stack.create("Remote", given()));
      assert.match(stack.messages.join("\n"), warned);
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
    });

    it("and a client that is not shown the tokens is somebody's", async () => {
      await view.createProject("shop");
      token = await view.issueToken("shop", { restricted: true, projects: ["shop"] });
      await view.redeem(token, pair);
      await isSpared(await stack.create("Remote", given()));
    });

    /** What the server says to this client, and to nobody else, at paths that begin so. */
    const says = (answers: Readonly<Record<string, unknown>>): void => {
      server.intercept(({ clientFingerprint, path }) => {
        const [, metadata] = Object.entries(answers).find(([start]) => path.startsWith(start)) ?? [];
        if (clientFingerprint === undefined || metadata === undefined) return undefined;
        return { status: 200, body: { type: "sync", status: "Success", status_code: 200, metadata } };
      });
    };

    it("and a client whose token may be the one that waits, of which the secret is not shown, is somebody's", async () => {
      await view.redeem(token, pair);
      await view.request("POST", "/1.0/certificates", { name: "ci", type: "client", token: true });
      const shown = JSON.stringify(await view.request("GET", "/1.0/operations?recursion=1"));
      says({ "/1.0/operations": JSON.parse(shown.replace(/"secret":"\w+"/g, '"secret":""')) as unknown });
      await isSpared(await stack.create("Remote", given()));
    });

    it("and a client whose token may wait at a member of the cluster that is down is somebody's", async () => {
      await view.redeem(token, pair);
      const { environment, ...rest } = (await view.request("GET", "/1.0")) as { environment: object };
      const clustered = { ...rest, environment: { ...environment, server_clustered: true } };
      const members = [{ server_name: "away", status: "Offline" }];
      says({ "/1.0/cluster/members": members, "/1.0/": undefined, "/1.0": clustered });
      await isSpared(await stack.create("Remote", given()));
    });

    it("and a client whose token has expired is somebody's", async () => {
      await view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1H" } });
      token = await view.issueToken("late", everything);
      await view.redeem(token, pair);
      stack.now = () => new Date(Date.now() + 2 * 60 * 60 * 1000);
      await isSpared(await stack.create("Remote", given()));
    });

    if (profile !== "lxd-6")
      it("and one of several clients of the token's name is somebody's", async () => {
        await view.trust("ci", pair.certificate);
        await view.redeem(token, makePair("other"));
        await isSpared(await stack.create("Remote", given()));
      });

    it("and a client of which the directory says that somebody joined is somebody's", async () => {
      await view.redeem(token, pair);
      const addr = `https://${await view.address()}`;
      mkdirSync(file());
      for (const name of ["prod", "other"]) {
        const entry = { addr, protocol: server.flavor, public: false };
        const theirs = stringify({ "default-remote": "local", remotes: { [name]: entry } });
        writeFileSync(file("config.yml"), theirs);
        await isSpared(await stack.create("Remote", { ...given(), ...inDirectory }));
        assert.deepEqual(remotes(), [name]);
      }
    });

    it("and a mark that the real client has dropped, or one of another token, proves nothing", async () => {
      const inputs = { ...given(), ...inDirectory };
      await stack.create("Remote", inputs);
      for (const text of [
        stringify(parse(config())),
        config().replace(/token .*/, "token 0123456789abcdef"),
      ]) {
        writeFileSync(file("config.yml"), text);
        await isSpared(await stack.create("Remote", inputs));
        assert.ok(remotes().includes("prod"));
      }
    });

    it("and of two Remotes with one token and one pair only the first of a run has the client", async () => {
      const before = await stack.create("Remote", given());
      const [one, other] = await stack.replaceAll([
        [before, given()],
        [before, { ...given(), name: "other" }],
      ]);
      assert.equal(one?.outputs["enrolled"], true);
      await isSpared(other ?? assert.fail());
    });

    it("and of two Remotes in one directory with one token only the first one has the client", async () => {
      const first = await stack.create("Remote", { ...given(), ...inDirectory });
      await isSpared(await stack.create("Remote", { ...given(), ...inDirectory, name: "other" }));
      assert.ok(remotes().includes("prod") && !remotes().includes("other"));
      await stack.destroy(first);
      assert.deepEqual(await trusted(), []);
    });
  });
}
