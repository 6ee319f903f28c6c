/** Values that are wrong for properties of several resources, and how that is said. */
import { makePair } from "../support/openssl-pair";
import { openssl } from "../unit/pki/openssl";
import { client, fingerprint, type Properties } from "./right-inputs";

/** A JSON type, the values of an enumeration, or several types with what is said of others. */
export type Kind =
  | ("string" | "boolean" | "number" | "object" | "array")
  | readonly string[]
  | { readonly types: readonly string[]; readonly reason: string };

/** What is wrong for one property. */
export interface WrongValues {
  /** Path as Pulumi writes it. */
  readonly property: string;
  readonly kind: Kind;
  /** Right inputs in which the property is made wrong. */
  readonly within: Properties;
  /** Values of the right type that are wrong all the same. */
  readonly values?: readonly (readonly [value: unknown, reason: string])[];
  /** Another property that a right value of this one makes wrong. */
  readonly disturbs?: string;
  /** A secret that is null counts as not given: an undefined one arrives so. */
  readonly isSecret?: true;
}

const print = "must be a SHA-256 fingerprint: 64 hex digits";
/** No fingerprints. */
export const noPrint: [string, string][] = [
  ["", print],
  ["b666fe92", print],
  [`${fingerprint}0`, print],
  [fingerprint.replace("b", "g"), print],
  [(fingerprint.match(/../g) ?? []).join(":"), print],
];
/** A pair that is another's. */
export const other = makePair("other");
export const strange = "the key does not belong to the certificate";
const noAddress = 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"';
export const noAddresses: [string, string][] = [
  "",
  "http://x",
  "x:0",
  "x:65536",
  "a b",
  "10.0.0",
  "8443",
  "a,b",
].map((value) => [value, noAddress]);
const noCertificate = "must be PEM (-----BEGIN CERTIFICATE-----), not a path or another encoding";
const damagedCertificate = "is damaged or not an X.509 certificate; give its PEM text complete and unchanged";
const noKey = "must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding";
const damagedKey = "is damaged or not a private key; give its PEM text complete and unchanged";
/** No certificates. */
export const certificates: [string, string][] = [
  ["", noCertificate],
  ["./client.crt", noCertificate],
  [Buffer.from(client.certificate).toString("base64"), noCertificate],
  [client.certificate.slice(0, 300), damagedCertificate],
  [client.certificate.replace(/M/g, "N"), damagedCertificate],
  [client.privateKey, "must not hold a private key: give the certificate alone"],
  [client.privateKey + client.certificate, "must not hold a private key: give the certificate alone"],
];
/** No private keys. */
export const keys: [string, string][] = [
  ["", noKey],
  ["~/.config/lxc/client.key", noKey],
  [client.certificate, noKey],
  [client.privateKey.slice(0, 200), damagedKey],
  [client.privateKey.replace(/M/g, "N"), damagedKey],
  [
    openssl(["pkcs8", "-topk8", "-passout", "pass:secret"], client.privateKey),
    "is protected by a passphrase; give it decrypted",
  ],
];

/** `timeouts` of a resource or of its connection. */
export function timeouts(prefix: string, within: Properties): WrongValues[] {
  const values: [unknown, string][] = [
    [0, "must be more than 0 seconds"],
    [-1, "must be more than 0 seconds"],
    [3600.5, "must be at most 3600 seconds"],
    [1e300, "must be at most 3600 seconds"],
  ];
  return [
    { property: `${prefix}timeouts`, kind: "object", within },
    { property: `${prefix}timeouts.connect`, kind: "number", within, values },
    { property: `${prefix}timeouts.request`, kind: "number", within, values },
  ];
}

/** What makes a PKCS#12 archive. */
export const pkcs12: Omit<WrongValues, "within">[] = [
  {
    property: "pkcs12Password",
    kind: "string",
    isSecret: true,
    values: [
      ["", "must not be empty: browsers refuse archives without a password"],
      ["a\0b", "must not contain a NUL character or half a character"],
    ],
  },
  { property: "pkcs12Encryption", kind: ["aes256", "3des"] },
];

/** Rows that share the right inputs in which each is made wrong. */
export function within(inputs: Properties, rows: readonly Omit<WrongValues, "within">[]): WrongValues[] {
  return rows.map((row) => ({ ...row, within: inputs }));
}
