import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** A server's own certificate and key, as they lie in its directory. */
export interface ServerIdentity {
  /** PEM. */
  certificate: string;
  /** PEM, secret. */
  privateKey: string;
  /** SHA-256 of the certificate's DER form, lower-case hex. */
  fingerprint: string;
}

/**
 * Reads `server.crt` and `server.key` of this directory; makes a self-signed P-384 pair if they are not there.
 * So the certificate is rotated as on a real server: delete both, then restart.
 */
export async function serverIdentity(directory: string, hostName: string): Promise<ServerIdentity> {
  const certificateFile = join(directory, "server.crt");
  const keyFile = join(directory, "server.key");
  if (!existsSync(certificateFile) || !existsSync(keyFile))
    await promisify(execFile)("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes"],
      ...["-keyout", keyFile, "-out", certificateFile, "-days", "3650"],
      // A common name has 64 characters at most.
      ...["-subj", `/O=LXD double/CN=${`root@${hostName}`.slice(0, 64)}`],
      ...["-addext", `subjectAltName=DNS:${hostName},IP:127.0.0.1,IP:::1`],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"],
    ]);
  const certificate = readFileSync(certificateFile, "utf8");
  const { raw } = new X509Certificate(certificate);
  const fingerprint = createHash("sha256").update(raw).digest("hex");
  return { certificate, privateKey: readFileSync(keyFile, "utf8"), fingerprint };
}
