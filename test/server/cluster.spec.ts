/** A real cluster of two members: each has a listener of its own, and is reached through any of them. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getServer } from "../../provider/functions/get-server";
import { getServerAddresses } from "../../provider/functions/get-server-addresses";
import { startTestCluster, type TestCluster, type TestMember, through } from "../support/cluster";
import { listeningSockets } from "../support/facts/listening-sockets";
import { callFunction } from "../support/function-call";
import { Importer } from "../support/importing";
import { rawRequest } from "../support/raw-request";
import { freePort, openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

/** What each member says of itself, asked through the other one, and where it really listens. */
async function everything({ a, b }: TestCluster): Promise<unknown> {
  const held = async (asked: TestMember, about: TestMember): Promise<string> => {
    const { config } = (await asked.view.request("GET", `/1.0?target=${about.name}`)) as {
      config: Record<string, string | undefined>;
    };
    return config["core.https_address"] ?? "";
  };
  return {
    a: { held: await held(b, a), sockets: listeningSockets(a.pid()) },
    b: { held: await held(a, b), sockets: listeningSockets(b.pid()) },
  };
}

describeWith(["lxd-cluster"], "a real cluster whose members have listeners of their own", () => {
  let cluster: TestCluster;
  let a: TestMember;
  let b: TestMember;
  let stack: Stack;
  before(async () => {
    cluster = await startTestCluster();
    ({ a, b } = cluster);
    stack = new Stack("/nonexistent");
  });
  after(() => (cluster as TestCluster | undefined)?.stop());
  beforeEach(() => void (stack.messages.length = 0));

  it("imports a member's listener through the other one, and lists the members where none is named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lxa-import-"));
    try {
      const importer = new Importer(folder, () => everything(cluster));
      importer.config = a.connection;
      const address = await b.freeAddress();
      await b.view.setAddress(address);
      const found = await importer.take("HttpsAddress", "core.https_address@b");
      assert.deepEqual([found.id, found.args], ["core.https_address@b", { address, target: "b" }]);
      await importer.isAsCreated(found);
      await importer.destroyLeavesAll(found);
      await importer.findsNothing("HttpsAddress", "core.https_address@a");
      const message = await importer.refusal("HttpsAddress", "core.https_address");
      assert.match(
        message,
        /every member has a listener of its own\. Name one of "a", "b" \[INPUT_INVALID\]/,
      );
    } finally {
      rmSync(folder, { recursive: true });
      await b.view.setAddress("");
    }
  });

  it("an address for each member, set through one of them, changed by hand, mended through the other", async () => {
    const before = await everything(cluster);
    const [ofA, ofB] = [await a.freeAddress(), await b.freeAddress()];
    const onA = await stack.create("HttpsAddress", { address: ofA, target: "a", connection: a.connection });
    const inputs = { address: ofB, target: "b", connection: a.connection };
    const onB = await stack.create("HttpsAddress", inputs);
    const both = {
      a: { held: ofA, sockets: [ofA, a.clusterAddress].sort() },
      b: { held: ofB, sockets: [ofB, b.clusterAddress].sort() },
    };
    assert.deepEqual(await everything(cluster), both);
    assert.deepEqual([onA.id, onB.id], ["core.https_address@a", "core.https_address@b"]);
    assert.deepEqual([onA.outputs["serverName"], onB.outputs["serverName"]], ["a", "b"]);
    assert.deepEqual([onA.outputs["addresses"], onB.outputs["addresses"]], [[ofA], [ofB]]);
    assert.equal(
      onA.outputs["serverFingerprint"],
      onB.outputs["serverFingerprint"],
      "the cluster has one certificate",
    );

    const byHand = await b.freeAddress();
    await b.view.setAddress(byHand);
    const seen = await stack.refresh(through(b, onB));
    assert.ok(seen);
    assert.equal(seen.outputs["address"], byHand);
    assert.equal(await stack.plan(seen, seen.inputs), "update");
    const other = await stack.refresh(through(b, onA));
    assert.ok(other);
    assert.equal(await stack.plan(other, other.inputs), "same", "the other member's is not concerned");

    const mended = await stack.update(seen, seen.inputs);
    assert.deepEqual(await everything(cluster), both);
    assert.equal(await stack.plan(mended, { ...mended.inputs, target: "a" }), "replace");

    await stack.destroy(mended);
    assert.deepEqual(await everything(cluster), { ...both, b: (before as typeof both).b });
    await stack.destroy(onA);
    assert.deepEqual(await everything(cluster), before);
    await stack.destroy(onA);
  });

  it("by subnet and interface, the target's own, by the member itself or one that can tell", async () => {
    const port = await freePort();
    const choice = { subnet: "127.0.0.0/8", port, target: "b", connection: b.connection };
    const resource = await stack.create("HttpsAddress", choice);
    assert.equal(await b.view.address(), `127.0.0.1:${port}`);
    assert.equal(await a.view.address(), "");
    const same = await stack.update(resource, {
      interface: "lo",
      port,
      target: "b",
      connection: b.connection,
    });

    const throughA = { ...same.inputs, connection: a.connection };
    const { api_extensions: extensions } = (await a.view.request("GET", "/1.0")) as {
      api_extensions: string[];
    };
    if (extensions.includes("network_get_target")) {
      await stack.update(same, throughA);
    } else {
      const cannotTell =
        /Listing the network interfaces of the member "b" of .*only this member itself.*Connect to the member itself.*\[LXD_EXTENSION_MISSING\]/s;
      await assert.rejects(stack.update(same, throughA), cannotTell);
      await assert.rejects(
        callFunction(getServerAddresses, { target: "b", connection: a.connection }),
        cannotTell,
      );
      const seen = await stack.refresh(through(a, same));
      assert.equal(seen?.outputs["resolvedAddress"], `127.0.0.1:${port}`, "what is stored stays");
      assert.match(
        stack.messages.join("\n"),
        /warning: .*only this member itself can tell.*is kept in state/,
      );
    }
    await stack.destroy(same);
    assert.equal(await b.view.address(), "");
  });

  it("no target, or an unknown one: the members are listed, and nothing is touched", async () => {
    const before = await everything(cluster);
    const address = await a.freeAddress();
    const nowhere = await stack.createFails("HttpsAddress", { address, connection: a.connection });
    assert.match(
      nowhere.message,
      /target: is required, as .* is clustered and every member has a listener of its own\. Name one of "a", "b" \[INPUT_INVALID\]/,
    );
    const strange = { address, target: "zz", connection: b.connection };
    const unknown = await stack.createFails("HttpsAddress", strange);
    const pattern = /target: the cluster of .* has no member "zz"\. It has "a", "b" \[INPUT_INVALID\]/;
    assert.match(unknown.message, pattern);
    await assert.rejects(callFunction(getServer, { target: "zz", connection: a.connection }), pattern);
    await assert.rejects(
      callFunction(getServerAddresses, { target: "zz", connection: a.connection }),
      pattern,
    );
    assert.deepEqual(await everything(cluster), before);
  });

  it("a change that fails on a member leaves it as it was, whatever went wrong", async () => {
    const taken = createServer();
    const held = await b.freeAddress();
    const [host = "", port = ""] = held.split(":");
    await new Promise<void>((resolve) => taken.unref().listen(Number(port), host, resolve));
    const first = await stack.create("HttpsAddress", {
      ...{ address: await b.freeAddress(), target: "b", connection: a.connection },
    });
    const before = await everything(cluster);
    try {
      const busy = { ...first.inputs, address: held };
      await assert.rejects(
        stack.update(first, busy),
        /address already in use.*that was put back \[LXD_REJECTED\]/s,
      );
      assert.deepEqual(await everything(cluster), before);
      const foreign = { ...first.inputs, address: "10.255.255.1:8443" };
      // Where only the member itself can tell what it has, it decides: the failure is put back.
      await assert.rejects(
        stack.update(first, foreign),
        /Making .* listen on "10\.255\.255\.1:8443": .*that was put back \[LXD_REJECTED\]|the member "b" of .* does not have 10\.255\.255\.1\. It has .*127\.0\.0\.1 \(lo\).*\[INPUT_INVALID\]/s,
      );
      assert.deepEqual(await everything(cluster), before);
      await assert.rejects(
        stack.update(first, { ...foreign, connection: b.connection }),
        /the member "b" of .* does not have 10\.255\.255\.1\. It has .*127\.0\.0\.1 \(lo\).*\[INPUT_INVALID\]/s,
      );
      assert.deepEqual(await everything(cluster), before);
    } finally {
      taken.close();
    }
    await stack.destroy(first);
  });

  it("a token of a member that does not listen for clients is refused, though the cluster's listener is there", async () => {
    const inputs = { clientName: "ci", projects: ["default"], connection: a.connection };
    const { message } = await stack.createFails("TrustToken", inputs);
    assert.match(message, /does not listen on the network.*dependsOn.*\[LXD_REJECTED\]/s);
  });

  it("getServer tells of the member that is meant, through any, and getServerAddresses of the one that is reached", async () => {
    const address = await b.freeAddress();
    await b.view.setAddress(address);
    for (const { connection } of [a, b]) {
      const ofB = await callFunction(getServer, { target: "b", connection });
      assert.deepEqual([ofB.serverName, ofB.address, ofB.addresses], ["b", address, [address]]);
      assert.deepEqual([ofB.clustered, ofB.members], [true, ["a", "b"]]);
    }
    const { addresses } = await callFunction(getServerAddresses, { target: "b", connection: b.connection });
    assert.ok(addresses.some((one) => one.address === "127.0.0.1" && one.interface === "lo"));
    const own = await callFunction(getServer, { connection: a.connection });
    assert.deepEqual([own.serverName, own.address], ["a", ""]);
    await b.view.setAddress("");
  });

  it("over the network to another member: its last listener goes, as the way in stays", async () => {
    await a.view.setAddress(await a.freeAddress());
    const { connection } = await openHttps(a);
    const inputs = { address: await b.freeAddress(), target: "b", connection };
    const onB = await stack.create("HttpsAddress", inputs);
    assert.equal(await b.view.address(), inputs.address);
    await stack.destroy(onB);
    assert.equal(await b.view.address(), "");

    const own = { address: await a.view.address(), target: "a", connection };
    const onA = await stack.create("HttpsAddress", own);
    const fromNothing = { ...onA, outputs: { ...onA.outputs, previousAddress: "" } };
    await assert.rejects(
      stack.destroy(fromNothing),
      /Unsetting core\.https_address on the member "a" of .*last way in from here.*\[LXD_LOCKOUT\]/s,
    );
    assert.equal(await a.view.address(), own.address);
    await a.view.setAddress("");
  });

  it("the listener of the cluster is not taken away: neither unset, nor moved, nor put back to another", async () => {
    const separate = await b.freeAddress();
    await b.view.setAddress(separate);
    const inputs = { address: b.clusterAddress, target: "b", connection: a.connection };
    const joined = await stack.create("HttpsAddress", inputs);
    assert.equal(joined.outputs["previousAddress"], separate);
    const fromNothing = { ...joined, outputs: { ...joined.outputs, previousAddress: "" } };
    const before = await everything(cluster);
    assert.deepEqual(listeningSockets(b.pid()), [b.clusterAddress], "one listener for both");

    const refusal =
      /(Uns|S)etting core\.https_address .*would take the cluster's own listener .* down: .* serves both.*retainOnDelete.*\[LXD_LOCKOUT\]/s;
    await assert.rejects(stack.destroy(joined), refusal);
    await assert.rejects(stack.destroy(fromNothing), refusal);
    await assert.rejects(stack.update(joined, { ...inputs, address: await b.freeAddress() }), refusal);
    const port = b.clusterAddress.replace(/^.*:/, "");
    // What a name means is the server's affair; this one is another address than the cluster's.
    await assert.rejects(stack.update(joined, { ...inputs, address: `localhost:${port}` }), refusal);
    assert.deepEqual(await everything(cluster), before);

    const widened = await stack.update(joined, { ...inputs, address: `:${port}` });
    assert.deepEqual(listeningSockets(b.pid()), [`*:${port}`]);
    await assert.rejects(stack.destroy(widened), refusal, "every interface holds the cluster's address too");
    const narrowed = await stack.update(widened, inputs);
    assert.deepEqual(await everything(cluster), before);

    // What this refuses, done by hand: why it does. And set back, as a refresh and an update over its own socket would.
    await b.view.setAddress(separate);
    const asked = await rawRequest({ socketPath: a.socketPath }, "GET", "/1.0?target=b");
    assert.match(asked.body.error, /connection refused/, "the other member cannot reach it");
    const seen = await stack.refresh(through(b, narrowed));
    assert.ok(seen);
    await stack.update(seen, seen.inputs);
    assert.deepEqual(await everything(cluster), before);
  });
});
