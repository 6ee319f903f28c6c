/** What `lxd-access drift` sees of each resource: on doubles of each version, by both fronts. */
import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Observation } from "../../cli/drift/report";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { exported, seeDrift, short } from "../support/drift";
import { asInputs, makePair } from "../support/openssl-pair";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

const ci = makePair("ci");
const other = makePair("other");
const stages: [front: "dynamic" | "plugin", profile: ProfileName][] = [
  ["dynamic", "lxd-5.0"],
  ["plugin", "lxd-6"],
  ["plugin", "incus-6.0"],
];

for (const [front, profile] of stages) {
  describe(`drift of each resource by the ${front} front, on the double of ${profile}`, () => {
    let folder: string;
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let made: Record<"key" | "listener" | "waiting" | "redeemed" | "prod", Recorded>;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-drift-"));
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      stack = new Stack(folder, front);
      stack.config = { socketPath: server.socketPath };
      const key = await stack.create("ClientCertificate", { commonName: "key", rotateBeforeDays: 30 });
      const address = `127.0.0.1:${await freePort()}`;
      const listener = await stack.create("HttpsAddress", { address });
      const waiting = await stack.create("TrustToken", { clientName: "waiting", projects: [] });
      const redeemed = await stack.create("TrustToken", { clientName: "ci", projects: ["default"] });
      const prod = await stack.create("Remote", {
        ...{ name: "prod", token: redeemed.outputs["token"], ...asInputs(ci) },
        ...{ configDir: "conf", configFlavor: server.flavor },
      });
      made = { key, listener, waiting, redeemed, prod };
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    const see = (options: { now?: () => Date } = {}): Promise<Observation> => {
      const resources = Object.entries(made).map(([name, of]) => ({ name, of }));
      return seeDrift(exported(front, resources, { config: stack.config }), {
        directory: folder,
        ...options,
      });
    };
    /** The statuses of all resources but those that are in sync, and all findings. */
    const seen = async (options?: {
      now?: () => Date;
    }): Promise<{ statuses: Record<string, string>; found: unknown[] }> => {
      const { resources, findings } = await see(options);
      const statuses = resources
        .filter(({ status }) => status !== "in-sync")
        .map(({ name, status }) => [name, status]);
      return {
        statuses: Object.fromEntries(statuses) as Record<string, string>,
        found: findings.map(({ name, kind, property, expected, found }) => ({
          name,
          kind,
          property,
          expected,
          found,
        })),
      };
    };
    const changed = (name: string, property: string, expected?: unknown, found?: unknown): unknown => ({
      ...{ name, kind: "changed", property, expected, found },
    });
    const configFile = (): string => join(folder, "conf", "config.yml");
    const editEntry = (change: Record<string, unknown>): void => {
      const config = parse(readFileSync(configFile(), "utf8")) as { remotes: Record<string, object> };
      config.remotes["prod"] = { ...config.remotes["prod"], ...change };
      writeFileSync(configFile(), stringify(config));
    };

    it("is none after all was made, and changes nothing", async () => {
      server.requests.length = 0;
      assert.deepEqual(await seen(), { statuses: {}, found: [] });
      const methods = new Set(server.requests.map(({ method }) => method));
      assert.deepEqual([...methods], ["GET"]);
    });

    it("names the server that each is on once, by the connection that administers it", async () => {
      const { resources, servers } = await see();
      assert.deepEqual(
        servers.map(({ name, status, clients }) => ({ name, status, clients })),
        [{ name: server.socketPath, status: "seen", clients: 1 }],
      );
      assert.deepEqual(
        resources.map(({ name, server: on }) => [name, on]),
        Object.keys(made).map((name) => [name, name === "key" ? undefined : server.socketPath]),
      );
    });

    it("is an address that was changed by hand, and that the remote answers there no more", async () => {
      const address = `127.0.0.1:${await freePort()}`;
      await view.setAddress(address);
      const { statuses, found } = await seen();
      assert.deepEqual(statuses, { listener: "changed", prod: "unreachable" });
      assert.deepEqual(found[0], changed("listener", "address", made.listener.outputs["address"], address));
    });

    it("is an address that was unset by hand, and no listener of anybody else", async () => {
      const { address } = made.listener.outputs;
      await view.setAddress("");
      assert.deepEqual((await seen()).found[0], changed("listener", "address", address, ""));
    });

    it("is what a client may do, changed by hand", async () => {
      const path = `/1.0/certificates/${ci.fingerprint}`;
      await view.request("PATCH", path, { projects: [] });
      assert.deepEqual((await seen()).found, [changed("redeemed", "projects", ["default"], [])]);
      await view.request("PATCH", path, { restricted: false });
      assert.deepEqual((await seen()).found, [changed("redeemed", "restricted", true, false)]);
    });

    it("is a client that was removed, and a token that was revoked", async () => {
      await view.removeClient(ci.fingerprint);
      await view.revokeTokens();
      const { statuses, found } = await seen();
      assert.deepEqual(statuses, { waiting: "gone", redeemed: "gone", prod: "changed" });
      const gone = (name: string) => ({ ...{ name, kind: "gone" }, ...nothing });
      const nothing = { property: undefined, expected: undefined, found: undefined };
      assert.deepEqual(found, [gone("waiting"), gone("redeemed"), changed("prod", "trusted", true, false)]);
    });

    it("is each part of an entry in a client directory", async () => {
      const [addr, pin] = [
        `https://${String(made.prod.outputs["address"])}`,
        join(folder, "conf", "servercerts", "prod.crt"),
      ];
      editEntry({ addr: "https://127.0.0.1:1" });
      assert.deepEqual((await seen()).found, [
        changed("prod", "configState.addr", addr, "https://127.0.0.1:1"),
      ]);
      editEntry({ addr, public: true });
      assert.deepEqual((await seen()).found, [changed("prod", "configState.public", false, true)]);
      editEntry({ public: false, protocol: "simplestreams" });
      const { flavor } = server;
      assert.deepEqual((await seen()).found, [
        changed("prod", "configState.protocol", flavor, "simplestreams"),
      ]);
      editEntry({ protocol: flavor });
      const certificate = readFileSync(pin, "utf8");
      writeFileSync(pin, other.certificate);
      const { serverFingerprint } = made.prod.outputs;
      assert.deepEqual((await seen()).found, [
        changed("prod", "configState.serverCertificate", serverFingerprint, other.fingerprint),
      ]);
      rmSync(pin);
      assert.deepEqual((await seen()).found, [
        changed("prod", "configState.serverCertificate", serverFingerprint),
      ]);
      writeFileSync(pin, certificate);
      assert.deepEqual((await seen()).found, []);
      rmSync(configFile());
      assert.deepEqual((await seen()).found, [changed("prod", "configState", "present", "absent")]);
    });

    it("is a client pair that was taken away from beside an entry, shown by its fingerprint alone", async () => {
      for (const name of server.flavor === "incus" ? ["clientcerts/prod"] : ["client"])
        for (const end of ["crt", "key"]) rmSync(join(folder, "conf", `${name}.${end}`));
      assert.deepEqual((await seen()).found, [
        changed("prod", "configState.clientCertificate", ci.fingerprint),
      ]);
    });

    it("is none that could be told where the client directory is on another machine, which is noted", async () => {
      rmSync(join(folder, "conf"), { recursive: true });
      const { resources, findings } = await see();
      assert.deepEqual(findings, []);
      const [prod] = resources.filter(({ name }) => name === "prod");
      assert.equal(prod?.status, "in-sync");
      assert.match(prod.notes.join(), /The client directory .*conf is not on this machine/);
    });

    it("is a project of an entry where the program names one", async () => {
      made = { ...made, prod: await stack.update(made.prod, { ...made.prod.inputs, project: "default" }) };
      editEntry({ project: "web" });
      assert.deepEqual((await seen()).found, [changed("prod", "configState.project", "default", "web")]);
    });

    it("is the entry of an image server, which is on none of the servers and never asked", async () => {
      const images = await stack.create("Remote", {
        ...{ name: "mirror", addresses: ["https://127.0.0.1:1"], protocol: "simplestreams" },
        ...{ serverCertificate: other.certificate, configDir: "conf", configFlavor: server.flavor },
      });
      made = { ...made, prod: images };
      const { resources, servers } = await see();
      assert.deepEqual(
        resources.filter(({ name }) => name === "prod").map(({ status, server: on }) => [status, on]),
        [["in-sync", undefined]],
      );
      assert.equal(servers.length, 1);
      const config = parse(readFileSync(configFile(), "utf8")) as { remotes: Record<string, object> };
      delete config.remotes["mirror"];
      writeFileSync(configFile(), stringify(config));
      assert.deepEqual((await seen()).found, [changed("prod", "configState", "present", "absent")]);
    });

    it("is a certificate that is to be replaced by now", async () => {
      const { expiresAt } = made.key.outputs;
      const now = (): Date => new Date(new Date(String(expiresAt)).getTime() - 29 * 24 * 60 * 60 * 1000);
      made = { key: made.key, listener: made.listener } as typeof made;
      assert.deepEqual((await see({ now })).findings.filter(({ kind }) => kind === "changed").map(short), [
        "changed key expiresAt",
      ]);
    });

    it("is what a run has left unfinished, with what it said", async () => {
      const { stored, ...rest } = made.listener;
      const outputs = { ...(JSON.parse(stored) as object), incomplete: "a reply was lost", wasBound: true };
      made = { ...made, listener: { ...rest, stored: JSON.stringify(outputs) } };
      const { findings } = await see();
      assert.deepEqual(findings.map(short), ["changed listener incomplete"]);
      assert.equal(findings[0]?.message, "HttpsAddress listener: a reply was lost");
    });

    it("is told of the resource's line in the program", async () => {
      await view.revokeTokens();
      const more = { sourcePosition: "project:///index.ts#6,20" };
      const { findings } = await seeDrift(
        exported(front, [{ name: "waiting", of: made.waiting, more }], { config: stack.config }),
        { directory: folder },
      );
      const [first] = findings.filter(({ kind }) => kind === "gone");
      assert.deepEqual(first?.source, { file: "index.ts", line: 6 });
      assert.equal(first.stack, "fleet/test");
    });
  });
}
