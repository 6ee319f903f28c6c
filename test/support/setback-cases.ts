/** What must not happen when setting the address fails: each case leaves the server as it was. */
import * as assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { listeningSockets } from "./facts/listening-sockets";
import { freePort, openHttps, viewOf } from "./server-view";
import { type ServerKind, startServer } from "./servers";
import { Stack } from "./stack";

export interface SetbackCase {
  readonly title: string;
  /** The address to ask for; `taken` is one that something else listens on. */
  readonly address: (taken: string) => string;
  readonly floating?: boolean;
  readonly message: RegExp;
}

export const setbackCases: readonly SetbackCase[] = [
  {
    title: "a port that is taken",
    address: (taken) => taken,
    message:
      /Making .* listen on "127\.0\.0\.1:\d+": .*address already in use.*that was put back \[LXD_REJECTED\]/s,
  },
  {
    title: "a name that does not resolve",
    address: () => "lxd.invalid:8443",
    message: /Making .* listen on "lxd\.invalid:8443": .*resolve.*that was put back \[LXD_REJECTED\]/s,
  },
  {
    title: "an address that another host has",
    address: () => "10.255.255.1:8443",
    floating: true,
    message: /Making .* listen on "10\.255\.255\.1:8443": .*that was put back \[LXD_REJECTED\]/s,
  },
  {
    title: "an address that the server does not have, refused before the listener is touched",
    address: () => "10.255.255.1:8443",
    message:
      /address "10\.255\.255\.1:8443": .* does not have 10\.255\.255\.1\. It has .*127\.0\.0\.1 \(lo\).*\[INPUT_INVALID\]/s,
  },
];

/** Tries to set an address that cannot be had, from unset and from set, and looks at the server's sockets. */
export async function failToSet(
  theCase: SetbackCase,
  kind: ServerKind,
  from: "unset" | "set",
): Promise<void> {
  const server = await startServer(kind);
  const other = await occupied();
  try {
    const view = viewOf(server);
    if (from === "set") await view.listen();
    const before = { address: await view.address(), sockets: listeningSockets(server.pid) };
    const stack = new Stack(server.directory);
    const inputs = {
      address: theCase.address(other.address),
      floating: theCase.floating ?? false,
      target: server.target,
      connection: { socketPath: server.socketPath },
    };
    const { message, recorded } = await stack.createFails("HttpsAddress", inputs);
    assert.match(message, theCase.message);
    assert.equal(recorded, undefined);
    assert.deepEqual({ address: await view.address(), sockets: listeningSockets(server.pid) }, before);

    // And it still works: nothing half-done is in the way.
    const good = `127.0.0.1:${await freePort()}`;
    const resource = await stack.create("HttpsAddress", { ...inputs, address: good, floating: false });
    assert.equal(await view.address(), good);
    await stack.destroy(resource);
    assert.deepEqual({ address: await view.address(), sockets: listeningSockets(server.pid) }, before);
  } finally {
    other.server.close();
    await server.stop();
  }
}

/** Over the very listener that is changed: what cannot be reached from here is taken back, the last way in stays. */
export async function noLockout(kind: ServerKind): Promise<void> {
  const server = await startServer(kind);
  try {
    const view = viewOf(server);
    const { address, connection } = await openHttps(server);
    const stack = new Stack(server.directory);
    const inputs = { address, target: server.target, connection };
    const resource = await stack.create("HttpsAddress", inputs);

    await view.setAddress("");
    const opened = await stack.createFails("HttpsAddress", inputs);
    assert.match(opened.message, /ECONNREFUSED.*LXD_UNREACHABLE/s);
    await view.setAddress(address);

    // Found listening, so destroy leaves it; set from nothing, destroy would shut the door behind itself.
    const fromNothing = { ...resource, outputs: { ...resource.outputs, previousAddress: "" } };
    await assert.rejects(stack.destroy(fromNothing), /last way in from here.*LXD_LOCKOUT/s);
    assert.equal(await view.address(), address);
    const allowed = { ...resource.inputs, allowLockout: true };
    const forced = await stack.update(resource, allowed);
    await stack.destroy({ ...forced, outputs: { ...forced.outputs, previousAddress: "" } });
    assert.equal(await view.address(), "");
  } finally {
    await server.stop();
  }
}

async function occupied(): Promise<{ server: Server; address: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, address: `127.0.0.1:${address.port}` };
}
