/** The life of an HttpsAddress. */
import * as assert from "node:assert/strict";
import type { LifecycleCase } from "../lifecycle";
import { freePort } from "../server-view";
import { listening } from "./server-state";

export const httpsAddressCases: LifecycleCase[] = [
  {
    title: "from not listening, changed, changed by hand, unset by hand",
    resource: "HttpsAddress",
    ways: ["unix"],
    inputs: async ({ connection, member }) => ({
      address: `127.0.0.1:${await freePort()}`,
      connection,
      ...member,
    }),
    created: async ({ view }, { inputs, outputs }) => {
      assert.equal(await view.address(), inputs["address"]);
      assert.deepEqual(outputs["addresses"], [inputs["address"]]);
      assert.equal(outputs["previousAddress"], "");
    },
    steps: [
      {
        title: "another port",
        give: async (_world, inputs) => ({ ...inputs, address: `127.0.0.1:${await freePort()}` }),
        plan: "update",
        verify: async ({ view }, { inputs }) => {
          assert.equal(await view.address(), inputs["address"]);
        },
      },
      {
        title: "another spelling of the same listener",
        give: (_world, inputs) => ({
          ...inputs,
          address: `[${String(inputs["address"]).replace(":", "]:")}`,
        }),
        plan: "same",
      },
      {
        title: "changed by hand",
        byHand: async ({ view }) => view.setAddress(`127.0.0.1:${await freePort()}`),
        seen: "changed",
        verify: async ({ view }, { outputs }) => {
          assert.equal(await view.address(), outputs["resolvedAddress"]);
        },
      },
      { title: "unset by hand", byHand: ({ view }) => view.setAddress(""), seen: "changed" },
    ],
    destroyed: async ({ view }) => {
      assert.equal(await view.address(), "");
    },
  },
  {
    title: "from another address, which destroy puts back",
    resource: "HttpsAddress",
    ways: ["unix"],
    prepare: (world) => listening(world),
    inputs: async ({ connection, member }) => ({
      address: `127.0.0.1:${await freePort()}`,
      connection,
      verify: true,
      ...member,
    }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    destroyed: async ({ view }, { outputs }) => {
      assert.notEqual(outputs["previousAddress"], "");
      assert.equal(await view.address(), outputs["previousAddress"]);
    },
  },
  {
    title: "found as wanted, which destroy leaves",
    resource: "HttpsAddress",
    inputs: async ({ connection, view, member }) => ({ address: await view.listen(), connection, ...member }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    destroyed: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
  },
  {
    title: "changed by someone before destroy, which leaves that",
    resource: "HttpsAddress",
    ways: ["unix"],
    inputs: async ({ connection, member }) => ({
      address: `127.0.0.1:${await freePort()}`,
      connection,
      ...member,
    }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), inputs["address"]);
    },
    beforeDestroy: async ({ view }) => view.setAddress("127.0.0.1:0"),
    destroyed: async ({ view }) => {
      assert.equal(await view.address(), "127.0.0.1:0");
    },
  },
  {
    title: "the very listener in use, widened and put back",
    resource: "HttpsAddress",
    ways: ["https"],
    inputs: ({ connection, admin, member }) => ({
      address: admin?.address.replace("127.0.0.1", "0.0.0.0"),
      connection,
      ...member,
    }),
    created: async ({ view, admin }) => {
      assert.equal(await view.address(), admin?.address.replace("127.0.0.1", "0.0.0.0"));
    },
    destroyed: async ({ view, admin }) => {
      assert.equal(await view.address(), admin?.address);
    },
  },
  {
    title: "by subnet, then by interface, then written out, all of them one listener",
    resource: "HttpsAddress",
    inputs: async ({ connection, view, member }) => ({
      subnet: "127.0.0.0/8",
      port: portOf(await view.listen()),
      connection,
      ...member,
    }),
    created: async ({ view }, { inputs, outputs }) => {
      assert.equal(await view.address(), `127.0.0.1:${String(inputs["port"])}`);
      assert.equal(outputs["resolvedAddress"], await view.address());
    },
    steps: [
      {
        title: "the interface that has the same address",
        give: (_world, { subnet: _dropped, ...inputs }) => ({ ...inputs, interface: "lo" }),
        plan: "update",
        verify: async ({ view }, { inputs }) => {
          assert.equal(await view.address(), `127.0.0.1:${String(inputs["port"])}`);
        },
      },
      {
        title: "the same address, written out",
        give: async ({ view }, { interface: _dropped, port: _too, ...inputs }) => ({
          ...inputs,
          address: await view.address(),
        }),
        plan: "update",
      },
    ],
    destroyed: async ({ view }, { outputs }) => {
      assert.equal(await view.address(), outputs["address"], "found as wanted, so it stays");
    },
  },
  {
    title: "by an IPv6 subnet, moved by hand, put back to nothing",
    resource: "HttpsAddress",
    ways: ["unix"],
    inputs: async ({ connection, member }) => ({
      // One address alone, as other tests give the machine more of them for a while.
      subnet: "::1/128",
      family: "inet6",
      port: await freePort(),
      connection,
      ...member,
    }),
    created: async ({ view }, { inputs }) => {
      assert.equal(await view.address(), `[::1]:${String(inputs["port"])}`);
    },
    steps: [
      {
        title: "another port",
        give: async (_world, inputs) => ({ ...inputs, port: await freePort() }),
        plan: "update",
        verify: async ({ view }, { inputs }) => {
          assert.equal(await view.address(), `[::1]:${String(inputs["port"])}`);
        },
      },
      {
        title: "moved by hand",
        byHand: async ({ view }) => view.setAddress(`127.0.0.1:${await freePort()}`),
        seen: "changed",
        verify: async ({ view }, { inputs }) => {
          assert.equal(await view.address(), `[::1]:${String(inputs["port"])}`);
        },
      },
    ],
    destroyed: async ({ view }) => {
      assert.equal(await view.address(), "");
    },
  },
];

function portOf(address: string): number {
  return Number(address.replace(/^.*:/, ""));
}
