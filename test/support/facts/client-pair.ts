import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A client's key pair for tests, made by `openssl` and not by the code under test. */
export interface ClientPair {
  /** PEM. */
  certificate: string;
  /** PEM (PKCS#8); would be secret in real life. */
  privateKey: string;
  /** SHA-256 of the certificate's DER form, lower-case hex. */
  fingerprint: string;
  /** The certificate's DER form in base64 without line breaks, as the certificates API takes it. */
  der: string;
}

const KEYS = {
  "P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  "rsa:1024": ["-newkey", "rsa:1024"],
};

/**
 * Makes a self-signed certificate for this common name, valid from now for a day.
 * `openssl` must be on PATH; the error says so where it is not.
 */
export async function makeClientPair(
  commonName: string,
  key: keyof typeof KEYS = "P-256",
): Promise<ClientPair> {
  const output = ["-nodes", "-keyout", "-", "-out", "-", "-days", "1", "-subj", `/CN=${commonName}`];
  const { stdout } = await run("openssl", ["req", "-x509", ...KEYS[key], ...output]);
  const certificate = part(stdout, "CERTIFICATE");
  const der = new X509Certificate(certificate).raw;
  return {
    certificate,
    privateKey: part(stdout, "PRIVATE KEY"),
    fingerprint: createHash("sha256").update(der).digest("hex"),
    der: der.toString("base64"),
  };
}

function part(pem: string, label: string): string {
  const match = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(pem);
  if (!match) throw new Error(`openssl printed no ${label}.`);
  return match[0];
}
