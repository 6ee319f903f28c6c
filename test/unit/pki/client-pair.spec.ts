import { strict as assert } from "node:assert";
import fc from "fast-check";

import {
  createClientCertificate,
  describeClientPairProblem,
  keyAlgorithms,
} from "../../../provider/pki/certificate";
import type { KeyPair } from "../../../provider/pki/certificate";
import { needsOpenssl, openssl } from "./openssl";
import { pairOf } from "./pairs";

const now = new Date("2031-01-01T00:00:00.000Z");

/** openssl writes key and certificate into one text, which serves as both here. */
function madeByOpenssl(...key: string[]): KeyPair {
  const text = openssl(["req", "-x509", "-nodes", "-keyout", "-", "-subj", "/CN=edge-1", ...key]);
  return { certificate: text, privateKey: text };
}

describe("describeClientPairProblem", () => {
  let pair: KeyPair;
  before(needsOpenssl);
  before(async () => {
    pair = await createClientCertificate({ commonName: "edge-1", validityDays: 10, now });
  });

  for (const keyAlgorithm of keyAlgorithms) {
    it(`finds nothing wrong with a new ${keyAlgorithm} pair`, async () => {
      assert.equal(describeClientPairProblem(await pairOf(keyAlgorithm), new Date()), undefined);
    });
  }

  for (const key of [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["ed25519"]]) {
    it(`finds nothing wrong with a ${key.join(" ")} pair made by openssl, both in one text`, () => {
      assert.equal(describeClientPairProblem(madeByOpenssl("-newkey", ...key), new Date()), undefined);
    });
  }

  it("finds nothing wrong with a key in any of its forms", () => {
    const pkcs8 = openssl(["pkcs8", "-topk8", "-nocrypt"], pair.privateKey);
    assert.match(pkcs8, /-----BEGIN PRIVATE KEY/);
    assert.equal(describeClientPairProblem({ ...pair, privateKey: pkcs8 }, now), undefined);
    const parameters = openssl(["ecparam", "-name", "secp384r1"]);
    assert.match(parameters, /-----BEGIN EC PARAMETERS/);
    assert.equal(
      describeClientPairProblem({ ...pair, privateKey: parameters + pair.privateKey }, now),
      undefined,
    );
  });

  it("says that the certificate cannot be read", () => {
    for (const certificate of ["", "client.crt", pair.privateKey, pair.certificate.slice(0, 300)]) {
      assert.equal(
        describeClientPairProblem({ ...pair, certificate }, now),
        "the certificate is not a readable X.509 certificate in PEM form",
      );
    }
  });

  it("says that the key cannot be read", () => {
    const publicKey = openssl(["pkey", "-pubout"], pair.privateKey);
    for (const privateKey of ["", "client.key", pair.certificate, pair.privateKey.slice(0, 150), publicKey]) {
      assert.equal(
        describeClientPairProblem({ ...pair, privateKey }, now),
        "the key is not a readable private key in PEM form",
      );
    }
  });

  it("says that the key is encrypted, in its new and in its old form", () => {
    const secret = { KEY_PASSWORD: "correct horse" };
    const pkcs8 = openssl(["pkcs8", "-topk8", "-passout", "env:KEY_PASSWORD"], pair.privateKey, secret);
    const old = openssl(["ec", "-aes128", "-passout", "env:KEY_PASSWORD"], pair.privateKey, secret);
    assert.match(old, /^Proc-Type/m);
    for (const privateKey of [pkcs8, old]) {
      assert.equal(
        describeClientPairProblem({ ...pair, privateKey }, now),
        "the key is protected by a passphrase; give it decrypted",
      );
    }
  });

  it("says that the key is another one's, of the same or of another kind", async () => {
    for (const keyAlgorithm of ["ECDSA-P384", "ECDSA-P256", "Ed25519"] as const) {
      const { privateKey } = await createClientCertificate({ commonName: "edge-1", keyAlgorithm, now });
      assert.equal(
        describeClientPairProblem({ ...pair, privateKey }, now),
        "the key does not belong to the certificate",
      );
    }
  });

  it("looks at the first of several certificates, which is the one a client shows", async () => {
    const other = await createClientCertificate({ commonName: "other", now });
    const chain = { ...pair, certificate: pair.certificate + other.certificate };
    assert.equal(describeClientPairProblem(chain, now), undefined);
    const reversed = { ...pair, certificate: other.certificate + pair.certificate };
    assert.equal(describeClientPairProblem(reversed, now), "the key does not belong to the certificate");
  });

  it("compares the clock to the second", () => {
    const at = (time: string) => describeClientPairProblem(pair, new Date(time));
    assert.equal(
      at("2030-12-30T23:59:59.999Z"),
      "the certificate is not valid before 2030-12-31T00:00:00.000Z",
    );
    assert.equal(at("2030-12-31T00:00:00.000Z"), undefined);
    assert.equal(at("2031-01-11T00:00:00.000Z"), undefined);
    assert.equal(at("2031-01-11T00:00:00.001Z"), "the certificate expired at 2031-01-11T00:00:00.000Z");
  });

  it("refuses keys that servers refuse", () => {
    const problemOf = (...key: string[]) =>
      describeClientPairProblem(madeByOpenssl("-newkey", ...key), new Date());
    assert.equal(problemOf("rsa:1024"), "the RSA key has 1024 bits; servers take 2048 and more");
    assert.equal(
      problemOf("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
      "the key's curve secp256k1 is none of P-256, P-384 and P-521",
    );
    assert.equal(problemOf("ed448"), "the key is of type ed448; servers take ECDSA, Ed25519 and RSA keys");
    assert.equal(
      problemOf("rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
      "the key is of type rsa-pss; servers take ECDSA, Ed25519 and RSA keys",
    );
  });

  it("never crashes on a damaged key, and never repeats it", () => {
    const whole = pair.privateKey;
    const lines = whole.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
    fc.assert(
      fc.property(
        fc.nat({ max: whole.length }),
        fc.string({ maxLength: 3, unit: "binary" }),
        fc.nat(3),
        (at, insertion, removed) => {
          const privateKey = whole.slice(0, at) + insertion + whole.slice(at + removed);
          const problem = describeClientPairProblem({ ...pair, privateKey }, now) ?? "";
          for (const line of lines) assert.ok(!problem.includes(line));
        },
      ),
      { numRuns: 500 },
    );
  });
});
