import type * as forge from "node-forge";

/** A node of an ASN.1 tree that is still to be written. */
export type Asn1 = forge.asn1.Asn1;

/** Builds ASN.1 trees and writes them as DER: the few types that certificates and PKCS#12 archives need. */
export interface DerWriter {
  sequence(...items: Asn1[]): Asn1;
  /** SET OF: the items are put into the order DER asks for. */
  setOf(...items: Asn1[]): Asn1;
  /** An object identifier in dotted form. */
  oid(dotted: string): Asn1;
  /** A small number, or the big-endian bytes of a positive one whose first byte is 1 to 127. */
  integer(value: number | Buffer): Asn1;
  octets(value: Buffer): Asn1;
  /** A bit string whose last byte leaves out its lowest `unusedBits` bits. */
  bits(value: Buffer, unusedBits?: number): Asn1;
  yes(): Asn1;
  nothing(): Asn1;
  utf8(text: string): Asn1;
  /** UTF-16, as PKCS#12 wants names. */
  bmp(text: string): Asn1;
  /** UTCTime up to 2049 and GeneralizedTime from 2050, as RFC 5280 wants it; whole seconds. */
  time(value: Date): Asn1;
  /** `[tag] EXPLICIT`. */
  explicit(tag: number, item: Asn1): Asn1;
  /** `[tag] IMPLICIT OCTET STRING`. */
  implicitOctets(tag: number, value: Buffer): Asn1;
  /** DER that exists already, as part of a larger tree. Only for DER made by this process. */
  embed(der: Buffer): Asn1;
  encode(tree: Asn1): Buffer;
}

/** node-forge, loaded at the first use: most runs of the provider make no key and should not pay for it. */
export async function loadForge(): Promise<typeof forge> {
  // Node puts a CommonJS module under `default`, which this module's types do not say.
  const loaded: typeof forge & { default?: typeof forge } = await import("node-forge");
  return loaded.default ?? loaded;
}

/** A writer over node-forge, which only writes here: keys, signatures and parsing are node:crypto's. */
export async function loadDerWriter(): Promise<DerWriter> {
  const { asn1 } = await loadForge();
  const { Class, Type } = asn1;
  const primitive = (type: forge.asn1.Type, bytes: string) =>
    asn1.create(Class.UNIVERSAL, type, false, bytes);
  const constructed = (type: forge.asn1.Type, items: Asn1[]) =>
    asn1.create(Class.UNIVERSAL, type, true, items);
  // A context tag is any number, for which node-forge's types have only the names of the universal ones.
  const tagged: (tagClass: number, tag: number, constructed: boolean, value: string | Asn1[]) => Asn1 =
    asn1.create;
  const encode = (tree: Asn1) => bytesOf(asn1.toDer(tree).getBytes());

  return {
    sequence: (...items) => constructed(Type.SEQUENCE, items),
    setOf: (...items) =>
      constructed(
        Type.SET,
        [...items].sort((a, b) => Buffer.compare(encode(a), encode(b))),
      ),
    oid: (dotted) => primitive(Type.OID, asn1.oidToDer(dotted).getBytes()),
    integer: (value) =>
      primitive(
        Type.INTEGER,
        typeof value === "number" ? asn1.integerToDer(value).getBytes() : binaryString(value),
      ),
    octets: (value) => primitive(Type.OCTETSTRING, binaryString(value)),
    bits: (value, unusedBits = 0) =>
      primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + binaryString(value)),
    yes: () => primitive(Type.BOOLEAN, "\xff"),
    nothing: () => primitive(Type.NULL, ""),
    utf8: (text) => primitive(Type.UTF8, binaryString(Buffer.from(text, "utf8"))),
    bmp: (text) => primitive(Type.BMPSTRING, text),
    time: (value) =>
      value.getUTCFullYear() < 2050
        ? primitive(Type.UTCTIME, asn1.dateToUtcTime(value))
        : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(value)),
    explicit: (tag, item) => tagged(Class.CONTEXT_SPECIFIC, tag, true, [item]),
    implicitOctets: (tag, value) => tagged(Class.CONTEXT_SPECIFIC, tag, false, binaryString(value)),
    embed: (der) => asn1.fromDer(binaryString(der)),
    encode,
  };
}

/** node-forge keeps bytes in strings of one character per byte. */
export function binaryString(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** The way back from {@link binaryString}. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
