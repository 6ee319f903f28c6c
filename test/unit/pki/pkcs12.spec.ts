import { strict as assert } from "node:assert";
import { createPrivateKey } from "node:crypto";
import { createSecureContext } from "node:tls";

import { isAccessError } from "../../../provider/errors";
import { createClientCertificate, keyAlgorithms } from "../../../provider/pki/certificate";
import type { KeyPair } from "../../../provider/pki/certificate";
import { toPkcs12 } from "../../../provider/pki/pkcs12";
import type { Pkcs12Encryption } from "../../../provider/pki/pkcs12";
import { needsOpenssl, openssl, runOpenssl } from "./openssl";
import { pairOf } from "./pairs";
import { shakeHands } from "./tls-peer";

const password = "correct horse battery staple";
const friendlyName = "edge-1 Zoë";

/** `openssl pkcs12` on an archive, the password in the environment. */
function unpack(archive: string, passphrase: string, ...options: string[]) {
  return runOpenssl(
    ["pkcs12", "-passin", "env:ARCHIVE_PASSWORD", "-noenc", ...options],
    Buffer.from(archive, "base64"),
    { ARCHIVE_PASSWORD: passphrase },
  );
}

const protections: Record<Pkcs12Encryption, RegExp[]> = {
  aes256: [
    /^MAC: sha256, Iteration 10000$/m,
    /^PKCS7 Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256$/m,
    /^Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256$/m,
  ],
  "3des": [
    /^MAC: sha1, Iteration 2048$/m,
    /^PKCS7 Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048$/m,
    /^Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048$/m,
  ],
};

const encryptions = ["aes256", "3des"] as const;

describe("toPkcs12", () => {
  let pair: KeyPair;
  let another: KeyPair;
  before(needsOpenssl);
  before(async () => {
    pair = await pairOf("ECDSA-P384");
    another = await createClientCertificate({ commonName: "edge-2", now: new Date() });
  });

  for (const keyAlgorithm of keyAlgorithms) {
    describe(keyAlgorithm, () => {
      let own: KeyPair;
      before(async () => {
        own = await pairOf(keyAlgorithm);
      });

      for (const encryption of encryptions) {
        describe(encryption, () => {
          let archive: string;
          before(async () => {
            archive = await toPkcs12({ ...own, password, encryption, friendlyName });
          });

          it("is opened by openssl and protected as asked for", () => {
            const { stdout, stderr, status } = unpack(archive, password, "-info");
            assert.equal(status, 0, stderr);
            for (const line of protections[encryption]) assert.match(stderr, line);
            assert.equal(openssl(["x509"], stdout), own.certificate);
            assert.equal(openssl(["pkey"], stdout), openssl(["pkey"], own.privateKey));
            assert.equal(stdout.match(/friendlyName: (.*)/g)?.length, 2);
            const keyIds = stdout.match(/localKeyID: .*/g) ?? [];
            assert.equal(keyIds.length, 2);
            assert.equal(keyIds[0], keyIds[1]);
          });

          it("is not opened by another password", () => {
            const { stdout, stderr, status } = unpack(archive, "wrong");
            assert.notEqual(status, 0);
            assert.match(stderr, /Mac verify error: invalid password/);
            assert.equal(stdout, "");
            assert.throws(() =>
              createSecureContext({ pfx: Buffer.from(archive, "base64"), passphrase: "wrong" }),
            );
          });

          it("authenticates a client in a TLS handshake", async () => {
            const seen = await shakeHands(another, own.certificate, {
              pfx: Buffer.from(archive, "base64"),
              passphrase: password,
            });
            assert.equal(seen.authorized, true);
            const fingerprint = openssl(["x509", "-noout", "-fingerprint", "-sha256"], own.certificate);
            assert.equal(fingerprint.trim(), `sha256 Fingerprint=${seen.fingerprint256 ?? ""}`);
          });

          it("holds neither certificate nor key in clear", () => {
            const key = createPrivateKey(own.privateKey);
            const secretNumber = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url").subarray(
              0,
              32,
            );
            assert.ok(key.export({ type: "pkcs8", format: "der" }).includes(secretNumber));
            const bytes = Buffer.from(archive, "base64");
            assert.ok(!bytes.includes(secretNumber));
            assert.ok(!bytes.includes("pulumi-lxd-access"));
          });
        });
      }
    });
  }

  for (const encryption of encryptions) {
    for (const passphrase of ["x", "p".repeat(200), "Zoë 😀 пароль", " blanks at both ends "]) {
      it(`takes the password "${passphrase.slice(0, 20)}" (${passphrase.length} characters), ${encryption}`, async () => {
        const archive = await toPkcs12({ ...pair, password: passphrase, encryption, friendlyName });
        const { stdout, stderr, status } = unpack(archive, passphrase);
        assert.equal(status, 0, stderr);
        assert.equal(openssl(["pkey"], stdout), openssl(["pkey"], pair.privateKey));
        createSecureContext({ pfx: Buffer.from(archive, "base64"), passphrase });
      });
    }
  }

  it("names the entry, and leaves the name out where it is empty", async () => {
    const nameOf = async (name: string) => {
      const archive = await toPkcs12({ ...pair, password, encryption: "aes256", friendlyName: name });
      return unpack(archive, password, "-nokeys").stdout.match(/friendlyName: .*/)?.[0];
    };
    assert.equal(await nameOf("edge-1"), "friendlyName: edge-1");
    assert.equal(await nameOf(""), undefined);
  });

  it("is salted: no two archives are alike", async () => {
    const request = { ...pair, password, encryption: "aes256", friendlyName } as const;
    assert.notEqual(await toPkcs12(request), await toPkcs12(request));
  });

  it("packs the first certificate of a chain", async () => {
    const chain = { ...pair, certificate: pair.certificate + another.certificate };
    const archive = await toPkcs12({ ...chain, password, encryption: "aes256", friendlyName });
    const { stdout } = unpack(archive, password, "-nokeys");
    assert.equal(stdout.match(/BEGIN CERTIFICATE/g)?.length, 1);
    assert.equal(openssl(["x509"], stdout), pair.certificate);
  });

  for (const [what, passphrase] of [
    ["an empty password", ""],
    ["a password with a NUL", "hunter2\0hunter3"],
    ["a password with half a surrogate pair", "hunter2\ud83d"],
  ] as const) {
    it(`refuses ${what} without repeating it`, async () => {
      await assert.rejects(
        toPkcs12({ ...pair, password: passphrase, encryption: "aes256", friendlyName }),
        (error) =>
          isAccessError(error, "INPUT_INVALID") &&
          error.message.startsWith("pkcs12Password: ") &&
          !error.message.includes("hunter"),
      );
    });
  }

  it("refuses a pair that is none", async () => {
    const refused = (wrong: Partial<KeyPair>, reason: RegExp) =>
      assert.rejects(
        toPkcs12({ ...pair, ...wrong, password, encryption: "aes256", friendlyName }),
        (error) => isAccessError(error, "INPUT_INVALID") && reason.test(error.message),
      );
    await refused({ certificate: "client.crt" }, /holds no certificate/);
    await refused({ privateKey: "client.key" }, /private key cannot be read/);
    await refused({ privateKey: another.privateKey }, /does not belong to the certificate/);
  });
});
