import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { isAccessError } from "../errors";
import { RecentTexts } from "../recent";
import { readCertificate } from "./certificate-facts";
import type { CertificateFacts } from "./certificate-facts";

/** A client's certificate and the key that proves it is its own. */
export interface KeyPair {
  /** X.509 certificate, PEM. Of several, the first is the client's. */
  certificate: string;
  /** Private key, PEM without a passphrase. Secret. */
  privateKey: string;
}

/**
 * Why a client pair cannot be used, as a phrase that fits after "clientCertificate and clientKey: ", or undefined
 * where it can. Servers spend a token before they look at the certificate, so this is asked before a token is sent.
 * The phrase repeats nothing of certificate or key but dates, sizes and the names of algorithms.
 */
export function describeClientPairProblem(pair: KeyPair, now: Date): string | undefined {
  const certificate = certificateOf(pair.certificate);
  if (certificate === undefined) return "the certificate is not a readable X.509 certificate in PEM form";
  const text = `${pair.certificate}\0${pair.privateKey}`;
  const { problem } = recentPairs.of(text, () => ({ problem: problemOf(certificate, pair.privateKey) }));
  return problem ?? describeValidityProblem(certificate, now);
}

const recentPairs = new RecentTexts<{ readonly problem: string | undefined }>(1000);

/** What is wrong with a pair at any time. */
function problemOf(certificate: CertificateFacts, privateKey: string): string | undefined {
  if (isEncryptedKey(privateKey)) return "the key is protected by a passphrase; give it decrypted";
  const key = privateKeyOf(privateKey);
  if (key === undefined) return "the key is not a readable private key in PEM form";
  if (!belongsTogether(certificate, key)) return "the key does not belong to the certificate";
  return describeKeyProblem(key);
}

/** The key of a PEM text, or undefined where there is none or it needs a passphrase. */
export function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return recentKeys.of(pem, () => createPrivateKey(pem));
  } catch {
    return undefined;
  }
}

const recentKeys = new RecentTexts<KeyObject>(1000);

/** Whether a key is the one a certificate was made for; false too for kinds of key this machine does not know. */
export function belongsTogether(certificate: CertificateFacts, key: KeyObject): boolean {
  try {
    return new X509Certificate(certificate.pem).checkPrivateKey(key);
  } catch {
    return false;
  }
}

function certificateOf(pem: string): CertificateFacts | undefined {
  try {
    return readCertificate(pem);
  } catch (error) {
    if (isAccessError(error, "INPUT_INVALID")) return undefined;
    throw error;
  }
}

/** PKCS#8 says it in the block's name, the older forms in a header. */
function isEncryptedKey(pem: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m.test(pem);
}

const usableCurves = ["prime256v1", "secp384r1", "secp521r1"];

/** Go, and so LXD, proves and checks these kinds of key in TLS 1.3 and no others. */
function describeKeyProblem(key: KeyObject): string | undefined {
  const type = key.asymmetricKeyType ?? "unknown";
  const { modulusLength = 0, namedCurve = "unknown" } = key.asymmetricKeyDetails ?? {};
  if (type === "rsa" && modulusLength < 2048) {
    return `the RSA key has ${modulusLength} bits; servers take 2048 and more`;
  }
  if (type === "ec" && !usableCurves.includes(namedCurve)) {
    return `the key's curve ${namedCurve} is none of P-256, P-384 and P-521`;
  }
  if (!["rsa", "ec", "ed25519"].includes(type)) {
    return `the key is of type ${type}; servers take ECDSA, Ed25519 and RSA keys`;
  }
  return undefined;
}

function describeValidityProblem(certificate: CertificateFacts, now: Date): string | undefined {
  const { notBefore, expiresAt } = certificate;
  if (now < notBefore) return `the certificate is not valid before ${notBefore.toISOString()}`;
  if (now > expiresAt) return `the certificate expired at ${expiresAt.toISOString()}`;
  return undefined;
}
