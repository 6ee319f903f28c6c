import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { KeyPair } from "../../../provider/pki/client-pair";

/** A pair made by `openssl`, not by the code under test. */
export interface OpensslPair extends KeyPair {
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint: string;
}

/** Makes a self-signed certificate of this common name and its P-384 key, valid for a day. */
export function makePair(commonName: string): OpensslPair {
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes"];
  const output = ["-keyout", "-", "-out", "-", "-days", "1", "-subj", `/CN=${commonName}`];
  const pem = execFileSync("openssl", [...request, ...output], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const certificate = blockOf(pem, "CERTIFICATE");
  const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ""), "base64");
  return {
    certificate,
    privateKey: blockOf(pem, "PRIVATE KEY"),
    fingerprint: createHash("sha256").update(der).digest("hex"),
  };
}

function blockOf(pem: string, label: string): string {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(pem)?.[0];
  if (block === undefined) throw new Error(`openssl printed no ${label}`);
  return block;
}
