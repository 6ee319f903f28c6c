/** The life of a TrustToken with groups, on servers that have TLS identities. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties, World } from "../lifecycle";
import { makePair } from "../openssl-pair";
import type { SeenIdentity } from "../server-view";
import { hasIdentities, listening } from "./server-state";
import { expiringInAnHour, fingerprintOf, passTime, tokenContent } from "./token-life";

const first = makePair("ci");
const second = makePair("ci");
const known = makePair("known");

const prepare = async (world: World): Promise<void> => {
  await listening(world);
  for (const name of ["g1", "g2"]) await world.view.createGroup(name);
};
const inputs = ({ connection }: World): Properties => ({ clientName: "ci", groups: ["g1"], connection });

async function identity({ view }: World, wanted = "ci"): Promise<SeenIdentity | undefined> {
  return (await view.identities()).find(({ name }) => name === wanted);
}

/** Says that an identity waits for its client, with these groups. */
async function isPending(world: World, groups: string[], name = "ci"): Promise<void> {
  const found = await identity(world, name);
  assert.deepEqual([found?.type, found?.groups], ["Client certificate (pending)", groups]);
}

async function isActive(world: World, groups: string[], fingerprint: string): Promise<void> {
  const found = await identity(world);
  assert.deepEqual([found?.type, found?.groups, found?.id], ["Client certificate", groups, fingerprint]);
}

const noIdentity =
  (name = "ci") =>
  async (world: World): Promise<void> => {
    assert.equal(await identity(world, name), undefined);
    assert.deepEqual(await world.view.pendingTokens(), []);
  };

export const identityTokenCases: LifecycleCase[] = [
  {
    title: "identity, pending: other groups, readdressed, restarted, changed and revoked by hand, renamed",
    resource: "TrustToken",
    when: hasIdentities,
    prepare,
    inputs,
    created: async (world, { outputs, id }) => {
      assert.equal(id, "identity/ci");
      assert.equal(outputs["state"], "pending");
      await isPending(world, ["g1"]);
      assert.deepEqual(tokenContent(outputs["token"]).addresses, [await world.view.address()]);
      assert.deepEqual(await world.view.pendingTokens(), [], "no operation, whose secret others could read");
    },
    steps: [
      {
        title: "other groups, which need no other token",
        give: (_world, given) => ({ ...given, groups: ["g2", "g1", "g2"] }),
        plan: "update",
        verify: (world) => isPending(world, ["g1", "g2"]),
      },
      {
        title: "no group",
        give: (_world, given) => ({ ...given, groups: [] }),
        plan: "update",
        verify: (world) => isPending(world, []),
      },
      {
        title: "other addresses",
        give: (_world, given) => ({ ...given, addresses: ["lxd.invalid:443"], groups: ["g1"] }),
        plan: "update",
        verify: async (world, { outputs }) => {
          assert.deepEqual(tokenContent(outputs["token"]).addresses, ["lxd.invalid:443"]);
          await isPending(world, ["g1"]);
        },
      },
      {
        title: "kind said",
        give: (_world, given) => ({ ...given, kind: "identity" }),
        plan: "update",
      },
      {
        title: "its groups changed by hand",
        byHand: async ({ view }) => {
          await view.request("PUT", "/1.0/auth/identities/tls/ci", { groups: ["admins"] });
        },
        seen: "changed",
        verify: (world) => isPending(world, ["g1"]),
      },
      {
        title: "revoked by hand",
        byHand: async ({ view }) => {
          await view.request("DELETE", "/1.0/auth/identities/tls/ci");
        },
        seen: "gone",
        verify: (world) => isPending(world, ["g1"]),
      },
      {
        title: "another made by hand in its place",
        byHand: async ({ view }) => {
          await view.request("DELETE", "/1.0/auth/identities/tls/ci");
          await view.invite("ci", ["g1"]);
        },
        seen: "gone",
        verify: async ({ stack }) => {
          assert.match(stack.messages.join("\n"), /left by an interrupted run or no longer of use/);
          return Promise.resolve();
        },
      },
      {
        title: "another name, which no certificate could have",
        give: (_world, given) => ({ ...given, clientName: "-é/ %" }),
        plan: "replace",
        verify: async (world) => {
          await isPending(world, ["g1"], "-é/ %");
          assert.equal(await identity(world), undefined);
        },
      },
    ],
    destroyed: noIdentity("-é/ %"),
  },
  {
    title: "identity, pending: outlives a restart, not its time, nor the server's certificate",
    resource: "TrustToken",
    ways: ["unix"],
    when: hasIdentities,
    prepare: async (world) => {
      await prepare(world);
      await expiringInAnHour(world);
    },
    inputs,
    created: (world) => isPending(world, ["g1"]),
    steps: [
      { title: "restarted", byHand: ({ server }) => server.restart(), seen: "in sync" },
      {
        title: "its time passed",
        byHand: (world) => {
          passTime(world);
          return Promise.resolve();
        },
        seen: "changed",
        verify: async (world) => {
          passTime(world, "back");
          await isPending(world, ["g1"]);
        },
      },
      {
        title: "another certificate of the server",
        byHand: ({ server }) => server.rotateCertificate(),
        seen: "changed",
        verify: async (world, { outputs }) => {
          assert.equal(tokenContent(outputs["token"]).fingerprint, await fingerprintOf(world));
        },
      },
      {
        title: "redeemed",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
        seen: "in sync",
      },
    ],
    destroyed: noIdentity(),
  },
  {
    title: "identity, consumed: stays in sync, other groups, changed by hand, another key, removed",
    resource: "TrustToken",
    when: hasIdentities,
    prepare,
    inputs,
    created: (world) => isPending(world, ["g1"]),
    steps: [
      {
        title: "redeemed",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
        seen: "in sync",
        verify: async (world, { outputs }) => {
          assert.deepEqual([outputs["state"], outputs["clientFingerprint"]], ["consumed", first.fingerprint]);
          await isActive(world, ["g1"], first.fingerprint);
        },
      },
      {
        title: "other groups",
        give: (_world, given) => ({ ...given, groups: ["g2"] }),
        plan: "update",
        verify: (world) => isActive(world, ["g2"], first.fingerprint),
      },
      {
        title: "made an administrator by hand",
        byHand: async ({ view }) => {
          await view.request("PUT", "/1.0/auth/identities/tls/ci", { groups: ["admins", "g2"] });
        },
        seen: "changed",
        verify: (world) => isActive(world, ["g2"], first.fingerprint),
      },
      {
        title: "another certificate, which it gave itself",
        byHand: ({ view }) => view.rotateClient(first, second),
        seen: "in sync",
        verify: async (world, { outputs }) => {
          assert.equal(outputs["clientFingerprint"], second.fingerprint);
          await isActive(world, ["g2"], second.fingerprint);
        },
      },
      {
        title: "removed by hand",
        byHand: async ({ view }) => {
          await view.request("DELETE", "/1.0/auth/identities/tls/ci");
        },
        seen: "gone",
        verify: (world) => isPending(world, ["g2"]),
      },
      {
        title: "redeemed again",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), second),
        seen: "in sync",
      },
    ],
    destroyed: noIdentity(),
  },
  {
    title: "identity, redeemed and destroyed before anybody looked",
    resource: "TrustToken",
    when: hasIdentities,
    prepare,
    inputs,
    created: (world) => isPending(world, ["g1"]),
    beforeDestroy: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
    destroyed: noIdentity(),
  },
  {
    title: "identity, destroyed with revokeClientOnDelete: false, which leaves the client",
    resource: "TrustToken",
    when: hasIdentities,
    prepare,
    inputs: (world) => ({ ...inputs(world), revokeClientOnDelete: false }),
    created: (world) => isPending(world, ["g1"]),
    beforeDestroy: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
    destroyed: (world) => isActive(world, ["g1"], first.fingerprint),
  },
  {
    title: "identity that is trusted already: adopted, its groups as said, left by destroy",
    resource: "TrustToken",
    when: hasIdentities,
    prepare: async (world) => {
      await prepare(world);
      await world.view.redeem(await world.view.invite("ci", []), known);
    },
    inputs: (world) => ({ ...inputs(world), clientFingerprint: known.fingerprint.toUpperCase() }),
    created: async (world, { outputs }) => {
      assert.deepEqual([outputs["token"], outputs["state"]], [null, "consumed"]);
      await isActive(world, ["g1"], known.fingerprint);
    },
    destroyed: (world) => isActive(world, ["g1"], known.fingerprint),
  },
  {
    title: "a certificate token, made an identity's, which replaces it",
    resource: "TrustToken",
    when: hasIdentities,
    prepare,
    inputs: ({ connection }) => ({ clientName: "ci", projects: [], connection }),
    created: async ({ view }) => {
      assert.deepEqual(await view.pendingTokens(), ["ci"]);
    },
    steps: [
      {
        title: "kind said, which is no other",
        give: (_world, given) => ({ ...given, kind: "certificate" }),
        plan: "update",
      },
      {
        title: "groups",
        give: ({ connection }) => ({ clientName: "ci", groups: [], connection }),
        plan: "replace",
        verify: async (world) => {
          await isPending(world, []);
          assert.deepEqual(await world.view.pendingTokens(), []);
        },
      },
    ],
    destroyed: noIdentity(),
  },
];
