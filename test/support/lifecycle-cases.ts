/** The cases of the lifecycle table. */
import * as assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { LifecycleCase, Properties, World } from "./lifecycle";
import { makePair } from "./openssl-pair";
import { freePort } from "./server-view";
import type { ServerKind } from "./servers";

/** LXD 5.0 and Incus do not let a restricted client remove itself. */
const canLeave = (kind: ServerKind): boolean => kind === "lxd-5.21" || kind === "lxd-6";

const httpsAddress: LifecycleCase[] = [
  {
    title: "from not listening, changed, changed by hand, unset by hand",
    resource: "HttpsAddress",
    ways: ["unix"],
    inputs: async ({ connection }) => ({ address: `127.0.0.1:${await freePort()}`, connection }),
    created: async ({ view }, { inputs, outputs }) => {
      assert.equal(await view.address(), inputs["address"]);
      assert.deepEqual(outputs["addresses"], [inputs["address"]]);
      assert.equal(outputs["previousAddress"], "");
    },
    steps: [
      {
        title: "another port",
        give: async (_world, inputs) => ({ ...inputs, address: `127.0.0.1:${await freePort()}` }),
        plan: "update",
        verify: async ({ view }, { inputs }) => {
          assert.equal(await view.address(), inputs["address"]);
        },
      },
      {
        title: "another spelling of the same listener",
        give: (_world, inputs) => ({
          ...inputs,
          address: `[${String(inputs["address"]).replace(":", "]:")}`,
        }),
        plan: "same",
      },
      {
        title: "changed by hand",
        byHand: async ({ view }) => view.setAddress(`127.0.0.1:${await freePort()}`),
        seen: "changed",
        verify: async ({ view }, { outputs }) => {
          assert.equal(await view.address(), outputs["resolvedAddress"]);
        },
      },
      { title: "unset by hand", byHand: ({ view }) => view.setAddress(""), seen: "changed" },
    ],
    destroyed: async ({ view }) => {
      assert.equal(await view.address(), "");
    },
  },
  {
    title: "from another address, which destroy puts back",
    resource: "HttpsAddress",
    ways: ["unix"],
    prepare: (world) => listening(world),
    inputs: async ({ connection }) => ({
      address: `127.0.0.1:${await freePort()}`,
      connection,
      verify: true,
    }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    destroyed: async ({ view }, { outputs }) => {
      assert.notEqual(outputs["previousAddress"], "");
      assert.equal(await view.address(), outputs["previousAddress"]);
    },
  },
  {
    title: "found as wanted, which destroy leaves",
    resource: "HttpsAddress",
    inputs: async ({ connection, view }) => ({ address: await view.listen(), connection }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    destroyed: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
  },
  {
    title: "changed by someone before destroy, which leaves that",
    resource: "HttpsAddress",
    ways: ["unix"],
    inputs: async ({ connection }) => ({ address: `127.0.0.1:${await freePort()}`, connection }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    beforeDestroy: async ({ view }) => view.setAddress("127.0.0.1:0"),
    destroyed: async ({ view }) => {
      assert.equal(await view.address(), "127.0.0.1:0");
    },
  },
  {
    title: "the very listener in use, widened and put back",
    resource: "HttpsAddress",
    ways: ["https"],
    inputs: ({ connection, admin }) => ({
      address: admin?.address.replace("127.0.0.1", "0.0.0.0"),
      connection,
    }),
    created: async ({ view, admin }) => {
      assert.equal(await view.address(), admin?.address.replace("127.0.0.1", "0.0.0.0"));
    },
    destroyed: async ({ view, admin }) => {
      assert.equal(await view.address(), admin?.address);
    },
  },
];

async function listening({ view }: World): Promise<void> {
  await view.listen();
}
const noClientOf =
  (name: string) =>
  async ({ view }: World) => {
    assert.deepEqual(
      (await view.clients()).filter((client) => client.name === name),
      [],
    );
    assert.deepEqual(await view.pendingTokens(), []);
  };
const tokenContent = (token: unknown): { addresses: string[]; client_name: string } =>
  JSON.parse(Buffer.from(String(token), "base64").toString()) as { addresses: string[]; client_name: string };

const trustToken: LifecycleCase[] = [
  {
    title: "pending: restricted otherwise, readdressed, revoked by hand, renamed",
    resource: "TrustToken",
    prepare: async (world) => {
      await listening(world);
      await world.view.createProject("p1");
    },
    inputs: ({ connection }) => ({ clientName: "ci", projects: ["default"], connection }),
    created: async ({ view }, { outputs, id }) => {
      assert.equal(id, "certificate/ci");
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      assert.deepEqual(tokenContent(outputs["token"]).addresses, [await view.address()]);
      assert.equal(outputs["state"], "pending");
    },
    steps: [
      {
        title: "other projects",
        give: (_world, inputs) => ({ ...inputs, projects: ["p1", "default"] }),
        plan: "update",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["ci"]);
        },
      },
      {
        title: "the same in another order",
        give: (_world, inputs) => ({ ...inputs, projects: ["default", "p1"] }),
        plan: "update",
      },
      {
        title: "other addresses",
        give: (_world, inputs) => ({ ...inputs, addresses: ["lxd.invalid:443"] }),
        plan: "update",
        verify: (_world, { outputs }) => {
          assert.deepEqual(tokenContent(outputs["token"]).addresses, ["lxd.invalid:443"]);
          return Promise.resolve();
        },
      },
      {
        title: "revoked by hand",
        byHand: ({ view }) => view.revokeTokens(),
        seen: "gone",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["ci"]);
        },
      },
      {
        title: "another name",
        give: (_world, inputs) => ({ ...inputs, clientName: "other" }),
        plan: "replace",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["other"]);
        },
      },
    ],
    destroyed: noClientOf("other"),
  },
  {
    title: "consumed: stays in sync, restricted otherwise, changed by hand, its client removed",
    resource: "TrustToken",
    prepare: async (world) => {
      await listening(world);
      await world.view.createProject("p1");
    },
    inputs: ({ connection }) => ({ clientName: "ci", projects: ["default"], connection }),
    created: async ({ view }) => {
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
    },
    steps: [
      {
        title: "redeemed",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), makePair("ci")),
        seen: "in sync",
        verify: async ({ view }, { outputs }) => {
          assert.equal(outputs["state"], "consumed");
          const client = (await view.clients()).find(({ name }) => name === "ci");
          assert.equal(outputs["clientFingerprint"], client?.fingerprint);
        },
      },
      {
        title: "other projects",
        give: (_world, inputs) => ({ ...inputs, projects: ["p1"] }),
        plan: "update",
        verify: async ({ view }) => {
          const client = (await view.clients()).find(({ name }) => name === "ci");
          assert.deepEqual([client?.restricted, client?.projects], [true, ["p1"]]);
        },
      },
      {
        title: "made an administrator by hand",
        byHand: async ({ view }, { outputs }) => {
          const path = `/1.0/certificates/${String(outputs["clientFingerprint"])}`;
          const entry = (await view.request("GET", path)) as Properties;
          await view.request("PUT", path, { ...entry, restricted: false, projects: [] });
        },
        seen: "changed",
        verify: async ({ view }) => {
          const client = (await view.clients()).find(({ name }) => name === "ci");
          assert.deepEqual([client?.restricted, client?.projects], [true, ["p1"]]);
        },
      },
      {
        title: "its client removed by hand",
        byHand: ({ view }, { outputs }) => view.removeClient(String(outputs["clientFingerprint"])),
        seen: "gone",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["ci"]);
        },
      },
      {
        title: "redeemed again",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), makePair("ci")),
        seen: "in sync",
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "redeemed and destroyed before anybody looked",
    resource: "TrustToken",
    prepare: listening,
    inputs: ({ connection }) => ({ clientName: "admin-2", restricted: false, connection }),
    created: async ({ view }) => {
      assert.deepEqual(await view.pendingTokens(), ["admin-2"]);
    },
    beforeDestroy: async ({ view }, { outputs }) => {
      await view.redeem(String(outputs["token"]), makePair("admin-2"));
      const client = (await view.clients()).find(({ name }) => name === "admin-2");
      assert.equal(client?.restricted, false);
    },
    destroyed: noClientOf("admin-2"),
  },
  {
    title: "destroyed with revokeClientOnDelete: false, which leaves the client",
    resource: "TrustToken",
    prepare: listening,
    inputs: ({ connection }) => ({ clientName: "ci", projects: [], revokeClientOnDelete: false, connection }),
    created: async ({ view }) => {
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
    },
    beforeDestroy: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), makePair("ci")),
    destroyed: async ({ view }) => {
      assert.equal((await view.clients()).filter(({ name }) => name === "ci").length, 1);
    },
  },
  {
    title: "lost by a restart of the server",
    resource: "TrustToken",
    ways: ["unix"],
    prepare: listening,
    inputs: ({ connection }) => ({ clientName: "ci", projects: ["default"], connection }),
    created: async ({ view }) => {
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
    },
    steps: [
      {
        title: "restarted",
        byHand: ({ server }) => server.restart(),
        seen: "gone",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["ci"]);
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "for a client that is trusted already: adopted, restricted as said, left by destroy",
    resource: "TrustToken",
    prepare: listening,
    inputs: async ({ connection, view }) => {
      const { certificate, fingerprint } = makePair("known");
      await view.trust("known", certificate);
      return {
        clientName: "known",
        projects: ["default"],
        clientFingerprint: fingerprint.toUpperCase(),
        connection,
      };
    },
    created: async ({ view }, { outputs }) => {
      assert.equal(outputs["token"], null);
      assert.equal(outputs["state"], "consumed");
      assert.deepEqual(await view.pendingTokens(), []);
      const client = (await view.clients()).find(({ name }) => name === "known");
      assert.deepEqual([client?.restricted, client?.projects], [true, ["default"]]);
    },
    destroyed: async ({ view }) => {
      assert.equal((await view.clients()).filter(({ name }) => name === "known").length, 1);
    },
  },
];

const config = ({ configDir }: World): { remotes: Record<string, Properties>; "default-remote": string } =>
  parse(readFileSync(join(configDir, "config.yml"), "utf8")) as ReturnType<typeof config>;
const everything = { restricted: false, projects: [] };

const remote: LifecycleCase[] = [
  {
    title: "joined as administrator with a given key, recorded in a client directory",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: async ({ view, configDir, server }) => {
      const { certificate, privateKey } = makePair("ci");
      const token = await view.issueToken("ci", everything);
      const pair = { clientCertificate: certificate, clientKey: privateKey };
      return { name: "prod", token, ...pair, configDir, configFlavor: server.flavor, setDefault: true };
    },
    created: async (world, { outputs }) => {
      const client = (await world.view.clients()).find(({ name }) => name === "ci");
      assert.equal(client?.fingerprint, outputs["clientFingerprint"]);
      assert.equal(outputs["enrolled"], true);
      assert.equal(config(world).remotes["prod"]?.["addr"], `https://${await world.view.address()}`);
      assert.equal(config(world)["default-remote"], "prod");
    },
    steps: [
      {
        title: "another token, which is kept and not spent",
        give: async ({ view }, inputs) => ({ ...inputs, token: await view.issueToken("ci2", everything) }),
        plan: "update",
        verify: async ({ view }) => {
          assert.deepEqual(await view.pendingTokens(), ["ci2"]);
          await view.revokeTokens();
        },
      },
      {
        title: "renamed in the config by hand",
        byHand: (world) => {
          const { remotes, ...rest } = config(world);
          const { prod, ...others } = remotes;
          writeConfig(world, { ...rest, "default-remote": "local", remotes: { ...others, mine: prod } });
          return Promise.resolve();
        },
        seen: "changed",
        verify: (world) => {
          assert.ok(config(world).remotes["prod"]);
          assert.ok(config(world).remotes["mine"], "what somebody made stays");
          return Promise.resolve();
        },
      },
      {
        title: "another name",
        give: (_world, inputs) => ({ ...inputs, name: "production" }),
        plan: "update",
        verify: (world) => {
          assert.ok(config(world).remotes["production"]);
          assert.equal(config(world).remotes["prod"], undefined);
          return Promise.resolve();
        },
      },
      {
        title: "its trust removed by hand",
        byHand: ({ view }, { outputs }) => view.removeClient(String(outputs["clientFingerprint"])),
        seen: "changed",
        giveAfter: async ({ view }, inputs) => ({
          ...inputs,
          token: await view.issueToken("ci", everything),
        }),
        verify: async ({ view }, { outputs }) => {
          const client = (await view.clients()).find(({ name }) => name === "ci");
          assert.equal(client?.fingerprint, outputs["clientFingerprint"]);
        },
      },
    ],
    destroyed: async (world) => {
      await noClientOf("ci")(world);
      assert.equal(config(world).remotes["production"], undefined);
      assert.equal(config(world)["default-remote"], "local");
      assert.equal(existsSync(join(world.configDir, "servercerts", "production.crt")), false);
    },
  },
  {
    title: "joined with the client directory's own key, into one project",
    resource: "Remote",
    ways: ["unix"],
    when: canLeave,
    prepare: listening,
    inputs: async ({ view, configDir, server }) => ({
      name: "prod",
      token: await view.issueToken("ci", { restricted: true, projects: ["default"] }),
      configDir,
      configFlavor: server.flavor,
    }),
    created: (world, { outputs }) => {
      assert.equal(config(world).remotes["prod"]?.["project"], "default");
      assert.deepEqual(outputs["projects"], ["default"]);
      const key = join(world.configDir, "client.key");
      assert.equal(statSync(key).mode & 0o777, 0o600);
      assert.equal(readFileSync(key, "utf8"), outputs["clientKey"]);
      return Promise.resolve();
    },
    destroyed: noClientOf("ci"),
  },
  {
    title:
      "restricted where the server does not let such a client leave: it stays until its token is destroyed",
    resource: "Remote",
    ways: ["unix"],
    when: (kind) => !canLeave(kind),
    prepare: listening,
    inputs: async ({ view }) => ({
      name: "prod",
      token: await view.issueToken("ci", { restricted: true, projects: ["default"] }),
    }),
    created: async ({ view }, { outputs }) => {
      const client = (await view.clients()).find(({ name }) => name === "ci");
      assert.equal(client?.fingerprint, outputs["clientFingerprint"]);
    },
    destroyed: async ({ view, stack }, { outputs }) => {
      assert.equal((await view.clients()).filter(({ name }) => name === "ci").length, 1);
      const said = stack.messages.join("\n");
      assert.match(said, /stays trusted until its TrustToken is destroyed/);
      assert.ok(said.includes(String(outputs["clientFingerprint"])));
    },
  },
  {
    title: "a client that is trusted already is adopted without a token, and left by destroy",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: async ({ view }) => {
      const { certificate, privateKey } = makePair("known");
      await view.trust("known", certificate);
      const { environment } = (await view.request("GET", "/1.0")) as {
        environment: { certificate_fingerprint: string };
      };
      const addresses = [`127.0.0.1:${await freePort()}`, await view.address()];
      const pair = { clientCertificate: certificate, clientKey: privateKey };
      return { name: "prod", addresses, serverFingerprint: environment.certificate_fingerprint, ...pair };
    },
    created: async ({ view }, { outputs }) => {
      assert.equal(outputs["enrolled"], false);
      assert.equal(outputs["address"], await view.address(), "the dead address was passed over");
    },
    destroyed: async ({ view }) => {
      assert.equal((await view.clients()).filter(({ name }) => name === "known").length, 1);
    },
  },
  {
    title: "a new key pair takes the place of the old one on the server",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: async ({ view }) => {
      const { certificate, privateKey } = makePair("ci");
      const token = await view.issueToken("ci", everything);
      return { name: "prod", token, clientCertificate: certificate, clientKey: privateKey };
    },
    created: async ({ view }) => {
      assert.equal((await view.clients()).filter(({ name }) => name === "ci").length, 1);
    },
    steps: [
      {
        title: "another pair",
        give: (_world, inputs) => {
          const { certificate, privateKey } = makePair("ci-2");
          return { ...inputs, clientCertificate: certificate, clientKey: privateKey };
        },
        plan: "update",
        verify: async ({ view }, { outputs }) => {
          const clients = (await view.clients()).filter(({ name }) => name === "ci");
          assert.deepEqual(
            clients.map(({ fingerprint }) => fingerprint),
            [outputs["clientFingerprint"]],
          );
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
];

function writeConfig({ configDir }: World, content: unknown): void {
  writeFileSync(join(configDir, "config.yml"), stringify(content));
}

export const lifecycleCases: readonly LifecycleCase[] = [...httpsAddress, ...trustToken, ...remote];
