/** Schemas of properties that several resources share, with the words that users see. */
import * as z from "zod";
import { describeServerAddressProblem } from "./lxd/address";
import { describeClientPairProblem, privateKeyOf } from "./pki/client-pair";
import { readCertificate } from "./pki/certificate-facts";

/** Refines text by a function that answers what is wrong with it. The value itself never enters the message. */
export function textThat(describeProblem: (text: string) => string | undefined): z.ZodType<string> {
  return z.string().superRefine((value, context) => {
    const problem = describeProblem(value);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

/** What a property of few values is in the package schema: a type of this name. Metadata, as `enumeration`. */
export interface Enumeration {
  readonly name: string;
  readonly description: string;
  /** What each value means. */
  readonly values: Readonly<Record<string, string>>;
}

/** Text that is one of few. */
export function oneOf<const Values extends Enumeration["values"]>(
  name: string,
  description: string,
  values: Values,
): z.ZodEnum<{ [Value in keyof Values & string]: Value }> {
  const names = Object.fromEntries(Object.keys(values).map((value) => [value, value]));
  const enumeration: Enumeration = { name, description, values };
  return z.enum(names as { [Value in keyof Values & string]: Value }).meta({ enumeration });
}

/** A SHA-256 in hex, as `lxc` prints it. */
export const fingerprint = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, "must be a SHA-256 fingerprint: 64 hex digits");

/** Text that holds a certificate or a private key in PEM form. Whether a certificate has expired is judged where it is used. */
export function pemText(kind: "CERTIFICATE" | "PRIVATE KEY"): z.ZodType<string> {
  return textThat(kind === "CERTIFICATE" ? describeCertificateProblem : describePrivateKeyProblem);
}

/** Why a text is no certificate, as a phrase that follows the property's name; undefined when it is one. */
function describeCertificateProblem(text: string): string | undefined {
  // The certificate's property is not a secret one: a key in it would be stored and shown in plain text.
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return "must not hold a private key: give the certificate alone";
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    return "must be PEM (-----BEGIN CERTIFICATE-----), not a path or another encoding";
  try {
    readCertificate(text);
    return undefined;
  } catch {
    return "is damaged or not an X.509 certificate; give its PEM text complete and unchanged";
  }
}

/** Why a text is no usable private key, as a phrase that follows the property's name; undefined when it is one. */
function describePrivateKeyProblem(text: string): string | undefined {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return "must be PEM (-----BEGIN PRIVATE KEY-----), not a path or another encoding";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m.test(text))
    return "is protected by a passphrase; give it decrypted";
  return privateKeyOf(text) === undefined
    ? "is damaged or not a private key; give its PEM text complete and unchanged"
    : undefined;
}

/**
 * Why a certificate and a key that are right by themselves cannot be used together, as a phrase; undefined when they
 * can, or when one of them is missing, unknown or wrong by itself.
 */
export function describePairProblem(certificate: unknown, privateKey: unknown): string | undefined {
  if (typeof certificate !== "string" || typeof privateKey !== "string") return undefined;
  if (describeCertificateProblem(certificate) ?? describePrivateKeyProblem(privateKey)) return undefined;
  // Whether the certificate is valid now is not a matter of the inputs, so it is asked about a day when it was.
  return describeClientPairProblem({ certificate, privateKey }, readCertificate(certificate).notBefore);
}

/** Name of a project. Servers refuse these characters too, but a Remote's project is written after the token is spent. */
export const projectName = textThat((name) => {
  if (name === "") return "must not be empty";
  return /[\p{C}\p{Z}/]/u.test(name)
    ? 'must not contain "/", blanks or characters that cannot be printed'
    : undefined;
});

/** Where a server is dialled: host, host:port or an https URL. */
export const serverAddress = textThat(describeServerAddressProblem);

/** A TCP port. */
export const port = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && value >= 1 && value <= 65535,
    "must be a whole number from 1 to 65535",
  )
  .meta({ integer: true });

const seconds = z.number().positive("must be more than 0 seconds").max(3600, "must be at most 3600 seconds");

/** Bounds on waiting, in seconds. */
export const timeouts = z
  .strictObject({
    connect: seconds.optional().meta({ description: "Seconds until a connection stands. Default 10." }),
    request: seconds.optional().meta({ description: "Seconds until a request is answered. Default 30." }),
  })
  .meta({ id: "Timeouts", description: "Bounds on waiting for the server, in seconds." });

/** Why a path cannot be a client directory, as a phrase that follows the property's name; undefined when it can. */
export function describeConfigDirProblem(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (/\p{Cc}/u.test(path)) return "must not contain control characters";
  return /^~[^/]/.test(path)
    ? "must not begin with another user's home; write that path out in full"
    : undefined;
}
