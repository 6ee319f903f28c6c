/** Key pairs for tests, made by `openssl` and not by the code under test. */
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";

/** A client's certificate and key, PEM. */
export interface ClientPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A pair, with what servers call its certificate. */
export interface OpensslPair extends ClientPair {
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** The certificate as the certificates API takes it: DER in base64. */
  readonly der: string;
}

/** A pair as inputs of a Remote or an Onboarding. */
export function asInputs({ certificate, privateKey }: ClientPair): Record<string, string> {
  return { clientCertificate: certificate, clientKey: privateKey };
}

const keys = {
  "P-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
  "rsa:1024": ["-newkey", "rsa:1024"],
};

/**
 * Makes a self-signed client certificate of this common name and its key, valid for a day. With an `alternativeName`
 * ("IP:127.0.0.1") it serves a server, too.
 */
export function makePair(
  commonName: string,
  key: keyof typeof keys = "P-384",
  alternativeName?: string,
): OpensslPair {
  const output = ["-nodes", "-keyout", "-", "-out", "-", "-days", "1", "-subj", `/CN=${commonName}`];
  const names = alternativeName === undefined ? [] : ["-addext", `subjectAltName=${alternativeName}`];
  const pem = execFileSync("openssl", ["req", "-x509", ...keys[key], ...output, ...names], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const certificate = blockOf(pem, "CERTIFICATE");
  const der = new X509Certificate(certificate).raw;
  return {
    certificate,
    privateKey: blockOf(pem, "PRIVATE KEY"),
    fingerprint: createHash("sha256").update(der).digest("hex"),
    der: der.toString("base64"),
  };
}

function blockOf(pem: string, label: string): string {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(pem)?.[0];
  if (block === undefined) throw new Error(`openssl printed no ${label}`);
  return block;
}
