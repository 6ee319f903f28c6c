/** A server that says it is the member "a" of a cluster, for what the real one in the tests does not do. */
import * as assert from "node:assert/strict";
import { getServerAddresses } from "../../provider/functions/get-server-addresses";
import { type Double, startDouble } from "../support/double/double";
import { callFunction } from "../support/function-call";
import { rawRequest } from "../support/raw-request";
import { type ServerView, viewOf } from "../support/server-view";
import { Stack } from "../support/stack";

type Shown = Record<"config" | "environment", Record<string, unknown>> & { api_extensions: string[] };

describe("a member of a cluster", () => {
  let double: Double;
  let view: ServerView;
  let stack: Stack;
  let connection: object;
  beforeEach(async () => {
    double = await startDouble("lxd-6", { speed: 5, name: "a" });
    view = viewOf(double);
    stack = new Stack(double.directory);
    connection = { socketPath: double.socketPath };
  });
  afterEach(() => double.stop());

  /** From now on it is one of two members, and not as it was. */
  async function shows(change: (server: Shown) => void): Promise<void> {
    const { body } = await rawRequest(double, "GET", "/1.0");
    const own = body.metadata as Shown;
    own.environment["server_clustered"] = true;
    change(own);
    const other = { ...own, environment: { ...own.environment, server_name: "b" } };
    double.intercept(({ method, path }) => {
      if (method !== "GET" || !/^\/1\.0(\?|$)/.test(path)) return undefined;
      const metadata = path.endsWith("target=b") ? other : own;
      return { status: 200, body: { ...body, metadata } };
    });
  }

  it("with the cluster's listener at an address without a port: what is advised is one that can be given", async () => {
    await view.setAddress("127.0.0.1");
    await shows(({ config }) => (config["cluster.https_address"] = "127.0.0.1"));
    const inputs = { address: "127.0.0.1:8444", target: "a", connection };
    const { message } = await stack.createFails("HttpsAddress", inputs);
    assert.match(message, /that 127\.0\.0\.1 belongs to, such as ":8443".*\[LXD_LOCKOUT\]/s);
  });

  it("with the cluster's listener by a name: the address that clients use may be it", async () => {
    await view.setAddress("127.0.0.1:8443");
    await shows(({ config }) => (config["cluster.https_address"] = "a.example:8443"));
    const inputs = { address: "127.0.0.1:8444", target: "a", connection };
    const { message } = await stack.createFails("HttpsAddress", inputs);
    assert.match(message, /would take the cluster's own listener a\.example:8443 down.*\[LXD_LOCKOUT\]/s);
  });

  it("tells which addresses another one has, where it can", async () => {
    await shows(() => undefined);
    const { addresses } = await callFunction(getServerAddresses, { target: "b", connection });
    assert.ok(addresses.some(({ address }) => address === "127.0.0.1"));
    assert.ok(double.requests.some(({ path }) => path === "/1.0/networks?recursion=1&target=b"));
  });

  it("does not tell its own addresses for another one's, where it cannot", async () => {
    await shows((server) => {
      server.api_extensions = server.api_extensions.filter((name) => name !== "network_get_target");
    });
    await assert.rejects(
      callFunction(getServerAddresses, { target: "b", connection }),
      /of the member "b" of .*without the API extension network_get_target.*\[LXD_EXTENSION_MISSING\]/s,
    );
    const { addresses } = await callFunction(getServerAddresses, { target: "a", connection });
    assert.ok(addresses.some(({ address }) => address === "127.0.0.1"));
    for (const choice of [{ subnet: "127.0.0.0/8" }, { interface: "lo" }]) {
      const { message } = await stack.createFails("HttpsAddress", { ...choice, target: "b", connection });
      assert.match(message, /Connect to the member itself.*\[LXD_EXTENSION_MISSING\]/s);
    }
    assert.ok(
      double.requests.every(({ method }) => method === "GET"),
      "nothing was changed",
    );
  });
});
