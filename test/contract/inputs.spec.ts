/** What `check` finds: every mistake, by property, at once, before anything is asked of a server. */
import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import type { CheckFailure } from "../../provider/handler";
import { type AnyHandler, handlers, type ResourceName } from "../../provider/registry";
import { checkInputs } from "../../provider/schema";
import { unknownValue } from "../../provider/unknown";
import { Stack } from "../support/stack";
import { isAt, pathsIn, propertiesOf, replaced } from "./property-paths";
import { type Properties, right, without } from "./right-inputs";
import { wrongInputs } from "./wrong-inputs";
import type { WrongValues } from "./wrong-values";

const names = Object.keys(handlers) as ResourceName[];
const stack = new Stack("/nonexistent");

/** A value of each JSON type. */
const samples = { string: "text", boolean: true, number: 7, object: { a: 1 }, array: ["text"], null: null };

/** The values of other types, and how they are refused. */
function ofOtherTypes({ kind, isSecret }: WrongValues): [value: unknown, reason: string][] {
  const others = Object.entries(samples)
    .filter(([type]) => type !== kind && !(type === "null" && isSecret === true))
    .filter(([type]) => !(typeof kind === "object" && "types" in kind && kind.types.includes(type)))
    .map(([, value]) => value);
  if (typeof kind === "object" && "types" in kind) return others.map((value) => [value, kind.reason]);
  if (typeof kind === "string") {
    const reason = `must be ${/^[ao]/.test(kind) ? "an" : "a"} ${kind}`;
    const empty = kind === "string" ? [] : [""];
    return [...others, ...empty].map((value) => [value, reason]);
  }
  const quoted = kind.map((value) => JSON.stringify(value));
  const reason = `must be ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
  return [...others, "", `${kind[0] ?? ""} `].map((value) => [value, reason]);
}

/** The right inputs in which the table makes mistakes. */
function rightInputs(name: ResourceName): Properties[] {
  return [...new Set(wrongInputs[name].map((row) => row.within))];
}

/** The mistakes as the front gets them; each property is named once. */
function failuresOf(name: ResourceName, inputs: Properties): CheckFailure[] {
  const handler: AnyHandler = handlers[name];
  const failures = checkInputs(handler, JSON.parse(JSON.stringify(inputs)) as Properties);
  const properties = failures.map(({ property }) => property);
  assert.deepEqual([...new Set(properties)], properties);
  return failures;
}

describe("what a check finds", () => {
  for (const name of names) {
    describe(name, () => {
      for (const row of wrongInputs[name]) {
        it(`${row.property}: its wrong values, and nothing else`, async () => {
          for (const [value, reason] of [...ofOtherTypes(row), ...(row.values ?? [])]) {
            assert.deepEqual(
              await stack.mistakes(name, replaced(row.within, row.property, value)),
              [`${row.property}: ${reason}`],
              JSON.stringify(value).slice(0, 100),
            );
          }
        });
      }

      it("has a row in this table for every property", () => {
        const covered = wrongInputs[name].map(({ property }) => property.replace(/\[\d+\]/g, "[]"));
        assert.deepEqual([...new Set(covered)].sort(), propertiesOf(handlers[name]).sort());
      });

      it("finds nothing wrong where nothing is, nor where values are unknown yet, at any depth", async () => {
        for (const within of rightInputs(name)) {
          assert.deepEqual(await stack.mistakes(name, within), []);
          for (const path of pathsIn(within)) {
            const unknown = replaced(within, path, unknownValue);
            assert.deepEqual(await stack.mistakes(name, unknown), [], `${path} unknown`);
          }
        }
      });

      it("names what is no property, whether other values are known or not", async () => {
        for (const inputs of rightInputs(name)) {
          for (const path of ["nope", "constructor", "__proto__"]) {
            const reason = `${path}: is not a property of this resource`;
            const mistaken = replaced(inputs, path, 1);
            assert.deepEqual(await stack.mistakes(name, mistaken), [reason]);
            for (const key of Object.keys(inputs))
              assert.deepEqual(await stack.mistakes(name, replaced(mistaken, key, unknownValue)), [reason]);
            assert.deepEqual(await stack.mistakes(name, replaced(inputs, path, unknownValue)), [reason]);
          }
        }
      });
    });
  }
});

describe("several mistakes at once are all found", () => {
  const unnamed = without(right.trustToken, "clientName");
  const nowhere = without(right.httpsAddress, "address");
  const pin =
    "is required with address, or serverCertificate instead: a server is never trusted on first use";
  const cases: [title: string, name: ResourceName, inputs: Properties, mistakes: string[]][] = [
    [
      "in a ClientCertificate",
      "ClientCertificate",
      { keyAlgorithm: "RSA", validityDays: "365", pkcs12Encryption: "aes256" },
      [
        "commonName: is required",
        'keyAlgorithm: must be "ECDSA-P384", "ECDSA-P256", "Ed25519" or "RSA-4096"',
        "validityDays: must be a number",
        "pkcs12Encryption: needs pkcs12Password",
      ],
    ],
    [
      "in an HttpsAddress and its connection",
      "HttpsAddress",
      {
        ...nowhere,
        verify: "yes",
        colour: "red",
        connection: { address: "lxd", clientKey: "./key", timeouts: { connect: 0, total: 1 } },
      },
      [
        "verify: must be a boolean",
        "connection.clientKey: must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding",
        "connection.timeouts.connect: must be more than 0 seconds",
        "connection.timeouts.total: is not a property of connection.timeouts",
        "colour: is not a property of this resource",
        "address: is required, or subnet or interface instead of it",
        "connection.clientCertificate: is required with address",
        `connection.serverFingerprint: ${pin}`,
      ],
    ],
    [
      "in a TrustToken",
      "TrustToken",
      { ...unnamed, restricted: false, addresses: ["x:0", "y", 5], clientFingerprint: "ab" },
      [
        "clientName: is required",
        'addresses[0]: must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"',
        "addresses[2]: must be a string",
        "clientFingerprint: must be a SHA-256 fingerprint: 64 hex digits",
        "projects: has no meaning beside restricted: false; keep one of them",
      ],
    ],
    [
      "in a Remote",
      "Remote",
      { name: "a/b", clientKey: right.known.clientKey, setDefault: true, configFlavor: "lxc" },
      [
        'name: "a/b" holds "/"',
        'configFlavor: must be "lxd" or "incus"',
        "token: is required; without a token give serverFingerprint or serverCertificate: a server is never trusted on first use",
        "addresses: is required without a token",
        "clientCertificate: is required beside clientKey",
        "setDefault: needs configDir",
      ],
    ],
  ];
  for (const [title, name, inputs, mistakes] of cases) {
    it(title, async () => {
      assert.deepEqual(await stack.mistakes(name, inputs), mistakes);
    });
  }
});

describe("whatever is given", () => {
  const rows = names.flatMap((name) => wrongInputs[name].map((row) => ({ name, row })));
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(unknownValue, [unknownValue], { a: unknownValue }, "-----BEGIN PRIVATE KEY-----\nAAAA"),
  );

  for (const { name, row } of rows) {
    it(`as ${row.property} of a ${name}, nothing but that property is found fault with, in plain words`, () => {
      fc.assert(
        fc.property(value, (given) => {
          const failures = failuresOf(name, replaced(row.within, row.property, given));
          for (const { property, reason } of failures) {
            assert.ok(isAt(property, row.property) || property === row.disturbs, property);
            assert.match(reason, /^[a-z"][^\n]*[^.\s]$/u, "a phrase");
            assert.doesNotMatch(reason.replace(/"[^"]*"/g, ""), /undefined|NaN|\[object|Invalid input/);
          }
        }),
        { numRuns: 50 },
      );
    });
  }

  it("in all properties at once, nothing fails, and no property is named twice", () => {
    for (const name of names) {
      const [row] = wrongInputs[name];
      assert.ok(row);
      const inputs = fc.record(Object.fromEntries(Object.keys(row.within).map((key) => [key, value])));
      fc.assert(fc.property(inputs, (given) => void failuresOf(name, { ...given })));
    }
  });

  it("as a secret, no reason repeats it", async () => {
    const marker = "c2VjcmV0bWFya2Vy";
    const token = Buffer.from(JSON.stringify({ client_name: "ci", secret: marker })).toString("base64");
    const shapes = [
      marker,
      [marker],
      { key: marker },
      { clientKey: marker, address: "lxd" },
      `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----\n`,
      token,
    ];
    for (const { name, row } of rows.filter(
      ({ row }) => row.isSecret === true || row.property === "connection",
    )) {
      for (const shape of shapes) {
        const mistakes = await stack.mistakes(name, replaced(row.within, row.property, shape));
        assert.ok(/Pass(word|phrase)$/.test(row.property) || mistakes.length > 0, row.property);
        for (const text of [marker, token]) assert.ok(!mistakes.join("\n").includes(text), row.property);
      }
    }
  });
});
