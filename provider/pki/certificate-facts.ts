import { createHash, X509Certificate } from "node:crypto";

import { AccessError } from "../errors";
import { RecentTexts } from "../recent";

/** What the provider needs to know of a certificate. Whoever reads the same one is given the same, so nobody may change it. */
export interface CertificateFacts {
  /** SHA-256 of the certificate's DER form, 64 lower-case hex digits: how LXD names certificates. */
  readonly fingerprint: string;
  /** Start of the validity, whole seconds. */
  readonly notBefore: Date;
  /** End of the validity, whole seconds; the certificate is still good at this instant. */
  readonly expiresAt: Date;
  /** Whether it may sign other certificates (basicConstraints CA:TRUE). */
  readonly isAuthority: boolean;
  /** The subject's common name (of several the last, as Go programs read it); absent where it has none. */
  readonly commonName?: string;
  /** This one certificate as PEM in lines of 64 characters with a trailing newline, without what stood around it. */
  readonly pem: string;
}

const blockStart = "-----BEGIN CERTIFICATE-----";
const blockEnd = "-----END CERTIFICATE-----";

/**
 * Reads the first certificate of a PEM text.
 *
 * @param name what the text is called where the user gave it; it begins the error message.
 * @throws AccessError INPUT_INVALID where there is none or it is damaged; the message repeats nothing of the text.
 */
export function readCertificate(pem: string, name = "certificate"): CertificateFacts {
  return recent.of(pem, () => read(pem, name));
}

/** A stack has some per server; each is read at every look at each resource. */
const recent = new RecentTexts<CertificateFacts>(2000);

function read(pem: string, name: string): CertificateFacts {
  const der = firstBlockOf(pem, name);
  try {
    const certificate = new X509Certificate(der);
    // OpenSSL stops at the certificate's end and forgives loose encodings; Go, and so LXD, does neither.
    // The text itself goes to TLS and into files of clients, which read no block that is indented, say.
    if (certificate.raw.equals(der) && new X509Certificate(pem).raw.equals(der)) return factsOf(certificate);
  } catch {
    // The same answer as for a certificate that can be read but is not the whole of the block.
  }
  throw new AccessError(
    "INPUT_INVALID",
    `${name}: the certificate is damaged or not X.509. Give its PEM text complete and unchanged`,
  );
}

/** The SHA-256 fingerprint of a certificate in DER form: 64 lower-case hex digits. */
export function fingerprintOf(der: Buffer): string {
  return createHash("sha256").update(der).digest("hex");
}

/** SHA-256 (hex) of the certificate in a text; undefined where there is no text, or nothing that can be read in it. */
export function fingerprintIn(pem: string | undefined): string | undefined {
  try {
    return pem === undefined ? undefined : readCertificate(pem).fingerprint;
  } catch {
    return undefined;
  }
}

/** The bytes of the first certificate block; none at all where it is not base64, which is damage too. */
function firstBlockOf(pem: string, name: string): Buffer {
  const start = pem.indexOf(blockStart);
  const end = pem.indexOf(blockEnd, start);
  if (start === -1 || end === -1) {
    const found = pem.includes("PRIVATE KEY-----") ? "a private key and no certificate" : "no certificate";
    throw new AccessError(
      "INPUT_INVALID",
      `${name}: it holds ${found}. Give PEM text from "${blockStart}" to "${blockEnd}", not a file's name`,
    );
  }
  const body = pem.slice(start + blockStart.length, end).replace(/\s/g, "");
  // Buffer.from alone would skip what is not base64.
  return /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? Buffer.from(body, "base64") : Buffer.alloc(0);
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    fingerprint: fingerprintOf(certificate.raw),
    notBefore: dateOf(certificate.validFrom),
    expiresAt: dateOf(certificate.validTo),
    isAuthority: certificate.ca,
    commonName: commonNameIn(certificate.subject),
    pem: certificate.toString(),
  };
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Reads "Jan  2 03:04:05 2031 GMT". Not by Date.parse, which takes the year 1 (Go's unset time) for 2001. */
function dateOf(text: string): Date {
  const [, month = "", day, hours, minutes, seconds, year] =
    /^(\w{3}) +(\d+) (\d+):(\d+):(\d+)(?:\.\d+)? (\d+) GMT$/.exec(text) ?? [];
  const date = new Date(0);
  date.setUTCFullYear(Number(year), months.indexOf(month), Number(day));
  date.setUTCHours(Number(hours), Number(minutes), Number(seconds));
  if (Number.isNaN(date.getTime())) throw new TypeError("not a time as OpenSSL prints it");
  return date;
}

/**
 * Node prints one attribute a line (or several, with " + " between) and escapes what would look like more.
 * Its toLegacyObject() would give the attributes themselves, but loads an inner part of node:tls before the outer one,
 * and where node:tls was not in use yet that leaves it without createSecureContext for the life of the process.
 */
function commonNameIn(subject: string | undefined): string | undefined {
  const printed = subject?.matchAll(/(?:^|\n| \+ )CN=((?:\\.|[^\\\n])+?)(?= \+ |\n|$)/g) ?? [];
  const last = Array.from(printed).at(-1)?.[1];
  return last?.replace(/\\(?:([0-9A-F]{2})|(.))/gu, (_, code?: string, character = "") =>
    code === undefined ? String(character) : String.fromCharCode(parseInt(code, 16)),
  );
}
