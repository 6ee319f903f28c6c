/** The life of a Remote of an image server: nobody joins it, and all there is of it is its entry in a client directory. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties, World } from "../lifecycle";
import { makePair } from "../openssl-pair";
import type { TrustedClient } from "../server-view";
import type { Recorded } from "../stack";
import { changeEntry, configOf, fileOf, hasFile } from "./client-directory";
import { listening } from "./server-state";

const joined = ["clientCertificate", "clientKey", "clientFingerprint", "clientExpiresAt", "pkcs12"];
const dialled = ["serverCertificate", "serverFingerprint", "serverExpiresAt"];

/** The server listens, and has its own certificate as pin. */
async function pinned({ view, server, configDir }: World): Promise<Properties> {
  const { environment } = (await view.request("GET", "/1.0")) as { environment: Record<string, string> };
  const serverFingerprint = environment["certificate_fingerprint"];
  const flavor = { configDir, configFlavor: server.flavor };
  return { name: "shop", public: true, addresses: [await view.address()], serverFingerprint, ...flavor };
}

/** Nothing is known of it but where it is; no client pair is made, and the server has no new client. */
async function nobodyJoined(world: World, { outputs }: Recorded, absent: readonly string[]): Promise<void> {
  for (const name of absent) assert.equal(outputs[name], null, name);
  assert.equal(outputs["enrolled"], false);
  assert.equal(outputs["configState"], "present");
  assert.ok(!hasFile(world, "client.crt") && !hasFile(world, "clientcerts"));
  assert.deepEqual(await clientsOf(world), []);
}

/** The other members of a cluster are in its trust store, too. */
async function clientsOf({ view }: World): Promise<TrustedClient[]> {
  return (await view.clients()).filter(({ type }) => type === "client");
}

const gone =
  (name: string) =>
  (world: World): Promise<void> => {
    assert.equal(configOf(world).remotes[name], undefined);
    assert.ok(!hasFile(world, "servercerts", `${name}.crt`));
    return Promise.resolve();
  };

export const imageServerCases: LifecycleCase[] = [
  {
    title: "of an image server, pinned",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: pinned,
    created: async (world, remote) => {
      await nobodyJoined(world, remote, joined);
      const { flavor } = world.server;
      const addr = `https://${await world.view.address()}`;
      assert.deepEqual(configOf(world).remotes["shop"], { addr, protocol: flavor, public: true });
      assert.equal(fileOf(world, "servercerts", "shop.crt"), remote.outputs["serverCertificate"]);
    },
    steps: [
      {
        title: "made private by hand",
        byHand: (world) => {
          changeEntry(world, "shop", { public: false });
          return Promise.resolve();
        },
        seen: "changed",
        verify: (world) => {
          assert.equal(configOf(world).remotes["shop"]?.["public"], true);
          return Promise.resolve();
        },
      },
      {
        title: "another name, and the default",
        give: (_world, inputs) => ({ ...inputs, name: "store", setDefault: true }),
        plan: "update",
        verify: async (world) => {
          await gone("shop")(world);
          assert.equal(configOf(world)["default-remote"], "store");
        },
      },
    ],
    destroyed: async (world) => {
      await gone("store")(world);
      assert.equal(configOf(world)["default-remote"], "local");
    },
  },
  {
    title: "of an image server that speaks simplestreams, which is never dialled",
    resource: "Remote",
    ways: ["unix"],
    inputs: ({ configDir, server }) => ({
      name: "mirror",
      protocol: "simplestreams",
      addresses: ["https://images.invalid/streams/"],
      ...{ configDir, configFlavor: server.flavor },
    }),
    created: async (world, remote) => {
      await nobodyJoined(world, remote, [...joined, ...dialled]);
      const addr = "https://images.invalid/streams/";
      assert.deepEqual(configOf(world).remotes["mirror"], { addr, protocol: "simplestreams", public: true });
      assert.ok(!hasFile(world, "servercerts", "mirror.crt"));
    },
    steps: [
      {
        title: "elsewhere, with a certificate of its own",
        give: (_world, inputs) => {
          const { certificate } = makePair("mirror");
          return { ...inputs, addresses: ["https://mirror.invalid"], serverCertificate: certificate };
        },
        plan: "update",
        verify: (world, { inputs }) => {
          assert.equal(configOf(world).remotes["mirror"]?.["addr"], "https://mirror.invalid");
          assert.equal(fileOf(world, "servercerts", "mirror.crt"), inputs["serverCertificate"]);
          return Promise.resolve();
        },
      },
      {
        title: "its address changed by hand",
        byHand: (world) => {
          changeEntry(world, "mirror", { addr: "https://other.invalid" });
          return Promise.resolve();
        },
        seen: "changed",
        verify: (world) => {
          assert.equal(configOf(world).remotes["mirror"]?.["addr"], "https://mirror.invalid");
          return Promise.resolve();
        },
      },
    ],
    destroyed: gone("mirror"),
  },
  {
    title: "of an image server that becomes one that is joined, and an image server again",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: pinned,
    created: (world, remote) => nobodyJoined(world, remote, joined),
    steps: [
      {
        title: "joined",
        give: async ({ view }, { configDir, configFlavor }) => ({
          ...{ name: "shop", configDir, configFlavor },
          token: await view.issueToken("ci", { restricted: false, projects: [] }),
        }),
        plan: "update",
        verify: async (world, { outputs }) => {
          const [client] = await clientsOf(world);
          assert.equal(client?.fingerprint, outputs["clientFingerprint"]);
          assert.equal(configOf(world).remotes["shop"]?.["public"], false);
        },
      },
      {
        title: "an image server",
        give: pinned,
        plan: "update",
        verify: async (world, { outputs }) => {
          assert.equal(outputs["clientKey"], null);
          assert.deepEqual(await clientsOf(world), []);
          assert.equal(configOf(world).remotes["shop"]?.["public"], true);
        },
      },
    ],
    destroyed: gone("shop"),
  },
];
