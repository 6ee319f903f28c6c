import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isAccessError } from "../../../provider/errors";
import { createClientCertificate, fingerprintOf, keyAlgorithms } from "../../../provider/pki/certificate";
import type { KeyAlgorithm, KeyPair } from "../../../provider/pki/certificate";
import { needsOpenssl, openssl } from "./openssl";
import { pairOf } from "./pairs";
import { shakeHands } from "./tls-peer";

const expected: Record<KeyAlgorithm, { signature: string; key: RegExp; pem: string }> = {
  "ECDSA-P384": { signature: "ecdsa-with-SHA384", key: /NIST CURVE: P-384/, pem: "EC PRIVATE KEY" },
  "ECDSA-P256": { signature: "ecdsa-with-SHA256", key: /NIST CURVE: P-256/, pem: "EC PRIVATE KEY" },
  Ed25519: { signature: "ED25519", key: /Public Key Algorithm: ED25519/, pem: "PRIVATE KEY" },
  "RSA-4096": { signature: "sha256WithRSAEncryption", key: /Public-Key: \(4096 bit\)/, pem: "PRIVATE KEY" },
};

describe("createClientCertificate", () => {
  before(needsOpenssl);

  for (const keyAlgorithm of keyAlgorithms) {
    describe(keyAlgorithm, () => {
      let pair: KeyPair;
      let text: string;
      before(async () => {
        pair = await pairOf(keyAlgorithm);
        text = openssl(["x509", "-noout", "-text"], pair.certificate);
      });

      it("is an X.509 v3 certificate of the algorithm asked for, issued by itself", () => {
        assert.match(text, /Version: 3 \(0x2\)/);
        assert.match(text, expected[keyAlgorithm].key);
        const signatures = text.match(/Signature Algorithm: (.*)/g);
        const signature = `Signature Algorithm: ${expected[keyAlgorithm].signature}`;
        assert.deepEqual(signatures, [signature, signature]);
        assert.match(text, /Issuer: O = pulumi-lxd-access, CN = edge-1\n/);
        assert.match(text, /Subject: O = pulumi-lxd-access, CN = edge-1\n/);
      });

      it("has the extensions of a TLS client and no others", () => {
        const extensions = /X509v3 extensions:\n([\s\S]*?) {4}Signature Algorithm/.exec(text)?.[1];
        assert.deepEqual(
          extensions
            ?.trim()
            .split("\n")
            .map((line) => line.trim()),
          [
            "X509v3 Key Usage: critical",
            "Digital Signature",
            "X509v3 Extended Key Usage:",
            "TLS Web Client Authentication",
            "X509v3 Basic Constraints: critical",
            "CA:FALSE",
          ],
        );
      });

      it(`has the private key of the certificate, as ${expected[keyAlgorithm].pem}`, () => {
        assert.ok(pair.privateKey.startsWith(`-----BEGIN ${expected[keyAlgorithm].pem}-----\n`));
        assert.equal(
          openssl(["pkey", "-pubout"], pair.privateKey),
          openssl(["x509", "-noout", "-pubkey"], pair.certificate),
        );
      });

      it("is signed with its own key, by openssl's strict rules", () => {
        const directory = mkdtempSync(join(tmpdir(), "pki-"));
        try {
          const file = join(directory, "client.crt");
          writeFileSync(file, pair.certificate);
          openssl([
            "verify",
            "-check_ss_sig",
            "-x509_strict",
            "-purpose",
            "sslclient",
            "-CAfile",
            file,
            file,
          ]);
        } finally {
          rmSync(directory, { recursive: true });
        }
      });

      it("authenticates a client in a TLS 1.3 handshake", async () => {
        const seen = await shakeHands(pair, pair.certificate, {
          cert: pair.certificate,
          key: pair.privateKey,
        });
        const fingerprint = openssl(["x509", "-noout", "-fingerprint", "-sha256"], pair.certificate);
        assert.equal(seen.authorized, true);
        assert.equal(seen.protocol, "TLSv1.3");
        assert.equal(fingerprint.trim(), `sha256 Fingerprint=${seen.fingerprint256 ?? ""}`);
      });
    });
  }

  it("makes ECDSA-P384 for ten years where nothing is said", async () => {
    const now = new Date("2031-05-06T07:08:09.999Z");
    const { certificate } = await createClientCertificate({ commonName: "edge-1", now });
    assert.match(openssl(["x509", "-noout", "-text"], certificate), /NIST CURVE: P-384/);
    const dates = openssl(["x509", "-noout", "-dates", "-dateopt", "iso_8601"], certificate);
    assert.equal(dates, "notBefore=2031-05-05 07:08:09Z\nnotAfter=2041-05-03 07:08:09Z\n");
  });

  it("writes times up to 2049 as UTCTime and from 2050 as GeneralizedTime", async () => {
    const times = async (now: string, validityDays: number) => {
      const { certificate } = await createClientCertificate({
        commonName: "edge-1",
        validityDays,
        now: new Date(now),
      });
      return openssl(["asn1parse"], certificate).match(/(UTC|GENERALIZED)TIME *:.*/g);
    };
    assert.deepEqual(await times("2049-12-30T23:59:59Z", 1), [
      "UTCTIME           :491229235959Z",
      "UTCTIME           :491231235959Z",
    ]);
    assert.deepEqual(await times("2049-12-31T00:00:00Z", 1), [
      "UTCTIME           :491230000000Z",
      "GENERALIZEDTIME   :20500101000000Z",
    ]);
    assert.deepEqual(await times("2050-01-02T00:00:00Z", 1), [
      "GENERALIZEDTIME   :20500101000000Z",
      "GENERALIZEDTIME   :20500103000000Z",
    ]);
  });

  it("gives each certificate a positive serial of 128 bits and a key of its own", async () => {
    const request = { commonName: "edge-1", now: new Date() };
    const pairs = await Promise.all(Array.from({ length: 20 }, () => createClientCertificate(request)));
    const serials = pairs.map(({ certificate }) => openssl(["x509", "-noout", "-serial"], certificate));
    for (const serial of serials) assert.match(serial, /^serial=[4-7][0-9A-F]{31}\n$/);
    assert.equal(new Set(serials).size, pairs.length);
    assert.equal(new Set(pairs.map(({ privateKey }) => privateKey)).size, pairs.length);
  });

  it("writes names as UTF-8, up to 64 characters of any plane", async () => {
    const commonName = `Zoë, O=x/CN=y+"😀"${"ä".repeat(47)}`;
    assert.equal(Array.from(commonName).length, 64);
    const { certificate } = await createClientCertificate({ commonName, now: new Date() });
    const subject = openssl(["x509", "-noout", "-subject", "-nameopt", "sep_multiline,utf8"], certificate);
    assert.equal(subject, `subject=\n    O=pulumi-lxd-access\n    CN=${commonName}\n`);
    assert.equal(openssl(["asn1parse"], certificate).match(/UTF8STRING/g)?.length, 4);
  });

  for (const [what, commonName] of [
    ["an empty name", ""],
    ["65 characters", "x".repeat(65)],
    ["a NUL", "edge\0evil"],
    ["a line break", "edge\n1"],
    ["half a surrogate pair", "edge\ud83d"],
  ] as const) {
    it(`refuses as common name: ${what}`, async () => {
      await assert.rejects(
        createClientCertificate({ commonName, now: new Date() }),
        (error) => isAccessError(error, "INPUT_INVALID") && error.message.startsWith("commonName: "),
      );
    });
  }

  for (const validityDays of [0, -1, 1.5, NaN, Infinity, 3_000_000, 1e12]) {
    it(`refuses a validity of ${validityDays} days`, async () => {
      await assert.rejects(
        createClientCertificate({ commonName: "edge-1", validityDays, now: new Date() }),
        (error) => isAccessError(error, "INPUT_INVALID") && error.message.startsWith("validityDays: "),
      );
    });
  }
});

describe("fingerprintOf", () => {
  before(needsOpenssl);

  it("is what openssl computes", () => {
    const bytes = Buffer.from([0x30, 0x00, 0xff]);
    const digest = openssl(["dgst", "-sha256", "-r"], bytes);
    assert.equal(fingerprintOf(bytes), digest.split(" ")[0]);
  });
});
