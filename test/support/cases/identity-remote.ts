/** The life of a Remote that joins by the token of a TLS identity, on servers that have them. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties, World } from "../lifecycle";
import { asInputs, makePair, type OpensslPair } from "../openssl-pair";
import { hasIdentities, listening } from "./server-state";

const first = makePair("ci");
const second = makePair("ci");

const invited = async ({ view }: World): Promise<Properties> => ({
  ...{ name: "prod", token: await view.invite("ci", ["g1"]), ...asInputs(first) },
});
const prepare = async (world: World): Promise<void> => {
  await listening(world);
  await world.view.createGroup("g1");
};

/** Says that the identity "ci" has the groups of its invitation, and this key. */
async function isMember({ view }: World, { fingerprint }: OpensslPair): Promise<void> {
  const found = (await view.identities()).find(({ name }) => name === "ci");
  assert.deepEqual([found?.type, found?.groups, found?.id], ["Client certificate", ["g1"], fingerprint]);
}

async function isNobody({ view }: World): Promise<void> {
  const names = (await view.identities()).map(({ name }) => name);
  assert.ok(!names.includes("ci"));
}

export const identityRemoteCases: LifecycleCase[] = [
  {
    title: "joined as an identity, which takes another key, is removed by hand, and leaves by itself",
    resource: "Remote",
    ways: ["unix"],
    when: hasIdentities,
    prepare,
    inputs: invited,
    created: async (world, { outputs }) => {
      assert.equal(outputs["enrolled"], true);
      await isMember(world, first);
      assert.deepEqual(await world.view.clients(), [], "it is no entry of the trust store");
    },
    steps: [
      {
        title: "another pair",
        give: (_world, inputs) => ({ ...inputs, ...asInputs(second) }),
        plan: "update",
        verify: (world) => isMember(world, second),
      },
      {
        title: "removed by hand",
        byHand: async ({ view }) => {
          await view.request("DELETE", "/1.0/auth/identities/tls/ci");
        },
        seen: "changed",
        giveAfter: async ({ view }, inputs) => ({ ...inputs, token: await view.invite("ci", ["g1"]) }),
        verify: (world) => isMember(world, second),
      },
    ],
    destroyed: isNobody,
  },
  {
    title: "an identity already: it spends no token, and stays when the Remote is destroyed",
    resource: "Remote",
    ways: ["unix"],
    when: hasIdentities,
    prepare: async (world) => {
      await prepare(world);
      await world.view.redeem(await world.view.invite("ci", ["g1"]), first);
    },
    inputs: async ({ view }) => ({
      ...{ name: "prod", token: await view.invite("spare", []), ...asInputs(first) },
    }),
    created: async (world, { outputs }) => {
      assert.equal(outputs["enrolled"], false);
      const spare = (await world.view.identities()).find(({ name }) => name === "spare");
      assert.equal(spare?.type, "Client certificate (pending)");
    },
    destroyed: (world) => isMember(world, first),
  },
];
