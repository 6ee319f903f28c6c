/** What cases of several resources ask of a server, or bring about on it. */
import * as assert from "node:assert/strict";
import type { World } from "../lifecycle";
import { profileFor, type ServerKind } from "../servers";

/** LXD 5.0 and Incus have no TLS identities: names of clients may repeat there, and a restricted client cannot remove itself. */
export const hasIdentities = (kind: ServerKind): boolean => ["lxd-5.21", "lxd-6"].includes(profileFor(kind));

/** Makes the server listen. */
export async function listening({ view }: World): Promise<void> {
  await view.listen();
}

/** Says that a client is neither trusted nor invited. */
export const noClientOf =
  (name: string) =>
  async ({ view }: World) => {
    assert.deepEqual(
      (await view.clients()).filter((client) => client.name === name),
      [],
    );
    assert.deepEqual(await view.pendingTokens(), []);
  };
