/** A server of Incus through SSH, with a real sshd in front of a real daemon. */
import * as assert from "node:assert/strict";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";
import { Stack } from "../support/stack";

describeWith(["incus-daemon", "sshd"], "an Incus server behind SSH", () => {
  let sshd: TestSshd;
  let server: TestServer;
  let view: ServerView;

  before(async () => {
    sshd = await startTestSshd();
    server = await startServer("incus-daemon");
    view = viewOf(server);
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
  });

  it("is exposed, invites a client, and takes back both", async () => {
    const connection = { ssh: { ...sshd.connection, socketPath: server.socketPath } };
    const stack = new Stack(sshd.directory);
    const address = `127.0.0.1:${await freePort()}`;
    const listener = await stack.create("HttpsAddress", { address, connection });
    assert.equal(await view.address(), address);
    const token = await stack.create("TrustToken", { clientName: "ci", projects: ["default"], connection });
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    assert.ok(await stack.refresh(token));
    await stack.destroy(token);
    assert.deepEqual(await view.pendingTokens(), []);
    await stack.destroy(listener);
    assert.equal(await view.address(), "");
    assert.ok(sshd.logins() > 0);
  });
});
