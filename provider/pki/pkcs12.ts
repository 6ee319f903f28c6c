import { createCipheriv, createHash, createHmac, pbkdf2, randomBytes, X509Certificate } from "node:crypto";
import { promisify } from "node:util";

import { AccessError } from "../errors";
import { readCertificate } from "./certificate-facts";
import { belongsTogether, privateKeyOf } from "./client-pair";
import type { KeyPair } from "./client-pair";
import { binaryString, bytesOf, loadDerWriter, loadForge } from "./der";
import type { Asn1, DerWriter } from "./der";

/**
 * How an archive is protected: "aes256" (AES-256 and SHA-256, what OpenSSL 3 writes too), or "3des" (Triple DES and
 * SHA-1, weaker, for macOS Keychain and other importers that read nothing newer).
 */
export type Pkcs12Encryption = "aes256" | "3des";

/** What {@link toPkcs12} is asked for. */
export interface Pkcs12Request extends KeyPair {
  /** Protects the archive; secret, not empty. Prefer ASCII: importers disagree about other characters. */
  password: string;
  encryption: Pkcs12Encryption;
  /** The name under which importers show the entry; none where empty. */
  friendlyName: string;
}

interface Encrypted {
  algorithm: Asn1;
  ciphertext: Buffer;
}

/** One way of protecting an archive, made for one password. */
interface Protection {
  encrypt: (plain: Buffer) => Promise<Encrypted>;
  mac: { hash: "sha256" | "sha1"; oid: string; iterations: number };
}

/** PKCS#12's own key derivation (RFC 7292, appendix B), for one of its three purposes. */
type DeriveKey = (
  purpose: "key" | "iv" | "mac",
  salt: Buffer,
  iterations: number,
  length: number,
  hash: "sha256" | "sha1",
) => Buffer;

const purposeIds = { key: 1, iv: 2, mac: 3 };
const pbkdf2Bytes = promisify(pbkdf2);

/** Five times OpenSSL's default; far below importers' ceilings, and tens of milliseconds for us. */
const modernIterations = 10_000;
/** The count OpenSSL writes by default, which every importer of the old form takes. */
const legacyIterations = 2048;

/**
 * Packs a certificate and its key as a PKCS#12 archive (.p12, .pfx), for browsers and key chains. Of a certificate
 * chain only the first certificate goes in. Salts are random: two calls never give the same text.
 *
 * @returns the archive as base64 on one line. Secret.
 * @throws AccessError INPUT_INVALID for an unusable password, an unreadable certificate or key, or a key that does not
 *   belong to the certificate. The message repeats none of them.
 */
export async function toPkcs12(request: Pkcs12Request): Promise<string> {
  const { password, encryption, friendlyName } = request;
  requireUsablePassword(password);
  const { certificate, privateKey } = derOf(request);

  const der = await loadDerWriter();
  const deriveKey = await keyDerivationFrom(password);
  const protection = encryption === "3des" ? tripleDes(der, deriveKey) : aes256(der, password);
  const attributes = bagAttributes(der, certificate, friendlyName);
  const authenticatedSafe = der.encode(
    der.sequence(
      encryptedContent(der, await protection.encrypt(certificateSafe(der, certificate, attributes))),
      plainContent(der, keySafe(der, await protection.encrypt(privateKey), attributes)),
    ),
  );
  const archive = der.sequence(
    der.integer(3), // the version
    plainContent(der, authenticatedSafe),
    macOf(der, authenticatedSafe, protection.mac, deriveKey),
  );
  return der.encode(archive).toString("base64");
}

function requireUsablePassword(password: string): void {
  const problem = passwordProblem(password);
  if (problem === undefined) return;
  throw new AccessError("INPUT_INVALID", `pkcs12Password: ${problem}. Choose another password`);
}

function passwordProblem(password: string): string | undefined {
  if (password === "") return "it is empty, which would leave the private key unprotected";
  if (password.includes("\0")) return "it holds a NUL character, at which importers stop reading";
  if (/\p{Cs}/u.test(password)) return "it holds half a character (a lone surrogate)";
  return undefined;
}

function derOf(pair: KeyPair): { certificate: Buffer; privateKey: Buffer } {
  const certificate = readCertificate(pair.certificate);
  const key = privateKeyOf(pair.privateKey);
  if (key === undefined) {
    throw new AccessError(
      "INPUT_INVALID",
      "PKCS#12 archive: the private key cannot be read. Give it in PEM form and without a passphrase",
    );
  }
  if (!belongsTogether(certificate, key)) {
    throw new AccessError(
      "INPUT_INVALID",
      "PKCS#12 archive: the private key does not belong to the certificate. Give a certificate with its own key",
    );
  }
  return {
    certificate: new X509Certificate(certificate.pem).raw,
    privateKey: key.export({ type: "pkcs8", format: "der" }),
  };
}

async function keyDerivationFrom(password: string): Promise<DeriveKey> {
  const { md, pkcs12, util } = await loadForge();
  return (purpose, salt, iterations, length, hash) => {
    const digest = hash === "sha256" ? md.sha256.create() : md.sha1.create();
    const saltBuffer = util.createBuffer(binaryString(salt));
    const id = purposeIds[purpose];
    return bytesOf(pkcs12.generateKey(password, saltBuffer, id, iterations, length, digest).getBytes());
  };
}

/** PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256, AES-256-CBC. */
function aes256(der: DerWriter, password: string): Protection {
  const encrypt = async (plain: Buffer): Promise<Encrypted> => {
    const salt = randomBytes(16);
    const iv = randomBytes(16);
    const key = await pbkdf2Bytes(password, salt, modernIterations, 32, "sha256");
    const derivation = der.sequence(
      der.oid("1.2.840.113549.1.5.12"), // PBKDF2
      der.sequence(
        der.octets(salt),
        der.integer(modernIterations),
        der.sequence(der.oid("1.2.840.113549.2.9"), der.nothing()), // hmacWithSHA256
      ),
    );
    const cipher = der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octets(iv)); // aes256-CBC
    return {
      algorithm: der.sequence(der.oid("1.2.840.113549.1.5.13"), der.sequence(derivation, cipher)), // PBES2
      ciphertext: encipher("aes-256-cbc", key, iv, plain),
    };
  };
  return { encrypt, mac: { hash: "sha256", oid: "2.16.840.1.101.3.4.2.1", iterations: modernIterations } };
}

/** pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292, appendix C). */
function tripleDes(der: DerWriter, deriveKey: DeriveKey): Protection {
  const encrypt = (plain: Buffer): Promise<Encrypted> => {
    const salt = randomBytes(8);
    const key = deriveKey("key", salt, legacyIterations, 24, "sha1");
    const iv = deriveKey("iv", salt, legacyIterations, 8, "sha1");
    return Promise.resolve({
      algorithm: der.sequence(
        der.oid("1.2.840.113549.1.12.1.3"),
        der.sequence(der.octets(salt), der.integer(legacyIterations)),
      ),
      ciphertext: encipher("des-ede3-cbc", key, iv, plain),
    });
  };
  return { encrypt, mac: { hash: "sha1", oid: "1.3.14.3.2.26", iterations: legacyIterations } };
}

function encipher(algorithm: string, key: Buffer, iv: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv(algorithm, key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

function plainContent(der: DerWriter, content: Buffer): Asn1 {
  return der.sequence(der.oid("1.2.840.113549.1.7.1"), der.explicit(0, der.octets(content)));
}

function encryptedContent(der: DerWriter, { algorithm, ciphertext }: Encrypted): Asn1 {
  const contentInfo = der.sequence(
    der.oid("1.2.840.113549.1.7.1"),
    algorithm,
    der.implicitOctets(0, ciphertext),
  );
  return der.sequence(
    der.oid("1.2.840.113549.1.7.6"),
    der.explicit(0, der.sequence(der.integer(0), contentInfo)),
  );
}

function certificateSafe(der: DerWriter, certificate: Buffer, attributes: Asn1): Buffer {
  const x509 = der.sequence(der.oid("1.2.840.113549.1.9.22.1"), der.explicit(0, der.octets(certificate)));
  const certBag = der.sequence(der.oid("1.2.840.113549.1.12.10.1.3"), der.explicit(0, x509), attributes);
  return der.encode(der.sequence(certBag));
}

function keySafe(der: DerWriter, { algorithm, ciphertext }: Encrypted, attributes: Asn1): Buffer {
  const encryptedKey = der.sequence(algorithm, der.octets(ciphertext));
  const shroudedKeyBag = der.sequence(
    der.oid("1.2.840.113549.1.12.10.1.2"),
    der.explicit(0, encryptedKey),
    attributes,
  );
  return der.encode(der.sequence(shroudedKeyBag));
}

/** The same on both bags: by localKeyId importers see which key a certificate has. */
function bagAttributes(der: DerWriter, certificate: Buffer, friendlyName: string): Asn1 {
  const localKeyId = createHash("sha1").update(certificate).digest();
  const attributes = [der.sequence(der.oid("1.2.840.113549.1.9.21"), der.setOf(der.octets(localKeyId)))];
  if (friendlyName !== "") {
    attributes.push(der.sequence(der.oid("1.2.840.113549.1.9.20"), der.setOf(der.bmp(friendlyName))));
  }
  return der.setOf(...attributes);
}

function macOf(der: DerWriter, content: Buffer, mac: Protection["mac"], deriveKey: DeriveKey): Asn1 {
  const salt = randomBytes(8);
  const key = deriveKey("mac", salt, mac.iterations, mac.hash === "sha256" ? 32 : 20, mac.hash);
  const value = createHmac(mac.hash, key).update(content).digest();
  const digestInfo = der.sequence(der.sequence(der.oid(mac.oid), der.nothing()), der.octets(value));
  return der.sequence(digestInfo, der.octets(salt), der.integer(mac.iterations));
}
