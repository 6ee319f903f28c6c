/** A server whose address is in a stack, and that becomes the first member of a cluster. */
import * as assert from "node:assert/strict";
import { rawRequest } from "../support/raw-request";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

describeWith(["lxd-daemon"], "a real LXD that becomes clustered", () => {
  let server: TestServer;
  let view: ServerView;
  beforeEach(async () => {
    server = await startServer("lxd-daemon");
    view = viewOf(server);
  });
  afterEach(() => server.stop());

  it("under its own name: the resource has to name the member, which replaces it, and the address stays", async () => {
    const stack = new Stack(server.directory);
    const connection = { socketPath: server.socketPath };
    const inputs = { address: `127.0.0.1:${await freePort()}`, connection };
    const alone = await stack.create("HttpsAddress", inputs);
    const { serverName } = alone.outputs as { serverName: string };
    const cluster = { server_name: serverName, enabled: true };
    const { body: started } = await rawRequest(server, "PUT", "/1.0/cluster", cluster);
    const done = (await view.request("GET", `${started.operation}/wait`)) as { status: string };
    assert.equal(done.status, "Success");

    await assert.rejects(
      stack.update(alone, inputs),
      /target: is required, .*Name one of .*\[INPUT_INVALID\]/s,
    );
    const ofMember = { ...inputs, target: serverName };
    assert.equal(await stack.plan(alone, ofMember), "replace");
    const member = await stack.replace(alone, ofMember);
    assert.equal(await view.address(), inputs.address);
    assert.equal(await stack.plan((await stack.refresh(member)) ?? assert.fail(), ofMember), "same");
  });
});
