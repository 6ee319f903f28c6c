import { createPrivateKey, generateKeyPair, randomBytes, sign, X509Certificate } from "node:crypto";
import type { KeyObject, KeyPairKeyObjectResult } from "node:crypto";
import { promisify } from "node:util";

import { AccessError } from "../errors";
import { readCertificate } from "./certificate-facts";
import type { KeyPair } from "./client-pair";
import { loadDerWriter } from "./der";
import type { Asn1, DerWriter } from "./der";

export { fingerprintOf, readCertificate } from "./certificate-facts";
export { describeClientPairProblem } from "./client-pair";
export type { KeyPair } from "./client-pair";

/** The kinds of key a client certificate can have. LXD's own clients make ECDSA-P384. */
export const keyAlgorithms = ["ECDSA-P384", "ECDSA-P256", "Ed25519", "RSA-4096"] as const;

/** One of {@link keyAlgorithms}. */
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** What {@link createClientCertificate} is asked for. */
export interface ClientCertificateRequest {
  /** The certificate's name: 1 to 64 characters, no control characters. LXD shows it where no other name is given. */
  commonName: string;
  /** Default "ECDSA-P384". */
  keyAlgorithm?: KeyAlgorithm;
  /** Whole days from `now` until the certificate expires; default 3650. */
  validityDays?: number;
  now: Date;
}

interface KeyRecipe {
  generate: () => Promise<KeyPairKeyObjectResult>;
  /** SEC1 for elliptic curves, as `lxc` writes its own keys. */
  keyFormat: "sec1" | "pkcs8";
  /** Ed25519 has its own inside. */
  digest: "sha256" | "sha384" | undefined;
  signatureAlgorithm: (der: DerWriter) => Asn1;
}

const generate = promisify(generateKeyPair);
const signBytes = promisify<string | undefined, Buffer, KeyObject, Buffer>(sign);

const recipes: Record<KeyAlgorithm, KeyRecipe> = {
  "ECDSA-P384": {
    generate: () => generate("ec", { namedCurve: "P-384" }),
    keyFormat: "sec1",
    digest: "sha384",
    signatureAlgorithm: (der) => der.sequence(der.oid("1.2.840.10045.4.3.3")),
  },
  "ECDSA-P256": {
    generate: () => generate("ec", { namedCurve: "P-256" }),
    keyFormat: "sec1",
    digest: "sha256",
    signatureAlgorithm: (der) => der.sequence(der.oid("1.2.840.10045.4.3.2")),
  },
  Ed25519: {
    generate: () => generate("ed25519"),
    keyFormat: "pkcs8",
    digest: undefined,
    signatureAlgorithm: (der) => der.sequence(der.oid("1.3.101.112")),
  },
  "RSA-4096": {
    generate: () => generate("rsa", { modulusLength: 4096 }),
    keyFormat: "pkcs8",
    digest: "sha256",
    signatureAlgorithm: (der) => der.sequence(der.oid("1.2.840.113549.1.1.11"), der.nothing()),
  },
};

const millisecondsPerDay = 86_400_000;
const clockSkewMilliseconds = millisecondsPerDay;
const longestCommonName = 64; // RFC 5280, ub-common-name
const organization = "pulumi-lxd-access";

/**
 * Makes a key and a self-signed client certificate for it, of the form LXD's own clients have. It is valid from one
 * day before `now`, so that a server takes it whose clock is behind, or is only in another time zone.
 *
 * @returns the pair; `privateKey` is secret (SEC1 "EC PRIVATE KEY" for ECDSA, PKCS#8 "PRIVATE KEY" for the others).
 * @throws AccessError INPUT_INVALID for a common name or a validity that no certificate can hold.
 */
export async function createClientCertificate(request: ClientCertificateRequest): Promise<KeyPair> {
  const { commonName, keyAlgorithm = "ECDSA-P384", validityDays = 3650, now } = request;
  requireCommonName(commonName);
  const notBefore = wholeSeconds(now.getTime() - clockSkewMilliseconds);
  const notAfter = expiryOf(now, validityDays);

  const recipe = recipes[keyAlgorithm];
  const [der, { publicKey, privateKey }] = await Promise.all([loadDerWriter(), recipe.generate()]);
  const signatureAlgorithm = recipe.signatureAlgorithm(der);
  const name = distinguishedName(der, commonName);
  const tbsCertificate = der.sequence(
    der.explicit(0, der.integer(2)), // counted from 0: version 3
    der.integer(randomSerial()),
    signatureAlgorithm,
    name,
    der.sequence(der.time(notBefore), der.time(notAfter)),
    name,
    der.embed(publicKey.export({ type: "spki", format: "der" })),
    der.explicit(3, clientExtensions(der)),
  );
  const signature = await signBytes(recipe.digest, der.encode(tbsCertificate), privateKey);
  const certificate = der.encode(der.sequence(tbsCertificate, signatureAlgorithm, der.bits(signature)));
  return {
    certificate: new X509Certificate(certificate).toString(),
    privateKey: privateKey.export({ type: recipe.keyFormat, format: "pem" }).toString(),
  };
}

/**
 * What {@link createClientCertificate} would be asked for to make a pair like this one, and the pair in the form that it gives;
 * a phrase where it makes no such pairs. A common name that is missing, or none that it takes, stays as it is.
 */
export function requestBehind(
  pair: KeyPair,
): (Partial<ClientCertificateRequest> & { pair: KeyPair }) | string {
  if (pair.certificate.split("-----BEGIN CERTIFICATE-----").length > 2)
    return "there are several certificates in its file";
  const { pem, commonName, notBefore, expiresAt } = readCertificate(pair.certificate);
  const certificate = new X509Certificate(pem);
  if (certificate.issuer !== certificate.subject) return "the certificate is signed by another one";
  const key = createPrivateKey(pair.privateKey);
  const keyAlgorithm = algorithmOf(key);
  if (keyAlgorithm === undefined) return `its key is none of ${keyAlgorithms.join(", ")}`;
  const isOwn = certificate.subject.split("\n").includes(`O=${organization}`);
  const begin = notBefore.getTime() + (isOwn ? clockSkewMilliseconds : 0);
  const validityDays = Math.max(1, Math.round((expiresAt.getTime() - begin) / millisecondsPerDay));
  const privateKey = key.export({ type: recipes[keyAlgorithm].keyFormat, format: "pem" }).toString();
  return { commonName, keyAlgorithm, validityDays, pair: { certificate: pem, privateKey } };
}

function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const kinds: Record<KeyAlgorithm, boolean> = {
    "ECDSA-P384": namedCurve === "secp384r1",
    "ECDSA-P256": namedCurve === "prime256v1",
    Ed25519: key.asymmetricKeyType === "ed25519",
    "RSA-4096": key.asymmetricKeyType === "rsa" && modulusLength === 4096,
  };
  return keyAlgorithms.find((algorithm) => kinds[algorithm]);
}

function requireCommonName(commonName: string): void {
  const length = Array.from(commonName).length;
  if (length < 1 || length > longestCommonName) {
    throw new AccessError(
      "INPUT_INVALID",
      `commonName: a certificate's name has 1 to ${longestCommonName} characters, this one has ${length}. Choose another name`,
    );
  }
  if (/[\p{Cc}\p{Cs}]/u.test(commonName)) {
    throw new AccessError(
      "INPUT_INVALID",
      "commonName: it holds a control character or half a character (a lone surrogate). Use printable characters",
    );
  }
}

function expiryOf(now: Date, validityDays: number): Date {
  const expiry = wholeSeconds(now.getTime() + validityDays * millisecondsPerDay);
  if (Number.isInteger(validityDays) && validityDays >= 1 && expiry.getUTCFullYear() <= 9999) return expiry;
  throw new AccessError(
    "INPUT_INVALID",
    `validityDays: ${validityDays} is not a whole number of days, at least 1, that ends before the year 10000. Give a number such as 3650`,
  );
}

/** Certificates know no fractions of a second. */
function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}

/** 128 bits, the first two of them fixed: so it is positive and has no leading zeros, which DER forbids. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  return serial;
}

function distinguishedName(der: DerWriter, commonName: string): Asn1 {
  const attribute = (type: string, value: string) => der.setOf(der.sequence(der.oid(type), der.utf8(value)));
  return der.sequence(attribute("2.5.4.10", organization), attribute("2.5.4.3", commonName));
}

/**
 * What LXD's clients put into theirs, except the key usage keyEncipherment: RFC 8813 forbids it for elliptic curves,
 * and in TLS a client's key of any kind does nothing but sign.
 */
function clientExtensions(der: DerWriter): Asn1 {
  const wrap = (content: Asn1) => der.octets(der.encode(content));
  const digitalSignature = der.bits(Buffer.from([0x80]), 7);
  const clientAuth = der.oid("1.3.6.1.5.5.7.3.2");
  const notAnAuthority = der.sequence();
  return der.sequence(
    der.sequence(der.oid("2.5.29.15"), der.yes(), wrap(digitalSignature)),
    der.sequence(der.oid("2.5.29.37"), wrap(der.sequence(clientAuth))),
    der.sequence(der.oid("2.5.29.19"), der.yes(), wrap(notAnAuthority)),
  );
}
