/** What must not happen when setting the address fails: each case leaves the server as it was. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { listeningSockets } from "./facts/listening-sockets";
import { freePort, openHttps, viewOf } from "./server-view";
import { type ServerKind, startServer } from "./servers";
import { Stack } from "./stack";

/** What is on the machine already. */
export interface Surroundings {
  /** A port on which somebody else listens on 127.0.0.1. */
  readonly taken: number;
  /** One on which somebody else listens on [::1] alone. */
  readonly takenV6: number;
  /** The port of the server's own listener for metrics. */
  readonly metrics: number;
}

export interface SetbackCase {
  readonly title: string;
  /** Where to listen: inputs of an HttpsAddress. */
  readonly inputs: (surroundings: Surroundings) => Readonly<Record<string, unknown>>;
  readonly message: RegExp;
  /** Only real servers fail like this. */
  readonly isReal?: true;
  /** Worth a look over every way in. */
  readonly isForEveryWay?: true;
  /** The server is only asked about its interfaces. */
  readonly isUntouched?: true;
}

/** A name that only the servers of the fault suite know, and the address that it means, which no machine has. */
export const elsewhere = { name: "elsewhere.test", address: "198.51.100.77" };

const taken = /Making .* listen on ".*:\d+": .*address already in use.*that was put back \[LXD_REJECTED\]/s;
const notItsOwn = /Making .* listen on ".*": .*cannot assign requested.*that was put back \[LXD_REJECTED\]/s;

export const setbackCases: readonly SetbackCase[] = [
  {
    title: "a port that is taken",
    inputs: ({ taken: port }) => ({ address: `127.0.0.1:${port}` }),
    message: taken,
    isForEveryWay: true,
  },
  {
    title: "every interface, with a port that is taken on one IPv4 address",
    inputs: ({ taken: port }) => ({ address: `:${port}` }),
    message: taken,
    isReal: true,
  },
  {
    title: "every interface, with a port that is taken on one IPv6 address",
    inputs: ({ takenV6: port }) => ({ address: `[::]:${port}` }),
    message: taken,
    isReal: true,
  },
  {
    title: "the port of the server's own listener for metrics",
    inputs: ({ metrics: port }) => ({ address: `127.0.0.1:${port}` }),
    message: taken,
    isReal: true,
  },
  {
    title: "a name that does not resolve",
    inputs: () => ({ address: "lxd.invalid:8443" }),
    message: /Making .* listen on "lxd\.invalid:8443": .*resolve.*that was put back \[LXD_REJECTED\]/s,
    isForEveryWay: true,
  },
  {
    title: "a name of another host",
    inputs: () => ({ address: `${elsewhere.name}:8443` }),
    message: notItsOwn,
    isReal: true,
  },
  {
    title: "an address that another host has",
    inputs: () => ({ address: "10.255.255.1:8443", floating: true }),
    message: /Making .* listen on "10\.255\.255\.1:8443": .*that was put back \[LXD_REJECTED\]/s,
    isForEveryWay: true,
  },
  {
    title: "an address of an interface that has no such one",
    inputs: () => ({ address: "[fe80::68%lo]:8443", floating: true }),
    message: notItsOwn,
    isReal: true,
  },
  {
    title: "an address that the server does not have",
    inputs: () => ({ address: "10.255.255.1:8443" }),
    message:
      /address "10\.255\.255\.1:8443": .* does not have 10\.255\.255\.1\. It has .*127\.0\.0\.1 \(lo\).*\[INPUT_INVALID\]/s,
    isUntouched: true,
  },
  {
    title: "a subnet in which the server has no address",
    inputs: () => ({ subnet: "203.0.113.0/24" }),
    message: /subnet "203\.0\.113\.0\/24": .* has no such address\. It has .*\[INPUT_INVALID\]/s,
    isUntouched: true,
  },
  {
    title: "an interface that the server does not have",
    inputs: () => ({ interface: "nope0" }),
    message: /interface "nope0": .* has no such address\. It has .*\[INPUT_INVALID\]/s,
    isUntouched: true,
  },
];

/** Tries to set an address that cannot be had, from unset and from set, and looks at the server's sockets. */
export async function failToSet(
  theCase: SetbackCase,
  kind: ServerKind,
  from: "unset" | "set",
): Promise<void> {
  const server = await startServer(kind);
  const other = await occupy("127.0.0.1");
  try {
    const view = viewOf(server);
    if (from === "set") await view.listen();
    const before = { address: await view.address(), sockets: listeningSockets(server.pid) };
    const stack = new Stack(server.directory);
    const inputs = { target: server.target, connection: { socketPath: server.socketPath } };
    const place = theCase.inputs({ taken: other.port, takenV6: NaN, metrics: NaN });
    const { message, recorded } = await stack.createFails("HttpsAddress", { ...inputs, ...place });
    assert.match(message, theCase.message);
    assert.equal(recorded, undefined);
    assert.deepEqual({ address: await view.address(), sockets: listeningSockets(server.pid) }, before);

    // And it still works: nothing half-done is in the way.
    const good = `127.0.0.1:${await freePort()}`;
    const resource = await stack.create("HttpsAddress", { ...inputs, address: good });
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

/** Somebody who listens on an address of this machine already, on a port that is free on the others. */
export async function occupy(host: "127.0.0.1" | "::1"): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy());
  const port = await freePort(host);
  server.listen({ host, port, ipv6Only: host === "::1" });
  await once(server, "listening");
  return { server, port };
}
