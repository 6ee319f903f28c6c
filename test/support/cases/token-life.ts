/** What ends a token, or does not: the rest of its life beside what trust-token.ts shows. */
import * as assert from "node:assert/strict";
import type { LifecycleCase, Properties, World } from "../lifecycle";
import { makePair } from "../openssl-pair";
import { hasIdentities, listening, noClientOf } from "./server-state";

const first = makePair("ci");
const second = makePair("ci");

/** What is in a token, as its client reads it. */
export function tokenContent(token: unknown): {
  addresses: string[];
  client_name: string;
  fingerprint: string;
  secret: string;
} {
  return JSON.parse(Buffer.from(String(token), "base64").toString()) as ReturnType<typeof tokenContent>;
}

/** SHA-256 of the certificate that the server has now. */
export async function fingerprintOf({ view }: World): Promise<string> {
  const { environment } = (await view.request("GET", "/1.0")) as {
    environment: { certificate_fingerprint: string };
  };
  return environment.certificate_fingerprint;
}

/** Tokens that are issued from now on expire in an hour. */
export async function expiringInAnHour(world: World): Promise<void> {
  await listening(world);
  await world.view.request("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1H" } });
}

/** The clock of the provider goes two hours ahead, and with `back` comes back. */
export function passTime({ stack }: World, back?: "back"): void {
  stack.now = (): Date => new Date(Date.now() + (back === undefined ? 2 * 3_600_000 : 0));
}

const inputs = ({ connection }: World): Properties => ({
  clientName: "ci",
  projects: ["default"],
  connection,
});
const created: LifecycleCase["created"] = async ({ view }) => {
  assert.deepEqual(await view.pendingTokens(), ["ci"]);
};

export const tokenLifeCases: LifecycleCase[] = [
  {
    title: "expired before anybody came",
    resource: "TrustToken",
    prepare: expiringInAnHour,
    inputs,
    created: async (world, resource) => {
      await created(world, resource);
      const { expiresAt } = resource.outputs;
      const left = Date.parse(String(expiresAt)) - Date.now();
      assert.ok(left > 0 && left <= 3_600_000, `expires at ${String(expiresAt)}`);
    },
    steps: [
      {
        title: "its time passed",
        byHand: (world) => {
          passTime(world);
          return Promise.resolve();
        },
        seen: "changed",
        verify: async (world, resource) => {
          passTime(world, "back");
          await created(world, resource);
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "its client replaced its own certificate, which is the same client still",
    resource: "TrustToken",
    prepare: listening,
    inputs,
    created,
    steps: [
      {
        title: "redeemed",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
        seen: "in sync",
      },
      {
        title: "another certificate",
        byHand: ({ view }) => view.rotateClient(first, second),
        seen: "in sync",
        verify: (_world, { outputs }) => {
          assert.equal(outputs["clientFingerprint"], second.fingerprint);
          return Promise.resolve();
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "the server's certificate replaced while nobody had come",
    resource: "TrustToken",
    ways: ["unix"],
    // The members of a cluster show the cluster's certificate, not their own.
    when: (kind) => kind !== "lxd-cluster",
    prepare: listening,
    inputs,
    created: async (world, resource) => {
      await created(world, resource);
      assert.equal(tokenContent(resource.outputs["token"]).fingerprint, await fingerprintOf(world));
    },
    steps: [
      {
        title: "another certificate",
        byHand: ({ server }) => server.rotateCertificate(),
        seen: "gone",
        verify: async (world, resource) => {
          await created(world, resource);
          const { token, serverFingerprint } = resource.outputs;
          assert.equal(serverFingerprint, await fingerprintOf(world));
          assert.equal(tokenContent(token).fingerprint, serverFingerprint);
        },
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "the server's certificate replaced after its client came, which stays trusted",
    resource: "TrustToken",
    ways: ["unix"],
    when: (kind) => kind !== "lxd-cluster",
    prepare: listening,
    inputs,
    created,
    steps: [
      {
        title: "redeemed",
        byHand: ({ view }, { outputs }) => view.redeem(String(outputs["token"]), first),
        seen: "in sync",
      },
      {
        title: "another certificate",
        byHand: ({ server }) => server.rotateCertificate(),
        seen: "in sync",
      },
    ],
    destroyed: noClientOf("ci"),
  },
  {
    title: "several new clients of its name: none is taken for its own, nor removed with it",
    resource: "TrustToken",
    when: (kind) => !hasIdentities(kind),
    prepare: listening,
    inputs,
    created,
    steps: [
      {
        title: "redeemed, and another client added by hand",
        byHand: async ({ view }, { outputs }) => {
          await view.redeem(String(outputs["token"]), first);
          await view.trust("ci", second.certificate);
        },
        seen: "in sync",
        verify: ({ stack }, { outputs }) => {
          assert.equal(outputs["clientFingerprint"], null);
          assert.equal(outputs["state"], "consumed");
          assert.match(
            stack.messages.join("\n"),
            /warning: .* trusts several new clients named "ci"; none is taken/,
          );
          return Promise.resolve();
        },
      },
    ],
    destroyed: async ({ view, stack }) => {
      const clients = (await view.clients()).filter(({ name }) => name === "ci");
      assert.deepEqual(
        clients.map(({ fingerprint }) => fingerprint).sort(),
        [first.fingerprint, second.fingerprint].sort(),
      );
      assert.match(
        stack.messages.join("\n"),
        /none will be removed with it\. Say which by clientFingerprint/,
      );
    },
  },
];
