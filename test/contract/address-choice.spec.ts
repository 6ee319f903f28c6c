/** Which of a server's addresses a choice means, for servers with more networks than this machine has. */
import * as assert from "node:assert/strict";
import { isAccessError } from "../../provider/errors";
import { LxdClient } from "../../provider/lxd/client";
import { type Choice, resolveListenAddress } from "../../provider/resources/server-addresses";
import { type Double, startDouble } from "../support/double/double";

type Interfaces = Readonly<Record<string, readonly string[]>>;

/** A host as they are: a management network, a storage network, instances' interfaces that come and go. */
const host: Interfaces = {
  lo: ["127.0.0.1/8 local", "::1/128 local"],
  enp5s0: ["10.68.0.11/16 global", "fd00:68::11/64 global", "fe80::1/64 link"],
  enp6s0: ["10.99.0.11/24 global", "fe80::2/64 link"],
  br0: ["fd00:77::1/64 global", "fd00:77::2/64 global"],
  vlan9: ["10.99.0.11/24 global"],
  ib0: ["fe80::3/64 link"],
  veth1234: [],
};

const chosen: readonly (readonly [choice: Choice, address: string])[] = [
  [{ subnet: "10.68.0.0/16" }, "10.68.0.11:8443"],
  [{ subnet: "10.68.0.0/16", port: 443 }, "10.68.0.11:443"],
  [{ subnet: "10.68.0.0/16", family: "inet" }, "10.68.0.11:8443"],
  [{ subnet: "10.0.0.0/8", port: 1, target: "a" }, "several: 10.68.0.11 (enp5s0), 10.99.0.11 (enp6s0)"],
  [{ subnet: "10.99.0.0/24" }, "10.99.0.11:8443"],
  [{ subnet: "10.68.0.11/32" }, "10.68.0.11:8443"],
  [{ subnet: "10.68.0.12/32" }, "none"],
  [{ subnet: "fd00:68::/32" }, "[fd00:68::11]:8443"],
  [{ subnet: "fd00::/8" }, "several: fd00:68::11 (enp5s0), fd00:77::1 (br0), fd00:77::2 (br0)"],
  [{ subnet: "fd00:77::2/128", port: 9 }, "[fd00:77::2]:9"],
  [{ subnet: "fe80::/10" }, "none"],
  [{ subnet: "0.0.0.0/0" }, "several: 10.68.0.11 (enp5s0), 10.99.0.11 (enp6s0)"],
  [{ subnet: "127.0.0.0/8" }, "127.0.0.1:8443"],
  [{ subnet: "::1/128" }, "[::1]:8443"],
  [{ interface: "enp5s0" }, "10.68.0.11:8443"],
  [{ interface: "enp5s0", family: "inet6" }, "[fd00:68::11]:8443"],
  [{ interface: "enp6s0", family: "inet6" }, "none"],
  [{ interface: "br0" }, "several: fd00:77::1 (br0), fd00:77::2 (br0)"],
  [{ interface: "br0", family: "inet" }, "none"],
  [{ interface: "vlan9", port: 65535 }, "10.99.0.11:65535"],
  [{ interface: "ib0" }, "none"],
  [{ interface: "veth1234" }, "none"],
  [{ interface: "lo" }, "127.0.0.1:8443"],
  [{ interface: "lo", family: "inet6" }, "[::1]:8443"],
  [{ interface: "nope" }, "none"],
];

describe("which of a server's addresses is meant", () => {
  let double: Double;
  let client: LxdClient;
  before(async () => {
    // One that can tell of the members of its cluster, too.
    double = await startDouble("lxd-6");
    client = new LxdClient({ kind: "unix", socketPath: double.socketPath }, { connect: 5, request: 5 });
  });
  after(async () => {
    await client.close();
    await double.stop();
  });
  beforeEach(() => {
    has(host);
  });

  /** The server has these interfaces from now on; one without addresses has gone since it was listed. */
  function has(interfaces: Interfaces): void {
    const answer = (metadata: unknown): { status: number; body: unknown } => ({
      status: 200,
      body: { type: "sync", status: "Success", status_code: 200, metadata },
    });
    double.intercept(({ path }) => {
      const name = /^\/1\.0\/networks\/([^/?]+)\/state/.exec(path)?.[1];
      if (name === undefined)
        return /^\/1\.0\/networks(\?|$)/.test(path)
          ? answer(Object.keys(interfaces).map((each) => ({ name: each })))
          : undefined;
      const addresses = interfaces[name] ?? [];
      if (addresses.length === 0)
        return {
          status: 404,
          body: { type: "error", error_code: 404, error: "Network interface not found", metadata: null },
        };
      return answer({
        addresses: addresses.map((text) => {
          const [, address, netmask, scope] = /^(.*)\/(\d+) (.*)$/.exec(text) ?? [];
          return { family: address?.includes(":") ? "inet6" : "inet", address, netmask, scope };
        }),
      });
    });
  }

  /** The address, or what the error says of the server's addresses. */
  async function outcome(choice: Choice): Promise<string> {
    try {
      return await resolveListenAddress(client, choice);
    } catch (error) {
      assert.ok(isAccessError(error, "INPUT_INVALID"), String(error));
      const several = /has several such addresses: (.*)\. Say which/.exec(error.message)?.[1];
      if (several !== undefined) return `several: ${several}`;
      assert.match(
        error.message,
        /has no such address\. It has 127\.0\.0\.1 \(lo\), ::1 \(lo\), 10\.68\.0\.11 \(enp5s0\), /,
      );
      return "none";
    }
  }

  for (const [choice, address] of chosen) {
    it(`${JSON.stringify(choice)}: ${address}`, async () => {
      assert.equal(await outcome(choice), address);
    });
  }

  it("is the same, however the server orders its interfaces", async () => {
    has(Object.fromEntries(Object.entries(host).reverse()));
    const plain = chosen.filter(([, address]) => !/^(several|none)/.test(address));
    for (const [choice, address] of plain) assert.equal(await outcome(choice), address);
  });

  it("the one that was chosen before, while the server has it, whatever has come beside it", async () => {
    const subnet = { subnet: "10.0.0.0/8", port: 443 };
    assert.equal(await resolveListenAddress(client, subnet, "10.99.0.11:8443"), "10.99.0.11:443");
    assert.equal(
      await resolveListenAddress(client, { interface: "br0" }, "[fd00:77::2]:8443"),
      "[fd00:77::2]:8443",
    );
    await assert.rejects(
      resolveListenAddress(client, subnet, "10.68.0.99:443"),
      /has several such addresses/,
    );
    await assert.rejects(resolveListenAddress(client, subnet, ":443"), /has several such addresses/);
  });

  it("an address that is given: the server's own, or floating, or a name, or every interface; nothing is asked in vain", async () => {
    assert.equal(await outcome({ address: "10.99.0.11" }), "10.99.0.11");
    assert.equal(await outcome({ address: "127.1.2.3:8443" }), "127.1.2.3:8443");
    assert.equal(await outcome({ address: "[FD00:68:0::11]:1" }), "[FD00:68:0::11]:1");
    await assert.rejects(
      resolveListenAddress(client, { address: "10.99.0.12", target: "b" }),
      /address "10\.99\.0\.12": the member "b" of .* does not have 10\.99\.0\.12\. It has .*floating: true.*\[INPUT_INVALID\]/s,
    );
    double.requests.length = 0;
    for (const address of ["10.99.0.12:8443", ":8443", "0.0.0.0", "[::]:1", "lxd.example.org"])
      assert.equal(await outcome({ address, floating: address.startsWith("10.") }), address);
    assert.equal(double.requests.length, 0);
  });
});
