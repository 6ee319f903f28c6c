/** A call that may only look, as those of `lxd-access drift`: what would change a server is refused, and does no more harm. */
import * as assert from "node:assert/strict";
import { Call } from "../../provider/call";
import { fails, trusted, useConnections } from "./connections";

describe("a call that may only look", () => {
  const { listen, dial } = useConnections();

  for (const [where, isUsedBefore] of [
    ["over a connection that was to be made for it", false],
    ["over one that is there", true],
  ] as const)
    it(`sends no change ${where}, and others go on`, async () => {
      const listener = await listen(trusted);
      const client = dial(listener.port);
      if (isUsedBefore) await client.getServer();
      const change = new Call({ readOnly: true }).run(() => client.deleteCertificate("ab"));
      await fails(change, "BUG", /^Removing the client ab .*: this would change something/);
      assert.equal((await client.getServer({ fresh: true })).auth, "trusted");
      assert.ok(listener.requests.every(({ method }) => method === "GET"));
    });
});
