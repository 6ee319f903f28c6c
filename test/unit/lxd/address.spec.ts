import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  canonicalListenAddress,
  coversAddress,
  describeListenAddressProblem,
  describeServerAddressProblem,
  formatHostAndPort,
  isWildcard,
  listenIp,
  parseServerAddress,
} from "../../../provider/lxd/address";

const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 1, max: 65535 });
/** A host as it is written beside a port. */
const bracketed = (name: string): string => (name.includes(":") ? `[${name}]` : name);

describe("the address of a server", () => {
  const read: [text: string, host: string, port: number][] = [
    ["10.0.0.11", "10.0.0.11", 8443],
    ["10.0.0.11:443", "10.0.0.11", 443],
    ["10.0.0.11:", "10.0.0.11", 8443],
    ["10.0.0.11:00443", "10.0.0.11", 443],
    ["lxd.example.org", "lxd.example.org", 8443],
    ["lxd.example.org.:1", "lxd.example.org.", 1],
    ["lxd_1:65535", "lxd_1", 65535],
    ["fd00::1", "fd00::1", 8443],
    ["[fd00::1]", "fd00::1", 8443],
    ["[fd00::1]:443", "fd00::1", 443],
    ["fe80::1%eth0", "fe80::1%eth0", 8443],
    ["[10.0.0.11]:443", "10.0.0.11", 443],
    ["https://lxd.example.org", "lxd.example.org", 8443],
    ["https://lxd.example.org:443/", "lxd.example.org", 443],
    ["HTTPS://[fd00::1]:443", "fd00::1", 443],
  ];
  for (const [text, expectedHost, expectedPort] of read) {
    it(`is read from ${text}`, () => {
      assert.deepEqual(parseServerAddress(text), { host: expectedHost, port: expectedPort });
    });
  }

  const refused = [
    ["", ":", ":8443", "[]", "[]:8443", "https://", "https://:8443"],
    ["8443", "10.0.0", "10.0.0.256", "1.2.3.4.5", "10.0.0.0/16"],
    ["http://10.0.0.11", "unix:///x", "https://10.0.0.11/1.0", "https://user@host", "10.0.0.11/"],
    ["host:0", "host:65536", "host:-1", "host:abc", "host:8443x", "host:99999999999999999999"],
    ["fd00::1:", "[fd00::1", "fd00::1]", "[fd00::1]8443", "[[fd00::1]]", "[host]:8443", "fd00::zz"],
    ["a b", " host", "host ", "a,b", "a:1,b:2", "a\nb", "a..b", ".a", "-a", "a.-b", "é.example", "*"],
    [`${"a".repeat(64)}.example`, `${"a.".repeat(130)}a`],
  ].flat();
  for (const text of refused) {
    it(`is not ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(parseServerAddress(text), undefined);
    });
  }

  it("can be dialled unless it is none, or names an interface", () => {
    assert.equal(describeServerAddressProblem("[fd00::1]:443"), undefined);
    assert.match(describeServerAddressProblem("a b") ?? "", /^must be a host, host:port or https URL/);
    assert.match(
      describeServerAddressProblem("[fe80::1%eth0]:443") ?? "",
      /^must not name an interface \("%eth0"\)/,
    );
  });

  it("is read as any URL parser reads it, and comes back from what is written of it", () => {
    fc.assert(
      fc.property(host, port, (name, number) => {
        const written = `${bracketed(name)}:${number}`;
        const parsed = parseServerAddress(written);
        assert.ok(parsed);
        assert.equal(parsed.host, name);
        assert.equal(parsed.port, number);
        assert.equal(formatHostAndPort({ host: name, port: number }), written);
        assert.deepEqual(parseServerAddress(`https://${written}/`), parsed);
        assert.deepEqual(parseServerAddress(name), { host: name, port: 8443 });
        const url = new URL(`https://${written}`);
        assert.equal(url.port === "" ? 443 : Number(url.port), number);
        assert.equal(url.hostname, new URL(`https://${bracketed(parsed.host)}`).hostname);
      }),
    );
  });

  it("never makes it throw, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const parsed = parseServerAddress(text);
        if (parsed !== undefined) assert.deepEqual(parseServerAddress(formatHostAndPort(parsed)), parsed);
      }),
    );
  });
});

describe("the canonical form of a listen address", () => {
  const same: string[][] = [
    [":8443", "[::]:8443", "[::]", "::", ":", "[0::0]:8443", "0:0:0:0:0:0:0:0", "[::]:"],
    ["10.0.0.1", "10.0.0.1:8443", "10.0.0.1:", "[10.0.0.1]", "[10.0.0.1]:8443", "10.0.0.1:08443"],
    [
      "[fd00::1]:8443",
      "fd00::1",
      "FD00::1",
      "[fd00:0:0::1]",
      "[fd00:0000:0000:0000:0000:0000:0000:0001]:8443",
    ],
    ["LXD.example.org", "lxd.example.org:8443"],
    ["[fe80::1%eth0]:8443", "FE80:0::1%eth0"],
    ["0.0.0.0", "0.0.0.0:8443"],
    [""],
  ];
  for (const spellings of same) {
    it(`is one for ${spellings.join(" ") || "no listener"}`, () => {
      assert.equal(new Set(spellings.map(canonicalListenAddress)).size, 1);
    });
  }

  it("tells different listeners apart", () => {
    const forms = same.map(([first = ""]) => canonicalListenAddress(first));
    const others = [":443", "10.0.0.1:443", "10.0.0.2", "localhost", "127.0.0.1", "[fe80::1%eth1]"];
    const all = [...forms, ...others.map(canonicalListenAddress)];
    assert.equal(new Set(all).size, all.length, all.join(" "));
  });

  it("is written in full", () => {
    assert.equal(canonicalListenAddress(":443"), "[::]:443");
    assert.equal(canonicalListenAddress("FD00::1"), "[fd00::1]:8443");
    assert.equal(canonicalListenAddress("0.0.0.0"), "0.0.0.0:8443");
  });

  it("stays as it is when it is taken again", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.tuple(host, port).map(([name, number]) => `${bracketed(name)}:${number}`),
      fc.stringMatching(/^[[\]:.%0-9a-fA-F]{0,20}$/),
    );
    fc.assert(
      fc.property(text, (value) => {
        const once = canonicalListenAddress(value);
        assert.equal(canonicalListenAddress(once), once);
      }),
    );
  });
});

describe("a value for core.https_address", () => {
  for (const value of [
    ":8443",
    "10.0.0.11",
    "10.0.0.11:443",
    "[fd00::1]:8443",
    "fd00::1",
    "[::]",
    "0.0.0.0",
    "lxd_1",
  ])
    it(`may be ${value}`, () => {
      assert.equal(describeListenAddressProblem(value), undefined);
    });

  const form = 'must look like ":8443", "10.0.0.11", "10.0.0.11:8443" or "[fd00::1]:8443"';
  const one = "must be one host:port without blanks, commas or slashes";
  const refused: [value: string, reason: string][] = [
    ["", "must not be empty; destroy the resource to stop the server from listening"],
    ["https://10.0.0.11:8443", "must be host:port, not a URL"],
    ["unix:///x", "must be host:port, not a URL"],
    ["10.0.0.0/16", one],
    ["a:1,b:2", one],
    [" 10.0.0.11", one],
    ["10.0.0.11\n", one],
    ["8443", 'must have a colon before the port: ":8443"'],
    ["10.0.0.11:0", "must name a port: with 0 the server picks one that no client can know"],
    ["10.0.0.11:65536", form],
    ["10.0.0.11:-1", form],
    ["10.0.0.11:abc", form],
    ["a:b:c", form],
    ["[lxd]:8443", form],
    ["10.0.0", 'has no valid host: "10.0.0"'],
    ["*", 'has no valid host: "*"'],
    ["*:8443", 'has no valid host: "*"'],
    ["a..b", 'has no valid host: "a..b"'],
  ];
  for (const [value, reason] of refused) {
    it(`is not ${JSON.stringify(value)}`, () => {
      assert.equal(describeListenAddressProblem(value), reason);
    });
  }

  it("may be anything that a client can be told to dial, and says of the rest why not", () => {
    fc.assert(
      fc.property(host, port, (name, number) => {
        assert.equal(describeListenAddressProblem(`${bracketed(name)}:${number}`), undefined);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        assert.notEqual(describeListenAddressProblem(value), "");
      }),
    );
  });
});

describe("a listener", () => {
  it("is on every interface where it names none", () => {
    for (const listen of [":8443", "::", "[::]:443", "[0::0]", "0.0.0.0", "0.0.0.0:1"])
      assert.equal(isWildcard(listen), true, listen);
    for (const listen of ["", "10.0.0.1", "[fd00::1]", "localhost", "[::1]:8443", "a:b:c"])
      assert.equal(isWildcard(listen), false, listen);
  });

  it("has an IP address where it names one", () => {
    assert.equal(listenIp("10.0.0.1:443"), "10.0.0.1");
    assert.equal(listenIp("[fd00::1]:443"), "fd00::1");
    for (const listen of ["", ":8443", "[::]", "[0::0]:8443", "0.0.0.0", "localhost:8443"])
      assert.equal(listenIp(listen), undefined, listen);
  });
});

describe("a listener is reached by dialling", () => {
  const cases: [listen: string, address: string, covers: boolean][] = [
    ["10.0.0.1:8443", "10.0.0.1:8443", true],
    ["10.0.0.1", "10.0.0.1:8443", true],
    ["[10.0.0.1]:8443", "10.0.0.1", true],
    [":8443", "10.0.0.1:8443", true],
    ["[::]", "[fd00::1]:8443", true],
    ["0.0.0.0:8443", "10.0.0.1:8443", true],
    ["0.0.0.0:8443", "[fd00::1]:8443", false],
    ["node1.example:8443", "10.0.0.1:8443", true],
    ["10.0.0.1:8443", "node1.example:8443", true],
    ["node1.example:8443", "node2.example:8443", true],
    ["node1.example:8444", "10.0.0.1:8443", false],
    ["10.0.0.1:8444", "node1.example:8443", false],
    ["10.0.0.1:8443", ":8443", false],
    [":8444", "10.0.0.1:8443", false],
    ["10.0.0.2:8443", "10.0.0.1:8443", false],
    ["10.0.0.1:8444", "10.0.0.1:8443", false],
    ["", "10.0.0.1:8443", false],
    [":8443", "", false],
    ["", "", false],
  ];
  for (const [listen, address, covers] of cases) {
    it(`${JSON.stringify(address)} ${covers ? "by" : "not by"} ${JSON.stringify(listen)}`, () => {
      assert.equal(coversAddress(listen, address), covers);
    });
  }
});
