/** What `lxd-access drift` keeps to itself, and how it is with large stacks and empty ones. */
import * as assert from "node:assert/strict";
import { maskOf } from "../../cli/drift/masking";
import { AccessError } from "../../provider/errors";
import { withSecrets } from "../../provider/secrets";
import { exported, seeDrift, short } from "../support/drift";
import { admin, Ground } from "../support/drift-ground";
import { makePair } from "../support/openssl-pair";

const stranger = makePair("stranger");

describe("secrets of a stack", () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = await Ground.on("lxd-6");
  });
  afterEach(() => ground.end());

  it("are in nothing that is told: values, messages, notes, ids and what is being done", async () => {
    const clientName = "swordfish/π";
    const connection = ground.overHttps;
    await ground.view.createGroup("hush-hush", "viewer");
    const inputs = { clientName, groups: ["hush-hush"], connection };
    await ground.make("invitation", "TrustToken", inputs);
    const [made] = ground.made;
    assert.ok(made);
    // As the front stores it where the program marked the name.
    const outputs = withSecrets(JSON.parse(made.of.stored) as Record<string, unknown>, [["given"], ["held"]]);
    const stored = JSON.stringify(outputs);
    const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
    const secret = (value: unknown) => ({ ...mark, plaintext: JSON.stringify(value) });
    ground.made.splice(0, 1, {
      name: "invitation",
      of: {
        ...made.of,
        inputs: { ...made.of.inputs, clientName: secret(clientName), groups: secret(["hush-hush"]) },
        stored,
      },
    });
    // Who redeems twice by its name leaves the one and only client unknown, which is told with the name.
    const awaited = await ground.view.identities();
    const pending = awaited.find(({ name }) => name === clientName);
    await ground.view.request("DELETE", `/1.0/auth/identities/tls/${String(pending?.id)}`);
    await ground.view.redeem(await ground.view.invite(clientName, ["hush-hush"]), stranger);
    let doing = "";
    const seen = await ground.see({
      expiringDays: 3,
      onProgress: (_done, _total, what) => {
        doing += what;
      },
    });
    const [resource] = seen.resources;
    assert.equal(resource?.status, "in-sync");
    assert.equal(resource.id, "identity/[secret]");
    await ground.view.createGroup("visible", "viewer");
    await ground.view.request("PUT", `/1.0/auth/identities/tls/${stranger.fingerprint}`, {
      groups: ["hush-hush", "visible"],
    });
    const changed = await ground.see();
    const [change] = changed.findings;
    assert.deepEqual(change?.found, ["[secret]", "visible"]);
    const told = JSON.stringify([seen, changed]) + doing;
    for (const form of ["swordfish", "hush-hush", encodeURIComponent(clientName)])
      assert.ok(!told.includes(form), form);
    assert.ok(
      told.includes(stranger.fingerprint) || told.includes("visible"),
      "the search looks at what is there",
    );
  });

  it("may be the name of an unmanaged client, and what a server calls one that is refused", async () => {
    await ground.make("listener", "HttpsAddress", {
      address: ground.https.address,
      connection: ground.overSocket,
    });
    await ground.view.trust("swordfish", stranger.certificate);
    const [made] = ground.made;
    assert.ok(made);
    const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
    const password = { ...mark, plaintext: '"swordfish"' };
    const other = {
      ...made,
      name: "other",
      more: { type: "random:index:Password", outputs: { result: password } },
    };
    ground.made.push(other);
    const { findings } = await ground.see();
    assert.deepEqual(findings.map(short), ["unmanaged-client admin", "unmanaged-client [secret]"]);
    assert.doesNotMatch(JSON.stringify(findings), /swordfish/);
  });
});

describe("a secret in a text", () => {
  const secret = 'a "word"\n/π';
  const forms = [
    ["as it is", `it is ${secret}`],
    ["as JSON writes it", `it is ${JSON.stringify(secret).slice(1, -1)}`],
    ["in a URL", `it is ${encodeURIComponent(secret)}`],
    ["as messages show it", new AccessError("BUG", `it is ${secret}`).summary],
  ] as const;
  for (const [how, text] of forms)
    it(`is not shown ${how}`, () => {
      assert.equal(maskOf([secret])(text), "it is [secret]");
    });

  it("goes as a whole where another secret is a part of it", () => {
    assert.equal(maskOf(["fish", "swordfish"])("a swordfish is a fish"), "a [secret] is a [secret]");
  });
});

describe("a large stack", () => {
  it("is looked at with one request of each kind for each server, and told of as it goes on", async () => {
    const ground = await Ground.on("lxd-6");
    try {
      // The double is in this process, which is busy meanwhile.
      await ground.makeAll({ ...ground.overHttps, timeouts: { connect: 30, request: 30 } });
      const [, token] = ground.made;
      assert.ok(token);
      for (let count = 0; count < 500; count++) ground.made.push({ ...token, name: `token-${count}` });
      ground.server.requests.length = 0;
      const told: [number, number][] = [];
      const seen = await ground.see({ onProgress: (done, total) => told.push([done, total]) });
      assert.equal(seen.resources.length, 503);
      assert.deepEqual(seen.findings, []);
      assert.deepEqual(
        [told[0], told.at(-1)],
        [
          [0, 503],
          [503, 503],
        ],
      );
      const paths = ground.server.requests
        .filter(({ clientFingerprint }) => clientFingerprint === admin.fingerprint)
        .map(({ path }) => path);
      // Tokens are listed again after the clients, as one may be redeemed meanwhile.
      assert.deepEqual(
        paths.filter((path, index) => paths.indexOf(path) < index),
        ["/1.0/operations?recursion=1"],
      );
    } finally {
      await ground.end();
    }
  });

  it("may have no resource of this package, or none at all", async () => {
    const empty = { version: 3, deployment: { manifest: {} } };
    const seen = await seeDrift([exported("plugin", []), empty], { directory: "/" });
    assert.deepEqual(seen.stacks, [
      { name: "fleet/test", resources: 0 },
      { name: "(empty)", resources: 0 },
    ]);
    assert.deepEqual(
      seen.notes.map((note) => /^(.*) has no resource/.exec(note)?.[1]),
      ["fleet/test", "(empty)"],
    );
    assert.deepEqual([seen.resources, seen.servers, seen.expiries, seen.findings], [[], [], [], []]);
  });
});
