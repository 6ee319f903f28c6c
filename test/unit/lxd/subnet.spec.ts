import * as assert from "node:assert/strict";
import { BlockList } from "node:net";
import * as fc from "fast-check";
import { describeSubnetProblem, formatSubnet, isInSubnet, parseSubnet } from "../../../provider/lxd/subnet";

const slash = (address: fc.Arbitrary<string>, bits: number): fc.Arbitrary<string> =>
  fc.tuple(address, fc.integer({ min: 0, max: bits })).map(([ip, length]) => `${ip}/${length}`);
const subnets = fc.oneof(slash(fc.ipV4(), 32), slash(fc.ipV6(), 128));

describe("a subnet", () => {
  const read: [text: string, written: string][] = [
    ["10.68.0.0/16", "10.68.0.0/16"],
    ["10.68.3.4/16", "10.68.0.0/16"],
    ["192.0.2.129/25", "192.0.2.128/25"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.1/32", "10.0.0.1/32"],
    ["fd00:68:0:0::/64", "fd00:68::/64"],
    ["FD00:68::1/64", "fd00:68::/64"],
    ["fd00::ffff/113", "fd00::8000/113"],
    ["::/0", "::/0"],
    ["::1/128", "::1/128"],
    ["::ffff:10.0.0.1/120", "::ffff:a00:0/120"],
  ];
  for (const [text, written] of read) {
    it(`is read from ${text} as ${written}`, () => {
      const subnet = parseSubnet(text);
      assert.ok(subnet);
      assert.equal(formatSubnet(subnet), written);
      assert.equal(describeSubnetProblem(written), undefined);
    });
  }

  const refused = [
    ["", "/", "/16", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/016", "10.0.0.0/1 "],
    ["10.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0/16/8", " 10.0.0.0/16", "example.org/16", "10.0.0.0/1e1"],
    ["fd00::/129", "[fd00::]/64", "fe80::%eth0/64", "fd00:::/64"],
  ].flat();
  for (const text of refused) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(parseSubnet(text), undefined);
      assert.match(describeSubnetProblem(text) ?? "", /^must be a subnet such as /);
    });
  }

  it("with bits behind its prefix is refused, and the right one named, which is accepted", () => {
    assert.equal(
      describeSubnetProblem("10.68.3.4/16"),
      'has bits set behind its prefix: "10.68.0.0/16" is the subnet',
    );
    fc.assert(
      fc.property(subnets, (text) => {
        const named = /"(.*)"/.exec(describeSubnetProblem(text) ?? `"${text}"`)?.[1] ?? "";
        assert.equal(describeSubnetProblem(named), undefined);
      }),
    );
  });

  it("holds the addresses that the system's own list of blocks says it holds", () => {
    fc.assert(
      fc.property(subnets, fc.ipV4(), fc.ipV6(), (text, ipv4, ipv6) => {
        const subnet = parseSubnet(text);
        assert.ok(subnet);
        const [address = "", length = ""] = text.split("/");
        const list = new BlockList();
        const isFour = !address.includes(":");
        list.addSubnet(address, Number(length), isFour ? "ipv4" : "ipv6");
        const within = isFour ? ipv4 : ipv6;
        assert.equal(isInSubnet(within, subnet), list.check(within, isFour ? "ipv4" : "ipv6"));
        assert.equal(isInSubnet(isFour ? ipv6 : ipv4, subnet), false, "never one of the other family");
        assert.equal(isInSubnet(address, subnet), true, "it holds the address it was written with");
      }),
    );
  });

  it("is never read from what is none, and nothing fails", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("/"));
        assert.equal(parseSubnet(text), undefined);
      }),
    );
  });
});
