/** The life of a Remote. */
import * as assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LifecycleCase } from "../lifecycle";
import { makePair } from "../openssl-pair";
import { freePort } from "../server-view";
import { plainText } from "../stack";
import { configOf, writeConfig } from "./client-directory";
import { imageServerCases } from "./image-server";
import { remoteDirectoryCases } from "./remote-directory";
import { hasIdentities, listening, noClientOf } from "./server-state";

/** The archive that a step before found. */
let archive: unknown;
const everything = { restricted: false, projects: [] };

export const remoteCases: LifecycleCase[] = [
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
      assert.equal(configOf(world).remotes["prod"]?.["addr"], `https://${await world.view.address()}`);
      assert.equal(configOf(world)["default-remote"], "prod");
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
          const { remotes, ...rest } = configOf(world);
          const { prod, ...others } = remotes;
          writeConfig(world, { ...rest, "default-remote": "local", remotes: { ...others, mine: prod } });
          return Promise.resolve();
        },
        seen: "changed",
        verify: (world) => {
          assert.ok(configOf(world).remotes["prod"]);
          assert.ok(configOf(world).remotes["mine"], "what somebody made stays");
          return Promise.resolve();
        },
      },
      {
        title: "another name",
        give: (_world, inputs) => ({ ...inputs, name: "production" }),
        plan: "update",
        verify: (world) => {
          assert.ok(configOf(world).remotes["production"]);
          assert.equal(configOf(world).remotes["prod"], undefined);
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
      assert.equal(configOf(world).remotes["production"], undefined);
      assert.equal(configOf(world)["default-remote"], "local");
      assert.equal(existsSync(join(world.configDir, "servercerts", "production.crt")), false);
    },
  },
  {
    title: "joined with the client directory's own key, into one project",
    resource: "Remote",
    ways: ["unix"],
    when: hasIdentities,
    prepare: listening,
    inputs: async ({ view, configDir, server }) => ({
      name: "prod",
      token: await view.issueToken("ci", { restricted: true, projects: ["default"] }),
      configDir,
      configFlavor: server.flavor,
    }),
    created: (world, { outputs }) => {
      assert.equal(configOf(world).remotes["prod"]?.["project"], "default");
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
    when: (kind) => !hasIdentities(kind),
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
  {
    title: "a client that is trusted already spends no token that is given",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: async ({ view }) => {
      const { certificate, privateKey } = makePair("known");
      await view.trust("known", certificate);
      const token = await view.issueToken("ci", everything);
      return { name: "prod", token, clientCertificate: certificate, clientKey: privateKey };
    },
    created: async ({ view, stack }, { outputs }) => {
      assert.equal(outputs["enrolled"], false);
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      const advice = `its token was not needed.*clientFingerprint: "${String(outputs["clientFingerprint"])}"`;
      assert.match(stack.messages.join("\n"), new RegExp(`warning: Remote prod: .*${advice}`));
    },
    destroyed: async ({ view, stack }) => {
      assert.equal(stack.messages.length, 1, "it is said once");
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
      assert.equal((await view.clients()).filter(({ name }) => name === "known").length, 1);
    },
  },
  {
    title: "with an archive for browsers, which is made anew only for another pair, name or password",
    resource: "Remote",
    ways: ["unix"],
    prepare: listening,
    inputs: async ({ view }) => ({
      name: "prod",
      token: await view.issueToken("ci", everything),
      pkcs12Password: "correct horse",
    }),
    created: (_world, resource) => {
      assert.ok(String(resource.outputs["pkcs12"]).length > 500);
      assert.ok(!plainText(resource).includes("correct horse"));
      return Promise.resolve();
    },
    steps: [
      {
        title: "something else",
        give: (_world, inputs) => ({ ...inputs, revokeOnDelete: true }),
        plan: "update",
        verify: (_world, { outputs, inputs }) => {
          assert.ok(inputs["revokeOnDelete"]);
          archive = outputs["pkcs12"];
          return Promise.resolve();
        },
      },
      {
        title: "something else again",
        give: (_world, inputs) => ({ ...inputs, revokeOnDelete: undefined }),
        plan: "update",
        verify: (_world, { outputs }) => {
          assert.equal(outputs["pkcs12"], archive);
          return Promise.resolve();
        },
      },
      {
        title: "another encryption",
        give: (_world, inputs) => ({ ...inputs, pkcs12Encryption: "3des" }),
        plan: "update",
        verify: (_world, { outputs }) => {
          assert.notEqual(outputs["pkcs12"], archive);
          return Promise.resolve();
        },
      },
      {
        title: "none any more",
        give: (_world, { name, token }) => ({ name, token }),
        plan: "update",
        verify: (_world, { outputs }) => {
          assert.equal(outputs["pkcs12"], null);
          return Promise.resolve();
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
  ...remoteDirectoryCases,
  ...imageServerCases,
];
