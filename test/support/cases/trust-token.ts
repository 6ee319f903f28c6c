/** The life of a TrustToken. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties } from "../lifecycle";
import { makePair } from "../openssl-pair";
import { identityTokenCases } from "./identity-token";
import { listening, noClientOf } from "./server-state";
import { tokenContent, tokenLifeCases } from "./token-life";

const certificateTokenCases: LifecycleCase[] = [
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

export const trustTokenCases: readonly LifecycleCase[] = [
  ...certificateTokenCases,
  ...tokenLifeCases,
  ...identityTokenCases,
];
