import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  decodeTrustToken,
  encodeTrustToken,
  expiryOf,
  type TrustToken,
} from "../../../provider/lxd/trust-token";

const fingerprint = "b666fe92".repeat(8);
const secret = "29d3b944".repeat(8);
const wire = {
  client_name: "c1",
  fingerprint,
  addresses: ["10.68.216.12:8443", "[fd00::1]:8443"],
  secret,
  expires_at: "2026-12-07T14:00:00.123456789Z",
};

/** What `lxc` prints: base64 with padding of the JSON. */
function printed(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString("base64");
}

describe("reading a trust token", () => {
  const read: TrustToken = {
    clientName: "c1",
    fingerprint,
    addresses: ["10.68.216.12:8443", "[fd00::1]:8443"],
    secret,
    expiresAt: "2026-12-07T14:00:00.123456789Z",
    kind: "certificate",
  };

  const good: [title: string, text: string, expected: TrustToken][] = [
    ["as an older lxc prints it", printed(wire), read],
    ["as a newer lxc prints it, for the certificates API", printed({ ...wire, type: "" }), read],
    ["for a TLS identity", printed({ ...wire, type: "Client certificate" }), { ...read, kind: "identity" }],
    [
      "that never expires",
      printed({ ...wire, expires_at: "0001-01-01T00:00:00Z" }),
      { ...read, expiresAt: undefined },
    ],
    ["without an expiry", printed({ ...wire, expires_at: undefined }), { ...read, expiresAt: undefined }],
    ["of a fingerprint in capitals", printed({ ...wire, fingerprint: fingerprint.toUpperCase() }), read],
    ["of a later version, with more in it", printed({ ...wire, signature: "x" }), read],
    ["copied with white space around it", `\n  ${printed(wire)} \r\n`, read],
    [
      "of a name beyond ASCII",
      printed({ ...wire, client_name: "Zürich" }),
      { ...read, clientName: "Zürich" },
    ],
  ];
  for (const [title, text, expected] of good) {
    it(`takes one ${title}`, () => {
      assert.deepEqual(decodeTrustToken(text), expected);
    });
  }

  const token = printed(wire);
  assert.match(token, /=$/, "the example has padding to lose");
  const bad: [title: string, text: string][] = [
    ["nothing", ""],
    ["white space", " \n"],
    ["a word", "token"],
    ["a host name", "lxd.example.org:8443"],
    ["one that lost its padding", token.replace(/=+$/, "")],
    ["one that was cut", token.slice(0, 100)],
    ["one that a terminal wrapped", `${token.slice(0, 76)}\n${token.slice(76)}`],
    ["one in the URL's alphabet", Buffer.from('{"??>>"}').toString("base64url")],
    ["JSON itself", JSON.stringify(wire)],
    ["base64 of text", Buffer.from("hello").toString("base64")],
    ["base64 of null", printed(null)],
    ["base64 of a list", printed([wire])],
    ["base64 of an empty object", printed({})],
    ["a cluster join token", printed({ ...wire, client_name: undefined, server_name: "m2" })],
    ["one without a name", printed({ ...wire, client_name: "" })],
    ["one without addresses", printed({ ...wire, addresses: [] })],
    ["one with an empty address", printed({ ...wire, addresses: [""] })],
    ["one without a secret", printed({ ...wire, secret: "" })],
    ["one with a short fingerprint", printed({ ...wire, fingerprint: "b666" })],
    ["one with a number for a name", printed({ ...wire, client_name: 1 })],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
    ["a JSON web token", `${Buffer.from("{}").toString("base64url")}.e30.sig`],
  ];
  for (const [title, text] of bad) {
    it(`does not take ${title}`, () => {
      assert.equal(decodeTrustToken(text), undefined);
    });
  }

  it("never throws, whatever it is given", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.base64String(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64")),
      fc.jsonValue().map(printed),
      fc.record({ ...mapValues(wire, () => fc.jsonValue()) }, { requiredKeys: [] }).map(printed),
    );
    fc.assert(
      fc.property(text, (value) => {
        const decoded = decodeTrustToken(value);
        if (decoded !== undefined) assert.deepEqual(decodeTrustToken(encodeTrustToken(decoded)), decoded);
      }),
    );
  });

  it("comes to an end on megabytes of rubbish", () => {
    const long = 4_000_000;
    const deep = Buffer.from("[".repeat(long)).toString("base64");
    for (const text of ["A".repeat(long), "=".repeat(long), `${"A".repeat(long)}!`, " ".repeat(long), deep])
      assert.equal(decodeTrustToken(text), undefined);
  });
});

describe("writing a trust token", () => {
  it("writes what lxc writes", () => {
    const text = encodeTrustToken({
      ...{ clientName: "c1", fingerprint, addresses: ["10.0.0.1:8443"], secret, kind: "identity" },
    });
    assert.deepEqual(JSON.parse(Buffer.from(text, "base64").toString()), {
      client_name: "c1",
      fingerprint,
      addresses: ["10.0.0.1:8443"],
      secret,
      expires_at: "0001-01-01T00:00:00Z",
      type: "Client certificate",
    });
  });

  it("loses nothing", () => {
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
    const token: fc.Arbitrary<TrustToken> = fc.record({
      clientName: fc.string({ minLength: 1, unit: "grapheme" }),
      fingerprint: hex,
      addresses: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }),
      secret: hex,
      expiresAt: fc.option(
        fc.date({ min: new Date(0), noInvalidDate: true }).map((date) => date.toISOString()),
        { nil: undefined },
      ),
      kind: fc.constantFrom("certificate" as const, "identity" as const),
    });
    fc.assert(
      fc.property(token, (value) => {
        const text = encodeTrustToken(value);
        assert.match(text, /^[A-Za-z0-9+/]+={0,2}$/);
        assert.deepEqual(decodeTrustToken(text), { ...value });
      }),
    );
  });
});

describe("the expiry that a server says", () => {
  it("is none where it means never", () => {
    for (const never of [undefined, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"])
      assert.equal(expiryOf(never), undefined);
    assert.equal(expiryOf("2026-12-07T14:00:00Z"), "2026-12-07T14:00:00Z");
  });
});

function mapValues<Value>(object: object, make: () => Value): Record<string, Value> {
  return Object.fromEntries(Object.keys(object).map((key) => [key, make()]));
}
