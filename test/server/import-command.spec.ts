/** `lxd-access import` on real daemons, over their sockets and over HTTPS, after the real clients have set things up. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ResourceName } from "../../provider/registry";
import { needsClient, runClient } from "../support/client-command";
import { startTestCluster, type TestCluster } from "../support/cluster";
import { type CommandRun, entriesIn, runImport, saidInTypescript } from "../support/import-command";
import { useImportStage } from "../support/importing";
import { makePair } from "../support/openssl-pair";
import { describeWith } from "../support/skip";

const ci = makePair("ci");

for (const [kind, flavor] of [
  ["lxd-daemon", "lxd"],
  ["incus-daemon", "incus"],
] as const) {
  describeWith([kind], `lxd-access import on a real ${kind}`, () => {
    before(needsClient(flavor));
    const on = useImportStage(kind);
    let out: string;
    let configDir: string;
    beforeEach(async () => {
      out = mkdtempSync(join(tmpdir(), "lxa-import-out-"));
      configDir = join(on.importer.folder, "client");
      mkdirSync(configDir);
      await on.view.listen();
      const token = await on.view.issueToken("laptop", { restricted: false, projects: [] });
      await runClient(flavor, configDir, "remote", "add", "prod", token);
      await on.view.trust("ci", ci.certificate);
      await on.view.issueToken("guest", { restricted: true, projects: ["default"] });
    });
    afterEach(() => {
      rmSync(out, { recursive: true });
    });

    /** Every entry is as the handler imports it, which finds nothing to do then, and a destroy leaves what was trusted. */
    const isRight = async (): Promise<void> => {
      const said = saidInTypescript(readFileSync(join(out, "access.ts"), "utf8"));
      for (const { type, id, name, inputs: { __provider: _provider, ...inputs } = {} } of entriesIn(out)) {
        const taken = await on.importer.take(type.split(":").at(-1) as ResourceName, id);
        assert.deepEqual(inputs, taken.args);
        assert.deepEqual(said.find((one) => one.name === name)?.inputs, inputs);
        if (taken.state["state"] !== "pending") await on.importer.destroyLeavesAll(taken);
      }
    };
    const namesOf = ({ code, err }: CommandRun): string[] => {
      assert.equal(code, 0, err);
      return entriesIn(out).map(({ name }) => name);
    };

    it("takes it over its socket, and the remote of the real client", async () => {
      const environment = { LXD_ACCESS_SOCKET_PATH: on.server.socketPath };
      const run = await runImport(out, environment, "--config-dir", configDir);
      const images = flavor === "incus" ? ["remote-images"] : [];
      assert.deepEqual(namesOf(run), [
        "listener",
        "client-ci",
        "client-laptop",
        "token-guest",
        ...images,
        "remote-prod",
      ]);
      await isRight();
    });

    it("takes it over HTTPS by a remote, and leaves out that remote's own client", async () => {
      const environment = { LXD_CONF: configDir, INCUS_CONF: configDir };
      const run = await runImport(out, environment, "--remote", "prod", "--no-remotes");
      assert.deepEqual(namesOf(run), ["prod-listener", "prod-client-ci", "prod-token-guest"]);
      assert.match(run.err, /the client "laptop" .*: it is the connection's own client/);
      on.importer.environment = environment;
      await isRight();
    });
  });
}

describeWith(["lxd-cluster"], "lxd-access import on a real cluster", () => {
  let cluster: TestCluster;
  let out: string;
  before(async () => {
    out = mkdtempSync(join(tmpdir(), "lxa-import-out-"));
    cluster = await startTestCluster();
  });
  after(async () => {
    await cluster.stop();
    rmSync(out, { recursive: true });
  });

  it("takes the listener of each member", async () => {
    const { a, b } = cluster;
    for (const member of [a, b]) await member.view.setAddress(await member.freeAddress());
    const environment = { LXD_ACCESS_SOCKET_PATH: a.socketPath };
    const run = await runImport(out, environment, "--no-remotes");
    assert.equal(run.code, 0, run.err);
    assert.deepEqual(
      entriesIn(out).map(({ name, id }) => [name, id]),
      ["a", "b"].map((name) => [`listener-${name}`, `core.https_address@${name}`]),
    );
  });
});
