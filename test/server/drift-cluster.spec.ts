/** What `lxd-access drift` sees of a real cluster of two members, one of which goes down. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "../../cli/drift/report";
import { startTestCluster, type TestCluster } from "../support/cluster";
import { exported, type ExportedResource, seeDrift, short } from "../support/drift";
import { makePair } from "../support/openssl-pair";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

describeWith(["lxd-cluster"], "drift of a cluster", function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  let folder: string;
  const made: ExportedResource[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-drift-"));
    cluster = await startTestCluster();
    const stack = new Stack(folder, "plugin");
    const { a, b } = cluster;
    // Each is reached by way of the other.
    const listener = { address: await a.freeAddress(), target: "a", connection: b.connection };
    made.push({ name: "a", of: await stack.create("HttpsAddress", listener) });
    const token = { clientName: "ci", projects: [], connection: a.connection };
    made.push({ name: "token", of: await stack.create("TrustToken", token) });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  const see = (resources = made): Promise<Observation> =>
    seeDrift(exported("plugin", resources), { directory: folder });

  it("is told of it as one server, and of each member's listener", async () => {
    assert.deepEqual((await see()).findings, []);
    const address = await cluster.b.freeAddress();
    await cluster.b.view.setAddress(address);
    await cluster.a.view.trust("stranger", makePair("stranger").certificate);
    const { servers, findings } = await see();
    const [one, ...others] = servers;
    assert.deepEqual([one?.status, one?.clients, others], ["seen", 1, []]);
    assert.ok([cluster.a.socketPath, cluster.b.socketPath].includes(one?.name ?? ""));
    assert.deepEqual(findings.map(short), [`unmanaged-client stranger`, `unmanaged-listener ${address}`]);
    assert.deepEqual(findings[1]?.found, { address, member: "b" });
  });

  it("hides nothing of the others where a member is down, and says of which it could not be told", async () => {
    await cluster.b.kill();
    const { servers, findings, resources } = await see();
    assert.deepEqual(
      resources.map(({ name, status }) => [name, status]),
      [
        ["a", "unreachable"],
        ["token", "in-sync"],
      ],
    );
    assert.deepEqual(
      servers.map(({ status }) => status),
      ["seen"],
    );
    assert.deepEqual(
      findings.map(({ kind, type, name }) => [kind, type, name]),
      [
        ["unreachable", "HttpsAddress", "a"],
        ["unreachable", "server", "b"],
        ["unmanaged-client", "client", "stranger"],
      ],
    );
  });
});
