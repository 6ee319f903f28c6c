/** What `lxd-access drift` sees of servers: those that do not answer, and what nobody manages on the others. */
import * as assert from "node:assert/strict";
import { createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { Observation } from "../../cli/drift/report";
import { httpsAddress } from "../../provider/resources/https-address";
import { exported, type ExportedResource, seeDrift } from "../support/drift";
import { admin, ci, Ground } from "../support/drift-ground";
import { gateTo } from "../support/gate";
import { asInputs, makePair } from "../support/openssl-pair";
import { listenOn } from "./tls-listener";

type Inputs = Record<string, unknown>;

function statuses({ resources }: Observation): Record<string, string> {
  return Object.fromEntries(resources.map(({ name, status }) => [name, status]));
}

function servers({ servers: all }: Observation): string[] {
  return all.map(({ name, status }) => `${name} ${status}`);
}

/** The same, asked somewhere else. */
function movedTo(made: readonly ExportedResource[], from: string, to: string): ExportedResource[] {
  return made.map((one) => {
    const text = (value: unknown): string => JSON.stringify(value).replaceAll(from, to);
    const { of } = one;
    const inputs = JSON.parse(text(of.inputs)) as Inputs;
    return { ...one, of: { ...of, inputs, stored: of.stored.replaceAll(from, to) } };
  });
}

describe("drift where a server does not answer", () => {
  let ground: Ground;
  let other: Ground;
  beforeEach(async () => {
    ground = await Ground.on("lxd-6");
    other = await Ground.on("lxd-5.0");
  });
  afterEach(async () => {
    await ground.end();
    await other.end();
  });

  it("is unreachable and no drift, one server costs its timeout once, and hides nothing of another one", async () => {
    await ground.makeAll(ground.overHttps);
    for (const clientName of ["second", "third"])
      await ground.make(clientName, "TrustToken", { clientName, projects: [], connection: ground.overHttps });
    await other.makeAll(other.overSocket);
    await other.view.removeClient(ci.fingerprint);
    // It takes connections, and says nothing.
    const dead = await listenOn(createServer());
    try {
      const to = `127.0.0.1:${dead.port}`;
      const [short1, short2] = ['"connect":5', '"connect":0.3'];
      const stacks = [
        exported("plugin", movedTo(movedTo(ground.made, ground.https.address, to), short1, short2), {
          stack: "dead",
        }),
        exported("plugin", other.made, { stack: "live" }),
      ];
      const seen = await seeDrift(stacks, { directory: ground.directory });
      // One by the administrator, and one by the remote's client.
      assert.equal(dead.connections(), 2);
      assert.deepEqual(servers(seen).sort(), [
        `${other.server.socketPath} seen`,
        `https://${to} unreachable`,
      ]);
      const of = (stack: string) => seen.resources.filter((one) => one.stack === `fleet/${stack}`);
      assert.deepEqual([...new Set(of("dead").map(({ status }) => status))], ["unreachable"]);
      assert.deepEqual(
        of("dead").map(({ server }) => server),
        Array(5).fill(`https://${to}`),
      );
      assert.deepEqual(
        of("live").map(({ status }) => status),
        ["in-sync", "gone", "changed"],
      );
      const codes = new Set(
        seen.findings.filter(({ kind }) => kind === "unreachable").map(({ code }) => code),
      );
      assert.ok([...codes].every((code) => code === "LXD_UNREACHABLE" || code === "LXD_TIMEOUT"));
      assert.deepEqual(
        seen.findings.filter(({ type }) => type === "server"),
        [],
      );
    } finally {
      await dead.close();
    }
  });

  it("is asked once where it takes requests and never answers", async () => {
    await ground.makeAll(ground.overHttps);
    ground.server.requests.length = 0;
    ground.server.intercept(() => "hang");
    const seen = await ground.see();
    assert.deepEqual(statuses(seen), { listener: "unreachable", token: "unreachable", prod: "unreachable" });
    const asked = ground.server.requests.map(({ path }) => path);
    assert.equal(
      asked.filter((path) => path === "/1.0").length,
      2,
      "by the administrator, and by the client that joined",
    );
    // What each wants next goes with it, and again over the next connection.
    assert.deepEqual(new Set(asked), new Set(["/1.0", "/1.0/operations?recursion=1", "/1.0/projects"]));
    assert.deepEqual(new Set(seen.findings.map(({ code }) => code)), new Set(["LXD_TIMEOUT"]));
  });

  it("is told also where the stack keeps what does not answer", async () => {
    await ground.make("listener", "HttpsAddress", {
      address: ground.https.address,
      connection: ground.overSocket,
    });
    const { socketPath } = ground.server;
    await ground.server.stop();
    const seen = await ground.see({ config: { onUnreachable: "keep" }, environment: {} });
    assert.deepEqual(statuses(seen), { listener: "unreachable" });
    assert.deepEqual(servers(seen), [`${socketPath} unreachable`]);
    assert.match(seen.findings[0]?.message ?? "", /^HttpsAddress listener: .*unix\.socket/);
  });

  it("is told of a server of which only a part answers", async () => {
    await ground.make("listener", "HttpsAddress", {
      address: ground.https.address,
      connection: ground.overHttps,
    });
    ground.server.intercept(({ path }) => (path.startsWith("/1.0/certificates") ? "hang" : undefined));
    const seen = await ground.see();
    assert.deepEqual(statuses(seen), { listener: "in-sync" });
    assert.deepEqual(servers(seen), [`https://${ground.https.address} unreachable`]);
    assert.deepEqual(
      seen.findings.map(({ kind, type, code }) => [kind, type, code]),
      [["unreachable", "server", "LXD_TIMEOUT"]],
    );
  });
});

describe("drift that cannot be told", () => {
  let ground: Ground;
  beforeEach(async () => {
    ground = await Ground.on("lxd-6");
    await ground.make("listener", "HttpsAddress", {
      address: ground.https.address,
      connection: ground.overHttps,
    });
  });
  afterEach(() => ground.end());

  const codes = ({ findings }: Observation) => findings.map(({ kind, code }) => `${kind} ${String(code)}`);

  it("because the connection is not trusted any more", async () => {
    await ground.view.removeClient(admin.fingerprint);
    const seen = await ground.see();
    assert.deepEqual(codes(seen), ["failed LXD_NOT_TRUSTED"]);
    assert.deepEqual(servers(seen), [`https://${ground.https.address} failed`]);
  });

  it("because another server answers", async () => {
    const other = await Ground.on("lxd-6");
    await other.view.trust("stranger", ci.certificate);
    try {
      const { certificate_fingerprint: own } = (
        (await other.view.request("GET", "/1.0")) as { environment: { certificate_fingerprint: string } }
      ).environment;
      ground.made.splice(0, 1, ...movedTo(ground.made, ground.https.address, other.https.address));
      assert.deepEqual(codes(await ground.see()), ["failed LXD_SERVER_IDENTITY"]);
      // Also where the pin is the other one's: the resource lives on the server of before.
      const pinned = movedTo(
        ground.made,
        `"serverFingerprint":"${ground.https.connection.serverFingerprint}","timeouts"`,
        `"serverFingerprint":"${own}","timeouts"`,
      );
      const seen = await seeDrift(exported("plugin", pinned), { directory: ground.directory });
      assert.deepEqual(codes(seen), ["failed LXD_SERVER_IDENTITY"]);
      assert.deepEqual(servers(seen), [`https://${other.https.address} failed`]);
    } finally {
      await other.end();
    }
  });

  it("because the configuration or the environment is wrong", async () => {
    assert.deepEqual(codes(await ground.see({ config: { onUnreachable: "maybe" } })), [
      "failed CONFIG_INVALID",
    ]);
    const environment = { LXD_ACCESS_ON_UNREACHABLE: "maybe" };
    assert.deepEqual(codes(await ground.see({ environment })), ["failed CONFIG_INVALID"]);
  });

  it("because a newer release has written the state, or made a resource that this one does not know", async () => {
    const [one] = ground.made;
    assert.ok(one);
    const stored = JSON.stringify({ ...(JSON.parse(one.of.stored) as object), addresses: { v2: true } });
    ground.made.push({ name: "newer", of: { ...one.of, stored } });
    ground.made.push({ name: "unknown", of: one.of, more: { type: "lxd-access:index:Newer" } });
    const seen = await ground.see();
    assert.deepEqual(statuses(seen), { listener: "in-sync", newer: "failed", unknown: "failed" });
    assert.deepEqual(codes(seen), ["failed INPUT_INVALID", "failed INPUT_INVALID"]);
  });

  it("because of whatever a server answers in the place of what was asked: none of it is taken for drift", async () => {
    await ground.makeAll(ground.overHttps);
    ground.made.splice(0, 1);
    ground.server.requests.length = 0;
    assert.deepEqual((await ground.see()).findings, []);
    const paths = new Set(ground.server.requests.map(({ path }) => path));
    assert.ok(paths.size > 5);
    const wrong = [
      ...["", "<html>", [], null, { type: "sync" }, { type: "sync", metadata: "text" }],
      ...[
        { type: "sync", metadata: [null] },
        { type: "sync", metadata: { running: [{ id: 1 }] } },
      ],
    ].map((body) => ({ status: 200, body }));
    const refusals = [401, 403, 404, 500, 503].map((status) => ({
      status,
      body: { type: "error", error: "no", error_code: status },
    }));
    for (const path of paths)
      for (const reply of [...wrong, ...refusals, "reset" as const]) {
        ground.server.intercept((request) => (request.path === path ? reply : undefined));
        const { findings } = await ground.see();
        const taken = findings.filter(({ kind }) => kind !== "failed" && kind !== "unreachable");
        assert.deepEqual(taken, [], `${path} answered ${JSON.stringify(reply)}`);
        assert.notEqual(findings.length, 0, `${path} answered ${JSON.stringify(reply)}`);
        assert.ok(findings.every(({ code }) => code !== "BUG"));
      }
  });

  it("because looking would change something, which is stopped before it is sent", async () => {
    const whole = { ...httpsAddress };
    httpsAddress.read = async (context, _id, { connection }) => {
      await (await context.connect(connection)).updateServerConfig({ "core.https_address": "" });
      return undefined;
    };
    try {
      ground.server.requests.length = 0;
      assert.deepEqual(codes(await ground.see()), ["failed BUG"]);
      assert.ok(ground.server.requests.every(({ method }) => method === "GET"));
      assert.equal(await ground.view.address(), ground.https.address);
    } finally {
      Object.assign(httpsAddress, whole);
    }
  });

  it("because a client directory cannot be read", async () => {
    const connection = { remote: "prod", configDir: "nowhere" };
    const [one] = ground.made;
    assert.ok(one);
    const stored = JSON.stringify({ ...(JSON.parse(one.of.stored) as object), connection });
    ground.made.splice(0, 1, { name: "listener", of: { ...one.of, stored } });
    const seen = await ground.see();
    assert.deepEqual(codes(seen), ["failed CLIENT_CONFIG"]);
    assert.deepEqual(seen.servers, []);
  });

  it("because the connection is not shown all: told once, and not where another connection is shown it", async () => {
    const groupless = makePair("groupless");
    const connection = { ...ground.overHttps, ...asInputs(groupless) };
    await ground.view.createGroup("few", "can_edit");
    await ground.view.redeem(await ground.view.invite("few", ["few"]), groupless);
    const [one] = ground.made;
    assert.ok(one);
    const stored = JSON.stringify({ ...(JSON.parse(one.of.stored) as object), connection });
    const inputs = { ...one.of.inputs, connection };
    ground.made.splice(0, 1, { name: "listener", of: { ...one.of, inputs, stored } });
    const seen = await ground.see();
    assert.deepEqual(statuses(seen), { listener: "in-sync" });
    assert.deepEqual(
      seen.findings.map(({ kind, type, code }) => [kind, type, code]),
      [["failed", "server", "LXD_NOT_TRUSTED"]],
    );
    assert.deepEqual(servers(seen), [`https://${ground.https.address} failed`]);

    const gate = await gateTo(Number(ground.https.address.split(":").at(-1)));
    try {
      const whole = { ...ground.overHttps, address: `127.0.0.1:${gate.port}` };
      await ground.make("more", "TrustToken", { clientName: "ci", projects: [], connection: whole });
      gate.shut();
      const { requests } = ground.server;
      requests.length = 0;
      const looking = ground.see();
      // The other connection comes when the first one was refused.
      while (!requests.some(({ path }) => path === "/1.0/auth/identities/current")) await setImmediate();
      gate.open();
      const more = await looking;
      assert.deepEqual(
        more.servers.map(({ status, clients }) => [status, clients]),
        [["seen", 2]],
      );
      assert.deepEqual(more.findings, []);
    } finally {
      await gate.close();
    }
  });
});
