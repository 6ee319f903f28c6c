/** A Remote through the change of the server's certificate, and of the client's. */
import * as assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type ClientRun, runClient, tryClient } from "../support/client-command";
import type { Stage } from "../support/joined-server";
import { asInputs, type ClientPair, makePair } from "../support/openssl-pair";
import { describeOnBoth } from "../support/remote-ground";
import type { Recorded } from "../support/stack";

describeOnBoth("certificates that change", (on) => {
  const { flavor, client } = on;
  let stage: Stage;
  let configDir: string;
  beforeEach(() => {
    stage = on.stage;
    configDir = on.place.configDir;
  });

  const works = async (): Promise<void> => {
    const { auth } = JSON.parse(await client("query", "prod:/1.0")) as { auth: string };
    assert.equal(auth, "trusted");
  };
  /** Whether the server trusts the client that this directory is of. */
  const isTrusted = async (directory = ""): Promise<boolean> => {
    const said = await runClient(flavor, directory, "query", "prod:/1.0");
    return (JSON.parse(said) as { auth: string }).auth === "trusted";
  };
  const pin = (): string => readFileSync(join(configDir, "servercerts", "prod.crt"), "utf8");
  const serverCertificate = async (): Promise<string> => {
    const { environment } = (await stage.view.request("GET", "/1.0")) as {
      environment: { certificate: string };
    };
    return environment.certificate;
  };
  /** As an administrator does it: without its files the server makes new ones when it starts. */
  const rotate = async (): Promise<void> => {
    for (const file of ["server.crt", "server.key"]) rmSync(join(stage.server.directory, file));
    await stage.server.restart();
  };

  it("the server's: an error until it is pinned anew, by its fingerprint and then by a new token", async () => {
    const place = { configDir, configFlavor: flavor };
    const inputs = { name: "prod", token: await stage.token("ci"), ...place };
    const made = await stage.stack.create("Remote", inputs);
    await works();
    await rotate();
    await assert.rejects(stage.stack.refresh(made), /not the pinned server.*\[LXD_SERVER_IDENTITY\]/s);
    await assert.rejects(stage.stack.update(made, inputs), /\[LXD_SERVER_IDENTITY\]/);
    await assert.rejects(works(), /certificate/);

    const pinned = { ...inputs, serverFingerprint: await stage.fingerprint() };
    assert.equal(await stage.stack.plan(made, pinned), "update");
    const repinned = await stage.stack.update(made, pinned);
    assert.equal(pin(), await serverCertificate());
    await works();
    await inSync(stage, repinned, pinned);

    // The token of before still names the certificate of before; what is pinned since goes before it.
    const unpinned = await stage.stack.update(repinned, inputs);
    assert.equal(unpinned.outputs["serverFingerprint"], pinned.serverFingerprint);
    await inSync(stage, unpinned, inputs);

    await rotate();
    await assert.rejects(stage.stack.refresh(unpinned), /\[LXD_SERVER_IDENTITY\]/);
    const invited = { ...inputs, token: await stage.token("ci-again") };
    const again = await stage.stack.update(unpinned, invited);
    assert.equal(pin(), await serverCertificate());
    assert.deepEqual(
      await stage.view.pendingTokens(),
      ["ci-again"],
      "it is trusted still: nothing to redeem",
    );
    await works();
    await inSync(stage, again, invited);
    await stage.stack.destroy(again);
    await stage.view.revokeTokens();
  });

  it("the client's: at each moment the old pair works or the new one does, as the real client sees it", async () => {
    const [first, second] = [makePair("first"), makePair("second")];
    const inputs = { name: "prod", token: await stage.token("turn"), ...asInputs(first) };
    const made = await stage.stack.create("Remote", inputs);
    const [before, after] = await Promise.all(
      [first, second].map((pair) => directoryOf(stage, flavor, pair)),
    );
    assert.deepEqual([await isTrusted(before), await isTrusted(after)], [true, false]);

    const { result, seen } = await watching(
      () => stage.stack.update(made, { ...inputs, ...asInputs(second) }),
      async () => {
        // Asked in this order: once the old one is out, the new one has to be in.
        return (await isTrusted(before)) || (await isTrusted(after));
      },
    );
    assert.ok(seen.length > 0 && seen.every((works) => works), seen.join(" "));
    assert.deepEqual([await isTrusted(before), await isTrusted(after)], [false, true]);
    assert.equal((await stage.view.clients()).filter(({ name }) => name === "turn").length, 1);
    await stage.stack.destroy(result);
  });

  for (const [title, rights] of [
    ["an administrator's", { restricted: false }],
    ["a restricted client's", { projects: ["default"] }],
  ] as const) {
    it(`${title}, by a ClientCertificate that is replaced: the Remote follows, and no token is issued`, async () => {
      const { stack, view } = stage;
      const connection = { socketPath: stage.server.socketPath };
      const certificate = { commonName: "ci", validityDays: 100 };
      const key = await stack.create("ClientCertificate", certificate);
      const invitation = { clientName: "wired", ...rights, connection };
      const expecting = ({ outputs }: Recorded) => ({
        ...invitation,
        clientFingerprint: outputs["fingerprint"],
      });
      const token = await stack.create("TrustToken", expecting(key));
      const made = await stack.create("Remote", joining(key, token));
      const consumed = (await stack.refresh(token)) ?? assert.fail("its client is trusted");
      const described = { description: "on call" };
      if (flavor === "incus") await view.request("PATCH", entryOf(key), described);

      const next = await stack.create("ClientCertificate", certificate);
      const expected = await stack.update(consumed, expecting(next));
      assert.equal(expected.outputs["token"], consumed.outputs["token"]);
      assert.deepEqual(await view.pendingTokens(), []);
      const [before, after] = await Promise.all(
        [key, next].map(({ outputs }) =>
          directoryOf(stage, flavor, {
            certificate: String(outputs["certificate"]),
            privateKey: String(outputs["privateKey"]),
          }),
        ),
      );
      const inputs = joining(next, expected);
      const { result, seen } = await watching(
        () => stack.update(made, inputs),
        async () => (await isTrusted(before)) || (await isTrusted(after)),
      );
      assert.ok(seen.length > 0 && seen.every((works) => works), seen.join(" "));
      assert.deepEqual([await isTrusted(before), await isTrusted(after)], [false, true]);
      assert.equal(result.outputs["enrolled"], true);
      const entry = (await view.request("GET", entryOf(next))) as Record<string, unknown>;
      assert.deepEqual([entry["name"], entry["restricted"]], ["wired", "projects" in rights]);
      if (flavor === "incus") assert.equal(entry["description"], described.description);

      await inSync(stage, result, inputs);
      await inSync(stage, expected, expecting(next));

      const other =
        "projects" in rights ? { restricted: false } : { restricted: true, projects: ["default"] };
      const turned = {
        connection,
        clientName: "wired",
        clientFingerprint: next.outputs["fingerprint"],
        ...other,
      };
      const changed = await stack.update(expected, turned);
      const now = (await view.request("GET", entryOf(next))) as Record<string, unknown>;
      assert.deepEqual([now["restricted"], now["projects"]], [other.restricted, other.projects ?? []]);
      if (flavor === "incus") assert.equal(now["description"], described.description);
      await stack.destroy(result);
      await stack.destroy(changed);
      assert.ok((await view.clients()).every(({ name }) => name !== "wired"));
    });
  }

  it("the client's, in an update whose end is not recorded: the next one knows it for its own", async () => {
    const [first, second] = [makePair("first"), makePair("second")];
    const given = { name: "prod", token: await stage.token("cut off"), ...asInputs(first) };
    const made = await stage.stack.create("Remote", given);
    const wanted = { ...given, ...asInputs(second) };
    await stage.stack.update(made, wanted); // its result is lost
    const again = await stage.stack.update(made, wanted);
    assert.equal(again.outputs["enrolled"], true);
    await stage.stack.destroy(again);
    assert.ok((await stage.view.clients()).every(({ name }) => name !== "cut off"));
  });

  it("the client's, to one that is trusted already: that one stays, and the one of before leaves", async () => {
    const [first, second] = [makePair("first"), makePair("second")];
    await stage.view.trust("boss", second.certificate);
    const given = { name: "prod", token: await stage.token("ci"), ...asInputs(first) };
    const made = await stage.stack.create("Remote", given);
    const updated = await stage.stack.update(made, { ...given, ...asInputs(second) });
    const trusted = async () => (await stage.view.clients()).map(({ fingerprint }) => fingerprint);
    assert.ok(!(await trusted()).includes(first.fingerprint));
    await stage.stack.destroy(updated);
    assert.ok((await trusted()).includes(second.fingerprint));
  });

  if (flavor === "incus") {
    it("the client's, in a directory of incus: its commands go on, the new pair takes the old one's place", async () => {
      const place = { configDir, configFlavor: flavor };
      const first = {
        name: "prod",
        token: await stage.token("ci"),
        ...asInputs(makePair("first")),
        ...place,
      };
      const made = await stage.stack.create("Remote", first);
      await works();
      const pair = makePair("second");
      const { result, seen } = await watching(
        () => stage.stack.update(made, { ...first, ...asInputs(pair) }),
        () => tryClient(flavor, configDir, "config", "trust", "list", "prod:"),
      );
      assert.ok(seen[0]?.ok, "before it is begun");
      // A command that falls between the server's change and the files' may miss; the next ones must not.
      assert.ok(outages(seen) <= 1, seen.map(({ stderr }) => stderr).join("\n"));
      await works();
      assert.equal(readFileSync(join(configDir, "clientcerts", "prod.key"), "utf8"), pair.privateKey);
      await stage.stack.destroy(result);
    });
  } else {
    it("the client's, in a directory of lxc, which has one pair for good: refused, and all goes on", async () => {
      const given = {
        name: "prod",
        token: await stage.token("ci"),
        ...asInputs(makePair("first")),
        configDir,
      };
      const made = await stage.stack.create("Remote", given);
      const other = { ...given, ...asInputs(makePair("second")) };
      await assert.rejects(
        stage.stack.update(made, other),
        /another client's certificate.*\[CLIENT_CONFIG\]/s,
      );
      await works();
      await inSync(stage, made, given);
      await stage.stack.destroy(made);
    });
  }
});

/** Inputs of a Remote that is wired to a ClientCertificate and a TrustToken. */
function joining(key: Recorded, invitation: Recorded): Record<string, unknown> {
  const { token, addresses, serverFingerprint } = invitation.outputs;
  const { certificate: clientCertificate, privateKey: clientKey } = key.outputs;
  return {
    ...{ name: "prod", clientCertificate, clientKey, addresses, serverFingerprint },
    ...(token === null || token === undefined ? {} : { token }),
  };
}

/** The trust store's entry of a ClientCertificate. */
function entryOf({ outputs }: Recorded): string {
  return `/1.0/certificates/${String(outputs["fingerprint"])}`;
}

async function inSync({ stack }: Stage, resource: Recorded, inputs: Record<string, unknown>): Promise<void> {
  assert.equal(await stack.plan(resource, inputs), "same");
  const refreshed = (await stack.refresh(resource)) ?? assert.fail("it is there");
  assert.equal(await stack.plan(refreshed, inputs), "same");
}

/** A directory of the real client with this pair and the remote "prod", written by hand. */
async function directoryOf(stage: Stage, flavor: "lxd" | "incus", pair: ClientPair): Promise<string> {
  const directory = stage.newDirectory();
  mkdirSync(join(directory, "servercerts"), { recursive: true });
  const { environment } = (await stage.view.request("GET", "/1.0")) as {
    environment: { certificate: string };
  };
  const prod = { addr: `https://${stage.address}`, protocol: flavor, public: false };
  writeFileSync(join(directory, "servercerts", "prod.crt"), environment.certificate);
  writeFileSync(join(directory, "client.crt"), pair.certificate);
  writeFileSync(join(directory, "client.key"), pair.privateKey, { mode: 0o600 });
  writeFileSync(join(directory, "config.yml"), stringify({ "default-remote": "prod", remotes: { prod } }));
  return directory;
}

/** Looks before something is begun, again and again while it is done, and once more afterwards. */
async function watching<Result, Seen>(
  begin: () => Promise<Result>,
  look: () => Promise<Seen>,
): Promise<{ result: Result; seen: Seen[] }> {
  const seen = [await look()];
  const progress = { isDone: false };
  const work = begin().finally(() => {
    progress.isDone = true;
  });
  do seen.push(await look());
  while (!progress.isDone);
  const result = await work;
  seen.push(await look());
  return { result, seen };
}

/** How often in a row of commands one that works is followed by one that does not. */
function outages(runs: readonly ClientRun[]): number {
  return runs.filter(({ ok }, index) => !ok && runs[index - 1]?.ok !== false).length;
}
