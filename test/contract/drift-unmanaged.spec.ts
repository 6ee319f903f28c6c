/** What `lxd-access drift` tells of what nobody manages, and of what expires. */
import * as assert from "node:assert/strict";
import type { Observation } from "../../cli/drift/report";
import { exported, seeDrift, short } from "../support/drift";
import type { Fault } from "../support/double/front-door";
import { ci, Ground } from "../support/drift-ground";
import { makePair } from "../support/openssl-pair";

const stranger = makePair("stranger");
const day = 24 * 60 * 60 * 1000;

for (const profile of ["lxd-5.0", "lxd-6", "incus-6.0"] as const) {
  describe(`what nobody manages, on the double of ${profile}`, () => {
    let ground: Ground;
    beforeEach(async () => {
      ground = await Ground.on(profile);
      await ground.makeAll(ground.overHttps);
    });
    afterEach(() => ground.end());

    const found = ({ findings }: Observation): string[] => findings.map(short).sort();

    it("is nothing where resources have all, and is not the client of the connection", async () => {
      assert.deepEqual((await ground.view.clients()).map(({ name }) => name).sort(), ["admin", "ci"]);
      assert.deepEqual(found(await ground.see()), []);
    });

    it("is a client, what it may do, and a token that waits, but no certificate of another type", async () => {
      await ground.view.trust("stranger", stranger.certificate);
      const metrics = makePair("metrics");
      await ground.view.request("POST", "/1.0/certificates", {
        name: "metrics",
        type: "metrics",
        certificate: metrics.der,
      });
      await ground.view.issueToken("guest", { restricted: true, projects: ["default"] });
      const { findings, servers } = await ground.see();
      assert.deepEqual(
        findings.map(({ kind, name, type, server }) => [kind, name, type, server]),
        [
          ["unmanaged-client", "stranger", "client", servers[0]?.name],
          ["unmanaged-token", "guest", "token", servers[0]?.name],
        ],
      );
      const [client, token] = findings.map((finding) => finding.found as Record<string, unknown>);
      assert.deepEqual(client, { fingerprint: stranger.fingerprint, restricted: false, projects: [] });
      assert.deepEqual([token?.["restricted"], token?.["projects"]], [true, ["default"]]);
      assert.match(findings[0]?.message ?? "", /"stranger" .* may do everything$/);
      assert.match(findings[1]?.message ?? "", /"guest" .* may use the projects "default"$/);
      assert.equal(servers[0]?.clients, 3);
    });

    it("is a listener where no stack has an HttpsAddress, and what only another stack has", async () => {
      const [listener, ...others] = ground.made;
      assert.ok(listener);
      const stacks = [exported("plugin", others), exported("plugin", [listener], { stack: "other" })];
      const { directory } = ground;
      assert.deepEqual(found(await seeDrift(stacks[0], { directory })), [
        `unmanaged-listener ${ground.https.address}`,
      ]);
      assert.deepEqual(found(await seeDrift(stacks[1], { directory })), ["unmanaged-client ci"]);
      assert.deepEqual(found(await seeDrift(stacks, { directory })), []);
    });

    it("is not what is only still to be deleted, or only read", async () => {
      const [listener, token, prod] = ground.made;
      assert.ok(listener && token && prod);
      await ground.make("late", "TrustToken", {
        clientName: "late",
        projects: [],
        connection: ground.overSocket,
      });
      const [late] = ground.made.slice(-1);
      assert.ok(late);
      const gone = [token, late].map((one) => ({ ...one, more: { delete: true } }));
      const read = { ...prod, more: { external: true } };
      const { directory } = ground;
      assert.deepEqual(found(await seeDrift(exported("plugin", [listener]), { directory })), [
        "unmanaged-client ci",
        "unmanaged-token late",
      ]);
      assert.deepEqual(found(await seeDrift(exported("plugin", [listener, ...gone]), { directory })), []);
      assert.deepEqual(found(await seeDrift(exported("plugin", [listener, late, read]), { directory })), []);
    });

    it("is not the client that redeems a token while it is looked at", async () => {
      const late = { clientName: "late", projects: ["default"], connection: ground.overHttps };
      await ground.make("late", "TrustToken", late);
      await ground.view.trust("late", stranger.certificate);
      const clients = await ground.view.request("GET", "/1.0/certificates?recursion=1");
      await ground.view.removeClient(stranger.fingerprint);
      const answer = (metadata: unknown): Fault => ({
        status: 200,
        body: { type: "sync", status_code: 200, metadata },
      });
      let isRedeemed = false;
      ground.server.intercept(({ path }) => {
        // The resource was read by then, and its token waited.
        if (path.startsWith("/1.0/certificates")) {
          isRedeemed = true;
          return answer(clients);
        }
        return isRedeemed && path.startsWith("/1.0/operations") ? answer({}) : undefined;
      });
      const { findings, resources } = await ground.see();
      assert.deepEqual([isRedeemed, findings.map(short)], [true, []]);
      assert.ok(resources.every(({ status }) => status === "in-sync"));
    });

    it("is told of a server once, by however many connections it is reached", async () => {
      await ground.make("more", "TrustToken", {
        clientName: "more",
        projects: [],
        connection: ground.overSocket,
      });
      await ground.view.trust("stranger", stranger.certificate);
      ground.server.requests.length = 0;
      const seen = await ground.see();
      assert.deepEqual(found(seen), ["unmanaged-client stranger"]);
      assert.deepEqual(
        seen.servers.map(({ name }) => name),
        [`https://${ground.https.address}`],
      );
      assert.ok(ground.server.requests.every(({ method }) => method === "GET"));
    });

    it("is not looked for where only a Remote leads to the server", async () => {
      await ground.view.trust("stranger", stranger.certificate);
      const prod = ground.made.filter(({ name }) => name === "prod");
      const { findings, servers } = await seeDrift(exported("plugin", prod), ground);
      assert.deepEqual(findings, []);
      assert.deepEqual(
        servers.map(({ name, status, clients }) => [name, status, clients]),
        [[`https://${ground.https.address}`, "seen", undefined]],
      );
    });

    it("is the same client on another server, where only one of them was joined", async () => {
      const other = await Ground.on("lxd-5.0");
      try {
        await other.make("listener", "HttpsAddress", {
          address: other.https.address,
          connection: other.overHttps,
        });
        await other.view.trust("ci", ci.certificate);
        const resources = [...ground.made, ...other.made.map((one) => ({ ...one, name: "second" }))];
        const { findings } = await seeDrift(exported("plugin", resources), ground);
        assert.deepEqual(
          findings.map(({ kind, name, server }) => [kind, name, server]),
          [["unmanaged-client", "ci", `https://${other.https.address}`]],
        );
      } finally {
        await other.end();
      }
    });
  });
}

describe("what nobody manages, where clients are identities", () => {
  it("is an identity, and one that is awaited", async () => {
    const ground = await Ground.on("lxd-6");
    try {
      await ground.view.createGroup("few", "viewer");
      const listener = { address: ground.https.address, connection: ground.overSocket };
      await ground.make("listener", "HttpsAddress", listener);
      await ground.make("own", "TrustToken", {
        clientName: "own",
        groups: [],
        connection: ground.overSocket,
      });
      await ground.view.redeem(await ground.view.invite("active", ["few"]), stranger);
      await ground.view.invite("awaited", ["few"]);
      const { findings } = await ground.see();
      assert.deepEqual(findings.map(short).sort(), [
        "unmanaged-client active",
        "unmanaged-client admin",
        "unmanaged-token awaited",
      ]);
      const active = findings.find(({ name }) => name === "active");
      assert.deepEqual(active?.found, { fingerprint: stranger.fingerprint, groups: ["few"] });
      assert.match(active.message, /"active" .* is in the groups "few"$/);
    } finally {
      await ground.end();
    }
  });
});

describe("what expires", () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = await Ground.on("lxd-6");
    await ground.view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "2d" } });
    await ground.makeAll(ground.overHttps);
    await ground.make("waiting", "TrustToken", {
      clientName: "waiting",
      projects: [],
      connection: ground.overHttps,
    });
    await ground.make("key", "ClientCertificate", { commonName: "key", validityDays: 10 });
  });
  afterEach(() => ground.end());

  const names = (expiry: Observation["expiries"][number] | undefined) =>
    expiry?.urns.map((urn) => urn.split("::").at(-1)).sort();

  it("is listed once for all resources that have it, the next one first", async () => {
    const { expiries, findings } = await ground.see();
    assert.deepEqual(
      expiries.map((one) => [one.what, one.name, names(one)]),
      [
        ["client certificate", "ci", ["prod", "token"]],
        ["token", "waiting", ["waiting"]],
        ["client certificate", "key", ["key"]],
        ["server certificate", expiries[3]?.name, ["listener", "prod", "token", "waiting"]],
      ],
    );
    const times = expiries.map(({ expiresAt }) => expiresAt);
    assert.deepEqual(times, [...times].sort());
    assert.deepEqual(expiries.map(({ fingerprint }) => fingerprint).slice(0, 2), [ci.fingerprint, undefined]);
    assert.deepEqual([findings, expiries.filter(({ isDue }) => isDue)], [[], []]);
  });

  it("is due within the days asked for, and after its end", async () => {
    const soon = await ground.see({ expiringDays: 3 });
    assert.deepEqual(soon.findings.map(short), [
      "expiring token clientFingerprint",
      "expiring waiting expiresAt",
    ]);
    assert.deepEqual(
      soon.expiries.map(({ isDue }) => isDue),
      [true, true, false, false],
    );
    assert.match(
      soon.findings[0]?.message ?? "",
      /the client certificate of "ci" \([0-9a-f]{12}\) expires at .*, in less than a day, and 1 more resource has it$/,
    );
    assert.equal(soon.findings[0]?.expiresAt, soon.expiries[0]?.expiresAt);
    assert.deepEqual(
      soon.resources.map(({ status }) => status),
      soon.resources.map(() => "in-sync"),
    );
    const later = await ground.see({ expiringDays: 0, now: () => new Date(Date.now() + 11 * day) });
    const expiring = later.findings.filter(({ kind }) => kind === "expiring");
    assert.deepEqual(expiring.map(short), [
      "expiring token clientFingerprint",
      "expiring waiting expiresAt",
      "expiring key expiresAt",
    ]);
    assert.ok(expiring.every(({ message }) => / expired at /.test(message)));
  });

  it("is known of a server that does not answer, and not of what is gone", async () => {
    await ground.view.revokeTokens();
    const whole = await ground.see();
    assert.deepEqual(
      whole.expiries.map(({ what }) => what),
      ["client certificate", "client certificate", "server certificate"],
    );
    assert.deepEqual(names(whole.expiries[2]), ["listener", "prod", "token"]);
    await ground.server.stop();
    const { expiries } = await ground.see();
    assert.deepEqual(expiries.map(({ what }) => what).sort(), [
      ...["client certificate", "client certificate", "server certificate"],
    ]);
  });
});
