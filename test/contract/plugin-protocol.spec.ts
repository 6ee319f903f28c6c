/** The plugin by Pulumi's own protocol: what the engine sends and what it gets. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { startDouble, type Double } from "../support/double/double";
import { PluginError } from "../support/plugin-client";
import { PluginServer } from "../support/plugin-server";
import type { WireProperties } from "../support/provider-process";
import { rawRequest } from "../support/raw-request";
import { freePort } from "../support/server-view";
import { client, https } from "./right-inputs";
import { listenOn } from "./tls-listener";
import { createServer, type Socket } from "node:net";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const [mark, isSecret] = ["4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"];

function secret(value: unknown): WireProperties {
  return { [mark]: isSecret, value } as WireProperties;
}

describe("the plugin's protocol", () => {
  let plugin: PluginServer;
  let double: Double;

  before(async () => {
    double = await startDouble("lxd-6");
    const listening = { config: { "core.https_address": `127.0.0.1:${await freePort()}` } };
    await rawRequest({ socketPath: double.socketPath }, "PATCH", "/1.0", listening);
  });
  beforeEach(async () => {
    plugin = await PluginServer.start();
    await plugin.client.configure({ socketPath: double.socketPath });
  });
  afterEach(() => plugin.stop());
  after(() => double.stop());

  const refusal = async (call: Promise<unknown>): Promise<string> => {
    const error: unknown = await call.then(
      () => assert.fail("was to be refused"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof PluginError);
    assert.equal(error.code, status.FAILED_PRECONDITION, "nothing is half-done");
    return error.message;
  };

  it("says who it is, what it takes, and its schema", async () => {
    assert.equal(await plugin.client.version(), "1.2.3");
    assert.equal((await plugin.client.handshake("")).acceptSecrets, true);
    const configured = await plugin.client.configure({});
    assert.deepEqual([configured.acceptsecrets, configured.supportspreview], [true, true]);
    const { name, resources } = (await plugin.client.schema()) as { name: string; resources: object };
    assert.equal(name, "lxd-access");
    assert.ok("lxd-access:index:Remote" in resources);
    assert.match(await refusal(plugin.client.schema(1)), /no schema of version 1/);
  });

  describe("its configuration", () => {
    it("has its secrets marked, in objects and in JSON", async () => {
      const ssh = {
        host: "edge",
        privateKey: client.privateKey,
        proxyJump: { host: "b", privateKey: client.privateKey },
      };
      const { inputs, failures } = await plugin.client.checkConfig({ ssh });
      assert.deepEqual(failures, []);
      assert.deepEqual(inputs, {
        ssh: {
          host: "edge",
          privateKey: secret(client.privateKey),
          proxyJump: { host: "b", privateKey: secret(client.privateKey) },
        },
      });
      const text = JSON.stringify(ssh);
      assert.deepEqual((await plugin.client.checkConfig({ ssh: text })).inputs, { ssh: secret(text) });
    });

    const wrong: [what: string, inputs: WireProperties, reason: RegExp][] = [
      [
        "a name that there is not",
        { adress: "edge" },
        /lxd-access:adress is nothing that can be configured.*address/,
      ],
      ["two ways in", { socketPath: "/s", remote: "edge" }, /names two ways in/],
      ["too little of one", { address: "edge" }, /lxd-access:clientCertificate.*is required with address/],
      [
        "no number",
        { timeouts: { connect: "soon" }, socketPath: "/s" },
        /timeouts.connect: must be a number/,
      ],
      ["another word", { onUnreachable: "ignore" }, /must be "fail" or "keep"/],
    ];
    for (const [what, inputs, reason] of wrong) {
      it(`is refused with ${what}`, async () => {
        const [failure, ...others] = (await plugin.client.checkConfig(inputs)).failures;
        assert.match(failure?.reason ?? "", reason);
        assert.deepEqual([failure?.property, others], ["", []]);
      });
    }

    it("is not judged before it is known, and may have what is the engine's", async () => {
      const inputs = { address: unknown, version: "0.1.0", pluginDownloadURL: "https://example.org" };
      assert.deepEqual((await plugin.client.checkConfig(inputs)).failures, []);
    });

    it("comes from the environment where it names no way in", async () => {
      const other = await PluginServer.start({ LXD_ACCESS_SOCKET_PATH: double.socketPath });
      try {
        await other.client.configure({ timeouts: JSON.stringify({ connect: 3 }) });
        assert.equal((await other.client.invoke("getServer", {}))["serverType"], "lxd");
      } finally {
        await other.stop();
      }
    });

    it("changes in place: each resource finds out whether its server is the same", async () => {
      const before = { socketPath: "/one", version: "0.1.0" };
      const changed = await plugin.client.diffConfig(before, { socketPath: "/two", version: "0.2.0" });
      assert.deepEqual([changed.diffsList, changed.replacesList], [["socketPath"], []]);
      assert.deepEqual(
        (await plugin.client.diffConfig(before, { ...before, version: "0.2.0" })).diffsList,
        [],
      );
    });
  });

  describe("a check", () => {
    it("fills in the resource's name, which may hold anything", async () => {
      assert.deepEqual((await plugin.client.check("ClientCertificate", {}, "a::b")).inputs, {
        commonName: "a::b",
      });
      const given = { commonName: "ci" };
      assert.deepEqual((await plugin.client.check("ClientCertificate", given)).inputs, given);
    });

    it("keeps what the program marks as secret, and marks what the schema does", async () => {
      const connection = { ...https, clientKey: https.clientKey, address: secret(https.address) };
      const inputs = { clientName: secret("ci"), projects: [secret("default")], connection };
      const checked = await plugin.client.check("TrustToken", inputs);
      assert.deepEqual(checked.failures, []);
      assert.deepEqual(checked.inputs, {
        clientName: secret("ci"),
        projects: secret(["default"]),
        connection: { ...https, clientKey: secret(https.clientKey), address: secret(https.address) },
      });
    });

    it("takes what is not known yet, of whatever kind", async () => {
      const inputs = {
        clientName: unknown,
        projects: "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        revokeClientOnDelete: "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        connection: "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
      };
      assert.deepEqual((await plugin.client.check("TrustToken", inputs)).failures, []);
    });
  });

  describe("a diff", () => {
    const given = { clientName: "ci", projects: ["default"], revokeClientOnDelete: false };
    let outputs: WireProperties;

    before(async () => {
      const other = await PluginServer.start();
      await other.client.configure({ socketPath: double.socketPath });
      ({ properties: outputs } = await other.client.create("TrustToken", given));
      await other.stop();
    });
    const diff = (inputs: WireProperties, ignored: string[] = []): ReturnType<typeof plugin.client.diff> =>
      plugin.client.diff("TrustToken", { outputs, before: given, inputs, ignored });
    const [add, , remove, , update, updateReplace] = [0, 1, 2, 3, 4, 5];

    it("tells each path that differs, and how", async () => {
      const inputs = { clientName: "ci", projects: ["default"], addresses: ["10.0.0.1"] };
      const { changes, detail, replaces } = await diff(inputs);
      assert.deepEqual([changes, replaces], [true, []]);
      assert.deepEqual(detail, {
        revokeClientOnDelete: { kind: remove, isInput: true },
        addresses: { kind: add, isInput: true },
      });
      const inside = await diff({ ...given, projects: ["other"] });
      assert.deepEqual(inside.detail, { "projects[0]": { kind: update, isInput: true } });
    });

    it("tells what only a new resource can have", async () => {
      const found = await diff({ ...given, clientName: "other" });
      assert.deepEqual(found.detail, { clientName: { kind: updateReplace, isInput: true } });
      assert.deepEqual([found.replaces, found.deleteBeforeReplace], [["clientName"], true]);
    });

    it("leaves out what is to be ignored", async () => {
      const inputs = { ...given, projects: ["other"] };
      assert.equal((await diff(inputs, ["projects[0]"])).changes, false);
      assert.equal((await diff(inputs, ["projects"])).changes, false);
      assert.equal((await diff(inputs, ["*"])).changes, false);
      assert.equal((await diff(inputs, ["project", "addresses"])).changes, true);
    });

    it("refuses stored outputs that it cannot read", async () => {
      const broken = { outputs: { state: "pending" }, before: given, inputs: given };
      assert.match(
        await refusal(plugin.client.diff("TrustToken", broken)),
        /cannot be read.*\[INPUT_INVALID\]$/,
      );
    });

    it("tells what an update never changes", async () => {
      const created = await plugin.client.create("ClientCertificate", { commonName: "ci" });
      const inputs = { commonName: "ci", pkcs12Password: "a password" };
      const recorded = { outputs: created.properties, before: { commonName: "ci" }, inputs };
      const { stables, detail } = await plugin.client.diff("ClientCertificate", recorded);
      assert.deepEqual(Object.keys(detail), ["pkcs12Password"]);
      const options = { preview: true };
      const { id } = created;
      const planned = await plugin.client.update(
        "ClientCertificate",
        { id, outputs: created.properties, inputs },
        options,
      );
      for (const name of stables) assert.deepEqual(planned[name], created.properties[name], name);
      assert.equal(planned["pkcs12"], unknown);
    });
  });

  it("creates nothing in a preview, and says which outputs there will be", async () => {
    const requests = double.requests.length;
    const { id, properties } = await plugin.client.create(
      "Remote",
      { name: "edge", token: unknown },
      { preview: true },
    );
    assert.equal(id, "");
    assert.equal(properties["name"], "edge");
    assert.equal(properties["clientKey"], unknown);
    assert.equal(double.requests.length, requests);
  });

  it("creates nothing of inputs that a policy has made wrong after they were checked", async () => {
    const { properties } = await plugin.client.create("Remote", {}, { preview: true });
    assert.equal(properties["name"], unknown);
    const create = (inputs: WireProperties): Promise<string> =>
      refusal(plugin.client.create("Remote", inputs));
    assert.match(await create({ token: "t" }), /Remote: name: is required.*\[INPUT_INVALID\]$/);
    assert.match(await create({ name: "edge" }), /never trusted on first use.*\[INPUT_INVALID\]$/);
  });

  it("keeps secret in the outputs what the program marks, wherever it may be remembered", async () => {
    const inputs = { clientName: secret("the-secret-name"), projects: [] };
    const { id, properties } = await plugin.client.create("TrustToken", inputs);
    const shown = JSON.stringify(properties, (_key, value: unknown) =>
      typeof value === "object" && value !== null && mark in value ? "[secret]" : value,
    );
    assert.ok(!shown.includes("the-secret-name"), shown);
    const read = await plugin.client.read("TrustToken", id, { outputs: properties, inputs });
    assert.deepEqual(read?.inputs, inputs);
    assert.deepEqual(read.properties, properties);
    await plugin.client.delete("TrustToken", id, properties);
    assert.equal(await plugin.client.read("TrustToken", id, { outputs: properties, inputs }), undefined);
  });

  it("finds what exists by its id, where the engine imports it and where a program gets it", async () => {
    const id = "core.https_address";
    const imported = await plugin.client.read("HttpsAddress", id);
    assert.equal(imported?.properties["address"], imported?.inputs["address"]);
    assert.match(JSON.stringify(imported?.inputs), /^\{"address":"127\.0\.0\.1:\d+"\}$/);
    // For what is got, engines up to 3.259 send what the program says of it twice, newer ones once.
    const inputs = { address: "127.0.0.1:8443" };
    assert.deepEqual(await plugin.client.read("HttpsAddress", id, { outputs: inputs, inputs }), imported);
    assert.deepEqual(await plugin.client.read("HttpsAddress", id, { inputs }), imported);
    assert.equal(await plugin.client.read("TrustToken", "certificate/nobody"), undefined);
    assert.match(
      await refusal(plugin.client.read("Remote", "a/b")),
      /Give one of the form NAME.*INPUT_INVALID/,
    );
  });

  it("tells warnings beside the resource that they are about", async () => {
    const inputs = { clientName: "leftover", projects: [] };
    const cutOff = await PluginServer.start();
    await cutOff.client.configure({ socketPath: double.socketPath });
    await cutOff.client.create("TrustToken", inputs);
    await cutOff.stop();
    const heard = once(plugin.events, "told");
    const { id, properties } = await plugin.client.create("TrustToken", inputs);
    await heard;
    const [told] = plugin.told;
    assert.match(told?.message ?? "", /leftover/);
    assert.deepEqual(
      [told?.severity, told?.isStatus, told?.urn],
      [LogSeverity.WARNING, false, "urn:pulumi:test::test::lxd-access:index:TrustToken::it"],
    );
    await plugin.client.delete("TrustToken", id, properties);
  });

  it("answers functions, and says what is wrong with their arguments", async () => {
    const server = await plugin.client.invoke("getServer", {});
    assert.equal(server["serverType"], "lxd");
    assert.match(
      await refusal(plugin.client.invoke("getServer", { colour: "red" })),
      /getServer: colour: .*INPUT_INVALID/,
    );
    assert.match(
      await refusal(plugin.client.invoke("toString", {})),
      /There is no function lxd-access:index:toString/,
    );
    assert.match(
      await refusal(plugin.client.check("toString", {})),
      /no resource of type lxd-access:index:toString/,
    );
  });

  describe("a server that is silent", () => {
    let held: Socket[];
    let silent: Awaited<ReturnType<typeof listenOn>>;

    beforeEach(async () => {
      held = [];
      silent = await listenOn(createServer((socket) => held.push(socket)));
      const connection = { ...https, address: `127.0.0.1:${silent.port}`, timeouts: { connect: 300 } };
      await plugin.client.configure(connection);
    });
    afterEach(async () => {
      for (const socket of held) socket.destroy();
      await silent.close();
    });
    const given = { clientName: "ci", projects: [] };

    it("is told of beside the resource while it is waited for, until the run is cancelled", async () => {
      const failed = refusal(plugin.client.create("TrustToken", given));
      await once(plugin.events, "told");
      const [told] = plugin.told;
      assert.match(told?.message ?? "", /127\.0\.0\.1/);
      assert.deepEqual([told?.isStatus, told?.urn.split("::").at(-1)], [true, "it"]);
      await plugin.client.cancel();
      assert.match(await failed, /cancelled before anything was changed.*\[CANCELLED\]/);
      assert.match(await refusal(plugin.client.create("TrustToken", given)), /CANCELLED/);
    });

    it("is waited for no longer than customTimeouts say", async () => {
      const failed = refusal(plugin.client.create("TrustToken", given, { seconds: 0.3 }));
      assert.match(await failed, /within the 0\.3 s that customTimeouts allow.*\[LXD_TIMEOUT\]/);
    });
  });
});
