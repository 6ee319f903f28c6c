/** Key pairs of clients, made by `openssl` and not by what is measured. */
import { createHash, X509Certificate } from "node:crypto";
import { run } from "../../scripts/run.mjs";

/** @typedef {{ certificate: string, privateKey: string, fingerprint: string }} Pair PEM, and SHA-256 in hex */

/**
 * @param {string} commonName
 * @returns {Promise<Pair>}
 */
export async function makePair(commonName) {
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes"];
  const output = ["-keyout", "-", "-out", "-", "-days", "2", "-subj", `/CN=${commonName}`];
  const { stdout } = await run("openssl", [...args, ...output], { what: "making a key pair with openssl" });
  const certificate = blockOf(stdout, "CERTIFICATE");
  const fingerprint = createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
  return { certificate, privateKey: blockOf(stdout, "PRIVATE KEY"), fingerprint };
}

/**
 * @param {string} pem
 * @param {string} label
 */
function blockOf(pem, label) {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(pem)?.[0];
  if (block === undefined) throw new Error(`openssl printed no ${label}`);
  return block;
}
