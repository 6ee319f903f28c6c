/** Whatever is given as an address or a subnet is taken as node:net and URLs take it, or refused. */
import { strict as assert } from "node:assert";
import { BlockList, isIP, isIPv6 } from "node:net";
import * as fc from "fast-check";
import {
  canonicalListenAddress,
  coversAddress,
  describeListenAddressProblem,
  describeServerAddressProblem,
  dialledAddress,
  formatHostAndPort,
  isWildcard,
  listenIp,
  parseServerAddress,
} from "../../provider/lxd/address";
import { describeSubnetProblem, formatSubnet, isInSubnet, parseSubnet } from "../../provider/lxd/subnet";
import { itFinds } from "../support/faults/finding";
import { endless, mutated } from "../support/faults/hostile-text";
import { requireShowable, type Verdict, withstands } from "../support/faults/withstanding";

const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.constantFrom("::", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "0:0:0:0:0:0:0:0", "2001:DB8::00a0"),
);
const host = fc.oneof(
  fc.ipV4(),
  ipv6.map((address) => `[${address}]`),
  fc.domain(),
  fc.constantFrom("localhost", "lxd", "0.0.0.0", "0x7f.1", "lxd.1", "a_b.example.org.", "XN--MGBA3A4F16A.ir"),
);
const port = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.constantFrom(0, 8443, 65536, 99999)).map(String);
const hostAndPort = fc.oneof(
  host,
  ipv6,
  fc.tuple(fc.oneof(host, fc.constant("")), port).map(([name, number]) => `${name}:${number}`),
);
const url = hostAndPort.map((text) => `https://${text}`);
const subnet = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 33 })).map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 129 })).map(([address, bits]) => `${address}/${bits}`),
  fc.constantFrom("10.0.0.0/8", "10.68.0.0/16", "0.0.0.0/0", "::/0", "fd00:68::/64", "::ffff:10.0.0.0/112"),
);

function listen(value: string): Verdict {
  const canonical = canonicalListenAddress(value);
  assert.equal(canonicalListenAddress(canonical), canonical, "canonical twice");
  const problem = describeListenAddressProblem(value);
  if (problem !== undefined) return { refused: problem };
  const own = /^(?:\[(?<v6>.*)\]|(?<name>[^:]+)):(?<port>[0-9]+)$/.exec(canonical)?.groups;
  assert.ok(own, canonical);
  const number = Number(own["port"]);
  assert.ok(number >= 1 && number <= 65535, canonical);
  if (own["v6"] !== undefined) assert.ok(isIPv6(own["v6"]), canonical);
  assert.ok(coversAddress(value, value) && coversAddress(value, canonical), "it covers itself");
  assert.equal(isWildcard(canonical), isWildcard(value));
  const ip = listenIp(value);
  assert.ok(ip === undefined || isIP(ip) !== 0);
  return "taken";
}

function server(value: string): Verdict {
  assert.equal(dialledAddress(dialledAddress(value)), dialledAddress(value), "dialled twice");
  const problem = describeServerAddressProblem(value);
  if (problem !== undefined) return { refused: problem };
  const place = parseServerAddress(value);
  assert.ok(place);
  // What a URL makes of it is what is connected to.
  const { hostname, port: number, username, pathname } = new URL(`https://${formatHostAndPort(place)}`);
  assert.equal(
    isIPv6(place.host) ? isIPv6(hostname.slice(1, -1)) : hostname,
    isIPv6(place.host) || place.host.toLowerCase(),
  );
  assert.equal(Number(number || 443), place.port);
  assert.equal(username + pathname, "/");
  assert.deepEqual(parseServerAddress(formatHostAndPort(place)), place, "written and read again");
  return "taken";
}

function network(value: string): Verdict {
  const parsed = parseSubnet(value);
  const problem = describeSubnetProblem(value);
  if (parsed === undefined) assert.ok(problem);
  else {
    assert.deepEqual(parseSubnet(formatSubnet(parsed)), parsed, "written and read again");
    const list = new BlockList();
    list.addSubnet(parsed.address, parsed.prefixLength, parsed.family === "inet" ? "ipv4" : "ipv6");
    assert.ok(isInSubnet(parsed.address, parsed));
  }
  return problem === undefined ? "taken" : { refused: problem };
}

const readers: [
  reader: string,
  inputs: fc.Arbitrary<string>,
  read: (value: string) => Verdict,
  valid: string,
][] = [
  ["listen address", mutated(hostAndPort), listen, "[fd00::1]:8443"],
  ["server address", mutated(fc.oneof(hostAndPort, url)), server, "https://[fe80::1%eth0]:8443"],
  ["subnet", mutated(subnet), network, "fd00:68::/64"],
];

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  for (const [reader, inputs, read, valid] of readers) {
    itFinds(`as a ${reader}, generated`, () => withstands(reader, inputs, read));

    itFinds(`as a ${reader}, endless`, () => {
      const texts = endless(valid);
      for (const text of texts) {
        const verdict = read(text);
        if (verdict !== "taken") requireShowable(verdict.refused);
      }
      return Promise.resolve({ kind: "inputs", reader: `${reader} of a megabyte`, cases: texts.length });
    });
  }
});
