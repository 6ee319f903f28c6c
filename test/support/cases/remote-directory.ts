/** The life of a Remote in its client directory: the default remote, projects, and client pairs. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties, World } from "../lifecycle";
import { makePair } from "../openssl-pair";
import {
  changeEntry,
  configOf,
  fileOf,
  hasFile,
  switchTo,
  writeConfig,
  writeSharedPair,
} from "./client-directory";
import { listening, noClientOf } from "./server-state";

const everything = { restricted: false, projects: [] };
const own = { addr: "https://127.0.0.1:9", public: true, protocol: "simplestreams" };

/** Inputs for a Remote named "prod" of an administrator. */
async function asAdministrator({ view, configDir, server }: World): Promise<Properties> {
  const { certificate, privateKey } = makePair("ci");
  const pair = { clientCertificate: certificate, clientKey: privateKey };
  const token = await view.issueToken("ci", everything);
  return { name: "prod", token, ...pair, configDir, configFlavor: server.flavor };
}

/** A directory in which somebody has a remote already, which is the default. */
async function withDefault(world: World): Promise<void> {
  await listening(world);
  const local = {
    addr: "unix://",
    public: false,
    ...(world.server.flavor === "incus" && { protocol: "incus" }),
  };
  writeConfig(world, { "default-remote": "mine", remotes: { local, mine: own, other: own } });
}

const isDefault =
  (name: string) =>
  (world: World): Promise<void> => {
    assert.equal(configOf(world)["default-remote"], name);
    return Promise.resolve();
  };
const byHand =
  (change: (world: World) => void) =>
  (world: World): Promise<void> => {
    change(world);
    return Promise.resolve();
  };
const projectIs = (project: string | undefined) => (world: World) => {
  assert.equal(configOf(world).remotes["prod"]?.["project"], project);
  return Promise.resolve();
};

export const remoteDirectoryCases: LifecycleCase[] = [
  {
    title: "made the default remote, which goes back to what it was",
    resource: "Remote",
    ways: ["unix"],
    prepare: withDefault,
    inputs: async (world) => ({ ...(await asAdministrator(world)), setDefault: true }),
    created: isDefault("prod"),
    steps: [
      {
        title: "renamed",
        give: (_world, inputs) => ({ ...inputs, name: "production" }),
        plan: "update",
        verify: isDefault("production"),
      },
      {
        title: "not to be the default any more",
        give: (_world, inputs) => ({ ...inputs, setDefault: false }),
        plan: "update",
        verify: isDefault("mine"),
      },
      {
        title: "the default again",
        give: (_world, inputs) => ({ ...inputs, setDefault: true }),
        plan: "update",
        verify: isDefault("production"),
      },
      {
        title: "the default of before removed by hand",
        byHand: byHand((world) => {
          const { remotes, ...rest } = configOf(world);
          writeConfig(world, { ...rest, remotes: { ...remotes, mine: undefined } });
        }),
        seen: "in sync",
      },
    ],
    destroyed: isDefault("local"),
  },
  {
    title: "made the default remote, which somebody else then switches: that stays",
    resource: "Remote",
    ways: ["unix"],
    prepare: withDefault,
    inputs: async (world) => ({ ...(await asAdministrator(world)), setDefault: true }),
    created: isDefault("prod"),
    steps: [
      {
        title: "switched by hand",
        byHand: byHand((world) => {
          switchTo(world, "other");
        }),
        seen: "in sync",
        verify: isDefault("other"),
      },
      {
        title: "not to be the default any more",
        give: (_world, inputs) => ({ ...inputs, setDefault: undefined }),
        plan: "update",
        verify: isDefault("other"),
      },
      {
        title: "made the default by hand, and renamed: the default follows",
        give: (world, inputs) => {
          switchTo(world, "prod");
          return { ...inputs, name: "production" };
        },
        plan: "update",
        verify: isDefault("production"),
      },
      {
        title: "switched away by hand, and removed",
        byHand: byHand((world) => {
          switchTo(world, "other");
        }),
        seen: "in sync",
      },
    ],
    destroyed: isDefault("other"),
  },
  {
    title: "in a project that is said, of several",
    resource: "Remote",
    ways: ["unix"],
    prepare: async (world) => {
      await listening(world);
      await world.view.createProject("ci");
      await world.view.createProject("web");
    },
    inputs: async (world) => ({ ...(await asAdministrator(world)), project: "ci" }),
    created: async (world, { outputs }) => {
      await projectIs("ci")(world);
      assert.deepEqual([...(outputs["projects"] as string[])].sort(), ["ci", "default", "web"]);
    },
    steps: [
      {
        title: "changed by hand",
        byHand: byHand((world) => {
          changeEntry(world, "prod", { project: "default" });
        }),
        seen: "changed",
        verify: projectIs("ci"),
      },
      {
        title: "another project",
        give: (_world, inputs) => ({ ...inputs, project: "web" }),
        plan: "update",
        verify: projectIs("web"),
      },
      {
        title: "no project is said any more: it is the client's choice, of several",
        give: (_world, inputs) => ({ ...inputs, project: undefined }),
        plan: "update",
        verify: projectIs(undefined),
      },
      {
        title: "one set by hand, which is nobody's business",
        byHand: byHand((world) => {
          changeEntry(world, "prod", { project: "ci" });
        }),
        seen: "in sync",
        verify: projectIs("ci"),
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "in the only project there is, unless somebody chooses another",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: asAdministrator,
    created: projectIs("default"),
    steps: [
      {
        title: "another project by hand",
        byHand: byHand((world) => {
          changeEntry(world, "prod", { project: "later" });
        }),
        seen: "in sync",
        verify: projectIs("later"),
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "in a directory that says itself whose it is",
    resource: "Remote",
    ways: ["unix"],
    prepare: withDefault,
    inputs: async (world) => ({ ...(await asAdministrator(world)), configFlavor: undefined }),
    created: (world) => {
      assert.equal(configOf(world).remotes["prod"]?.["protocol"], world.server.flavor);
      assert.equal(hasFile(world, "clientcerts", "prod.key"), world.server.flavor === "incus");
      assert.equal(hasFile(world, "client.key"), world.server.flavor === "lxd");
      return Promise.resolve();
    },
    destroyed: noClientOf("ci"),
  },
  {
    title: "of Incus, with a client pair of its own that is renamed, changed and removed with it",
    resource: "Remote",
    ways: ["unix"],
    when: (kind) => kind.startsWith("incus"),
    prepare: listening,
    inputs: asAdministrator,
    created: (world, { outputs }) => {
      assert.equal(fileOf(world, "clientcerts", "prod.key"), outputs["clientKey"]);
      return Promise.resolve();
    },
    steps: [
      {
        title: "renamed",
        give: (_world, inputs) => ({ ...inputs, name: "production" }),
        plan: "update",
        verify: (world, { outputs }) => {
          assert.equal(fileOf(world, "clientcerts", "production.key"), outputs["clientKey"]);
          for (const file of ["prod.crt", "prod.key"]) assert.ok(!hasFile(world, "clientcerts", file));
          return Promise.resolve();
        },
      },
      {
        title: "another pair",
        give: (_world, inputs) => {
          const { certificate, privateKey } = makePair("ci-2");
          return { ...inputs, clientCertificate: certificate, clientKey: privateKey };
        },
        plan: "update",
        verify: async (world, { inputs, outputs }) => {
          assert.equal(fileOf(world, "clientcerts", "production.key"), inputs["clientKey"]);
          const clients = (await world.view.clients()).filter(({ name }) => name === "ci");
          assert.deepEqual(
            clients.map(({ fingerprint }) => fingerprint),
            [outputs["clientFingerprint"]],
          );
        },
      },
    ],
    destroyed: async (world) => {
      await noClientOf("ci")(world);
      for (const file of ["production.crt", "production.key"])
        assert.ok(!hasFile(world, "clientcerts", file));
    },
  },
  {
    title: "of Incus, with the pair that the directory has for all its remotes, which stays",
    resource: "Remote",
    ways: ["unix"],
    when: (kind) => kind.startsWith("incus"),
    prepare: async (world) => {
      await withDefault(world);
      writeSharedPair(world);
    },
    inputs: async ({ view, configDir }) => ({
      name: "prod",
      token: await view.issueToken("ci", everything),
      configDir,
    }),
    created: (world, { outputs }) => {
      assert.equal(fileOf(world, "client.key"), outputs["clientKey"]);
      assert.ok(!hasFile(world, "clientcerts", "prod.key"), "no copy of the key");
      return Promise.resolve();
    },
    destroyed: async (world) => {
      await noClientOf("ci")(world);
      assert.ok(hasFile(world, "client.key"));
    },
  },
];
