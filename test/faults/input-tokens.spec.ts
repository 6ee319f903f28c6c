/** Whatever is given as a trust token decodes to what was encoded, or is refused without a word of it. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { functions } from "../../provider/registry";
import { checkInputs } from "../../provider/schema";
import { decodeTrustToken, encodeTrustToken, type TrustToken } from "../../provider/lxd/trust-token";
import { itFinds } from "../support/faults/finding";
import { endless, mutated } from "../support/faults/hostile-text";
import { requireSecret, requireShowable, type Verdict, withstands } from "../support/faults/withstanding";

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom("0", "1", "2", "5", "7", "9", "a", "c", "d", "f"),
    minLength: digits,
    maxLength: digits,
  });
const tokenOf = (kind: TrustToken["kind"]): fc.Arbitrary<TrustToken> =>
  fc.record({
    clientName: fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: "binary", minLength: 1 })),
    fingerprint: hex(64),
    addresses: fc.array(
      fc.oneof(fc.ipV4(), fc.domain()).map((host) => `${host}:8443`),
      { minLength: 1, maxLength: 4 },
    ),
    secret: hex(64),
    expiresAt: fc.option(
      fc
        .date({ min: new Date("2000-01-01"), max: new Date("9999-01-01"), noInvalidDate: true })
        .map((date) => date.toISOString()),
      { nil: undefined },
    ),
    kind: fc.constant(kind),
  });

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** Damaged after it was encoded, or before. */
function damaged(kind: TrustToken["kind"]): fc.Arbitrary<string> {
  const whole = tokenOf(kind).map(encodeTrustToken);
  const inside = whole.map((token) => Buffer.from(token, "base64").toString("utf8"));
  const members = fc
    .tuple(
      tokenOf(kind),
      fc.jsonValue(),
      fc.constantFrom("client_name", "fingerprint", "addresses", "secret", "type", "expires_at", "__proto__"),
    )
    .map(([token, value, name]) => {
      const wire = Buffer.from(encodeTrustToken(token), "base64").toString("utf8");
      // A key that comes twice counts as it does where it comes last.
      return base64(`${wire.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`);
    });
  return fc.oneof(mutated(whole), mutated(inside).map(base64), members);
}

const longestSecret = /[0-9a-f]{32,}/g;

function read(text: string): Verdict {
  const token = decodeTrustToken(text);
  const failures = checkInputs(functions.decodeTrustToken, { token: text });
  assert.equal(failures.length === 0, token !== undefined, "the function's check agrees");
  const said = failures.map(({ property, reason }) => `${property}: ${reason}`).join("; ");
  if (token === undefined) {
    requireSecret(text.trim(), said);
    for (const part of Buffer.from(text, "base64").toString("utf8").match(longestSecret) ?? [])
      requireSecret(part, said);
    return { refused: said };
  }
  assert.match(token.fingerprint, /^[0-9a-f]{64}$/);
  assert.ok(token.clientName !== "" && token.addresses.length > 0);
  assert.match(token.secret, /^[^\p{C}\p{Z}]+$/u);
  assert.deepEqual(decodeTrustToken(encodeTrustToken(token)), token, "written and read again");
  return "taken";
}

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  for (const kind of ["certificate", "identity"] as const) {
    itFinds(`as a trust token of a ${kind}, generated`, () =>
      withstands(`trust token (${kind})`, damaged(kind), read),
    );

    it(`as a trust token of a ${kind}: decodes to what was encoded`, () => {
      fc.assert(
        fc.property(tokenOf(kind), (token) => {
          // Half a character has no form in UTF-8.
          fc.pre(!/\p{Cs}/u.test(token.clientName));
          assert.deepEqual(decodeTrustToken(encodeTrustToken(token)), { ...token });
        }),
        { numRuns: 1000 },
      );
    });
  }

  itFinds("as a trust token, endless", () => {
    const inside =
      '{"client_name":"ci","fingerprint":"' + "ab".repeat(32) + '","addresses":["a:1"],"secret":"s3"}';
    const texts = [
      ...endless(base64(inside)),
      ...endless(inside).map(base64),
      base64(`${'{"client_name":'.repeat(70_000)}1${"}".repeat(70_000)}`),
      base64(inside.replace('["a:1"]', `[${'"a:1",'.repeat(150_000)}"a:1"]`)),
      base64(inside.replace('["a:1"]', "[".repeat(500_000) + "]".repeat(500_000))),
    ];
    for (const text of texts) {
      const verdict = read(text);
      if (verdict !== "taken") requireShowable(verdict.refused);
    }
    return Promise.resolve({ kind: "inputs", reader: "trust token of a megabyte", cases: texts.length });
  });
});
