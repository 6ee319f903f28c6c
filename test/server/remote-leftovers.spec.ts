/** What a Remote takes back and what it leaves, on a real server and in the directory of a real client. */
import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asInputs, makePair } from "../support/openssl-pair";
import { describeOnBoth } from "../support/remote-ground";
import { freePort } from "../support/server-view";

describeOnBoth("what a Remote leaves", (on) => {
  const { flavor, client, isTrusted } = on;

  const remotes = async (): Promise<string[]> =>
    Object.keys(JSON.parse(await client("remote", "list", "-f", "json")) as object);
  const keys = (): string[] => {
    const directory = join(on.place.configDir, "clientcerts");
    return existsSync(directory) ? readdirSync(directory) : [];
  };
  const known = async () => ({
    addresses: [on.stage.address],
    serverFingerprint: await on.stage.fingerprint(),
  });
  /** A remote that somebody added with the client itself, and works with. */
  const addByHand = async (name: string): Promise<void> => {
    mkdirSync(on.place.configDir);
    await client("remote", "add", name, await on.stage.token(name));
    await client("remote", "switch", name);
  };

  it("a remote that somebody added before stays as it was, pin, pair and default with it", async () => {
    await addByHand("theirs");
    const made = await on.stage.stack.create("Remote", { name: "theirs", ...(await known()), ...on.place });
    assert.equal(made.outputs["enrolled"], false);
    await on.stage.stack.destroy((await on.stage.stack.refresh(made)) ?? assert.fail("it is there"));
    assert.ok(await isTrusted("theirs"));
    assert.equal(await client("remote", "get-default"), "theirs\n");
  });

  it("a remote that somebody added before, and that it made the default: that goes back", async () => {
    await addByHand("theirs");
    await client("remote", "switch", "local");
    const given = { name: "theirs", ...(await known()), ...on.place, setDefault: true };
    const made = await on.stage.stack.create("Remote", given);
    assert.equal(await client("remote", "get-default"), "theirs\n");
    await on.stage.stack.destroy(made);
    assert.ok(await isTrusted("theirs"));
    assert.equal(await client("remote", "get-default"), "local\n");
  });

  it("a remote of the name that it is given later: that stays, and its own goes", async () => {
    await addByHand("theirs");
    const given = { name: "ours", ...(await known()), ...on.place };
    const made = await on.stage.stack.create("Remote", given);
    const renamed = await on.stage.stack.update(made, { ...given, name: "theirs" });
    assert.ok(!(await remotes()).includes("ours"));
    assert.equal(await client("remote", "get-default"), "theirs\n");
    const back = await on.stage.stack.update(renamed, given);
    assert.ok((await isTrusted("ours")) && (await isTrusted("theirs")));
    await on.stage.stack.destroy(back);
    assert.ok(await isTrusted("theirs"));
    assert.ok(!(await remotes()).includes("ours"));
  });

  it("a remote that somebody added and made the default, when it gets another name: that stays the default", async () => {
    await addByHand("theirs");
    const given = { name: "theirs", ...(await known()), ...on.place };
    const made = await on.stage.stack.create("Remote", given);
    const renamed = await on.stage.stack.update(made, { ...given, name: "ours" });
    assert.equal(await client("remote", "get-default"), "theirs\n");
    const chosen = await on.stage.stack.update(renamed, { ...given, name: "ours", setDefault: true });
    assert.equal(await client("remote", "get-default"), "ours\n");
    await on.stage.stack.destroy(chosen);
    assert.equal(await client("remote", "get-default"), "theirs\n");
    assert.ok(await isTrusted("theirs"));
  });

  it("a client that it enrolled and is not to revoke stays trusted, and its entry goes", async () => {
    const given = { name: "prod", token: await on.stage.token("kept"), ...on.place, revokeOnDelete: false };
    const made = await on.stage.stack.create("Remote", given);
    await on.stage.stack.destroy(made);
    const kept = (await on.stage.view.clients()).filter(({ name }) => name === "kept");
    assert.deepEqual(
      kept.map(({ fingerprint }) => fingerprint),
      [made.outputs["clientFingerprint"]],
    );
    assert.ok(!(await remotes()).includes("prod"));
  });

  it("nothing at all where the server does not answer, and its token is not spent", async () => {
    const addresses = [`127.0.0.1:${await freePort()}`];
    const given = { name: "prod", token: await on.stage.token("prod"), addresses, ...on.place };
    const { message } = await on.stage.stack.createFails("Remote", given);
    assert.match(message, /ECONNREFUSED.*\[LXD_UNREACHABLE\]/s);
    assert.ok(!existsSync(on.place.configDir));
    assert.deepEqual(await on.stage.view.pendingTokens(), ["prod"]);
  });

  if (flavor === "incus") {
    it("no key that it made for a token that was refused, nor one by the Remote that comes after", async () => {
      const token = await on.stage.token("used");
      await on.stage.view.redeem(token, makePair("somebody"));
      const { message, recorded } = await on.stage.stack.createFails("Remote", {
        ...{ name: "prod", token, ...on.place },
      });
      assert.match(message, /\[LXD_TOKEN_REJECTED\]/);
      assert.equal(recorded, undefined);
      assert.deepEqual(keys(), []);
      const fresh = await on.stage.token("fresh");
      const made = await on.stage.stack.create("Remote", { name: "prod", token: fresh, ...on.place });
      assert.deepEqual(keys(), ["prod.crt", "prod.key"]);
      await on.stage.stack.destroy(made);
      assert.deepEqual(keys(), []);
    });

    it("a key that somebody put there before there is a remote of the name, and the token is not spent", async () => {
      const theirs = makePair("theirs");
      mkdirSync(join(on.place.configDir, "clientcerts"), { recursive: true });
      const key = join(on.place.configDir, "clientcerts", "prod.key");
      writeFileSync(join(on.place.configDir, "clientcerts", "prod.crt"), theirs.certificate);
      writeFileSync(key, theirs.privateKey, { mode: 0o600 });
      const ours = asInputs(makePair("ours"));
      const { message } = await on.stage.stack.createFails("Remote", {
        ...{ name: "prod", token: await on.stage.token("prod"), ...ours, ...on.place },
      });
      assert.match(message, /clientcerts\/prod\.crt is another client's certificate.*\[CLIENT_CONFIG\]/s);
      assert.equal(readFileSync(key, "utf8"), theirs.privateKey);
      assert.deepEqual(await on.stage.view.pendingTokens(), ["prod"]);
    });
  } else {
    it("the token of the second of two Remotes that want to give one new directory their own pairs", async () => {
      const wanted = await Promise.all(
        ["one", "two"].map(async (name) => {
          const token = await on.stage.token(name);
          const inputs = { name, token, ...asInputs(makePair(name)), ...on.place };
          return { name: "Remote" as const, inputs };
        }),
      );
      const results = await on.stage.stack.createTogether(wanted);
      assert.equal(results.filter((result) => result === "created").length, 1);
      assert.match(results.join("\n"), /another client's certificate.*\[CLIENT_CONFIG\]/s);
      assert.equal((await on.stage.view.pendingTokens()).length, 1);
      const [joined] = (await remotes()).filter((name) => name === "one" || name === "two");
      assert.ok(await isTrusted(String(joined)));
    });
  }
});
