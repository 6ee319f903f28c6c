/** Tokens and members of a real cluster: what is done through one member, seen and used at the other. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runClient } from "../support/client-command";
import { startTestCluster, type TestCluster, type TestMember, through } from "../support/cluster";
import { Importer } from "../support/importing";
import { rawRequest } from "../support/raw-request";
import { describeWith } from "../support/skip";
import { type Recorded, Stack } from "../support/stack";

describeWith(["lxd-cluster"], "tokens of a real cluster", () => {
  let cluster: TestCluster;
  let a: TestMember;
  let b: TestMember;
  let stack: Stack;
  let clientDirectory: string;
  before(async () => {
    cluster = await startTestCluster();
    ({ a, b } = cluster);
    stack = new Stack("/nonexistent");
    clientDirectory = mkdtempSync(join(tmpdir(), "lxa-lxc-"));
    for (const member of [a, b]) await member.view.setAddress(await member.freeAddress());
  });
  after(async () => {
    await (cluster as TestCluster | undefined)?.stop();
    if (clientDirectory) rmSync(clientDirectory, { recursive: true, force: true });
  });
  const inSync = async (member: TestMember, resource: Recorded): Promise<Recorded> => {
    const seen = await stack.refresh(through(member, resource));
    assert.ok(seen, `it is there, seen through ${member.name}`);
    assert.equal(await stack.plan(seen, seen.inputs), "same");
    return seen;
  };
  const lxc = (...args: string[]): Promise<string> => runClient("lxd", clientDirectory, ...args);

  it("issued through one member: pending and consumed are in sync through the other, which can take it back", async () => {
    const inputs = { clientName: "ci", projects: ["default"], connection: a.connection };
    const token = await stack.create("TrustToken", inputs);
    assert.deepEqual(token.outputs["addresses"], [await a.view.address()]);
    await inSync(b, token);
    await lxc("remote", "add", "cluster", String(token.outputs["token"]));
    const consumed = await inSync(b, token);
    assert.equal(consumed.outputs["state"], "consumed");
    const [client] = (await a.view.clients()).filter(({ name }) => name === "ci");
    assert.equal(consumed.outputs["clientFingerprint"], client?.fingerprint);
    const widened = await stack.update(consumed, { ...consumed.inputs, projects: [] });
    await inSync(a, widened);
    await stack.destroy(widened);
    assert.deepEqual(
      (await a.view.clients()).filter(({ name }) => name === "ci"),
      [],
    );

    const pending = await stack.create("TrustToken", inputs);
    await stack.destroy(through(b, pending));
    assert.deepEqual(await a.view.pendingTokens(), []);
  });

  it("imported through the other member, it has the secret and the addresses of its issuer, and can be revoked", async () => {
    const importer = new Importer(clientDirectory);
    importer.config = b.connection;
    const token = await a.view.issueToken("found", { restricted: false, projects: [] });
    const found = await importer.take("TrustToken", "certificate/found");
    assert.deepEqual(found.state["addresses"], [await a.view.address()]);
    assert.equal(decoded(found.state["token"])["secret"], decoded(token)["secret"]);
    await importer.destroy(found);
    assert.deepEqual(await a.view.pendingTokens(), []);
  });

  it("a Remote joins by it, and is then trusted by every member", async () => {
    const token = await stack.create("TrustToken", {
      ...{ clientName: "ops", restricted: false, connection: b.connection },
    });
    const remote = await stack.create("Remote", { name: "cluster", token: token.outputs["token"] });
    assert.equal(remote.outputs["address"], await b.view.address());
    await inSync(a, token);
    const { clientCertificate, clientKey } = remote.outputs as Record<
      "clientCertificate" | "clientKey",
      string
    >;
    for (const member of [a, b]) {
      const { body } = await rawRequest(
        { address: await member.view.address(), certificate: clientCertificate, privateKey: clientKey },
        "GET",
        "/1.0",
      );
      assert.equal((body.metadata as { auth: string }).auth, "trusted");
    }
    // Known from one member, found again at the other: the certificate is the cluster's.
    const moved = { ...remote.inputs, addresses: [await a.view.address()] };
    const atA = await stack.update(remote, moved);
    assert.equal(atA.outputs["address"], await a.view.address());
    await stack.destroy(atA);
    assert.deepEqual(
      (await b.view.clients()).filter(({ name }) => name === "ops"),
      [],
    );
    await stack.destroy(token);
  });

  it("a token at another member than its own: LXD 5.0 spends it without letting the client in, others let it in", async () => {
    const { environment } = (await a.view.request("GET", "/1.0")) as {
      environment: { server_version: string };
    };
    const inputs = {
      ...{ clientName: "elsewhere", projects: ["default"], connection: a.connection },
      addresses: [await b.view.address()],
    };
    const token = await stack.create("TrustToken", inputs);
    const join = lxc("remote", "add", "elsewhere", String(token.outputs["token"]));
    const clients = async (): Promise<string[]> =>
      (await a.view.clients()).map(({ name }) => name).filter((name) => name === "elsewhere");
    if (!environment.server_version.startsWith("5.0.")) {
      await join;
      assert.deepEqual(await clients(), ["elsewhere"]);
      const consumed = await inSync(b, token);
      assert.equal(consumed.outputs["state"], "consumed");
      await stack.destroy(consumed);
      assert.deepEqual(await clients(), []);
      return;
    }
    await assert.rejects(join, /Bad certificate add operation data/);
    assert.deepEqual(await clients(), []);
    assert.deepEqual(await a.view.pendingTokens(), [], "spent all the same");
    assert.equal(await stack.refresh(token), undefined, "so it is gone, and the next update issues another");

    const again = await stack.create("TrustToken", inputs);
    const { message } = await stack.createFails("Remote", { name: "lost", token: again.outputs["token"] });
    assert.match(message, /Bad certificate add operation data.*\[LXD_TOKEN_REJECTED\]/s);
    await stack.destroy(again);
  });

  it("a member that does not answer: its token and its address are not gone, and keep keeps them", async () => {
    const token = await stack.create("TrustToken", {
      ...{ clientName: "far", projects: ["default"], connection: b.connection },
    });
    const address = await stack.create("HttpsAddress", {
      ...{ address: await b.view.address(), target: "b", connection: b.connection },
    });
    await b.kill();
    await assert.rejects(stack.refresh(through(a, address)), /\[LXD_UNREACHABLE\]/);
    stack.config = { onUnreachable: "keep" };
    const kept = await stack.refresh(through(a, token));
    stack.config = {};
    // Why the interfaces of another member are not asked for: where there is no API extension, the list is of those here.
    const { body } = await rawRequest({ socketPath: a.socketPath }, "GET", "/1.0");
    const { api_extensions: extensions } = body.metadata as { api_extensions: string[] };
    const networks = await rawRequest({ socketPath: a.socketPath }, "GET", "/1.0/networks?target=b");
    assert.equal(networks.status === 200, !extensions.includes("network_get_target"));
    assert.deepEqual(kept?.outputs, through(a, token).outputs);
    assert.match(stack.messages.join("\n"), /TrustToken .* could not be looked at, what is stored is kept/);
    await b.restart();
    assert.equal(await stack.refresh(through(b, token)), undefined, "lost by the restart");
    await inSync(b, address);
  });

  it("a member that has left: its address is gone, and there is nothing to take back", async () => {
    const inputs = { address: await b.view.address(), target: "b", connection: a.connection };
    const resource = await stack.create("HttpsAddress", inputs);
    await a.view.request("DELETE", "/1.0/cluster/members/b?force=1");
    assert.equal(await stack.refresh(resource), undefined);
    await stack.destroy(resource);
    const { message } = await stack.createFails("HttpsAddress", inputs);
    assert.match(message, /has no member "b"\. It has "a" \[INPUT_INVALID\]/);
  });
});

function decoded(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token), "base64").toString()) as Record<string, unknown>;
}
