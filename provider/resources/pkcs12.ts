/** The PKCS#12 archive of a client's certificate and key, which resources with a client pair make if a password is given. */
import * as z from "zod";
import type { CheckFailure, RawInputs } from "../handler";
import type { KeyPair } from "../pki/certificate";
import { toPkcs12 } from "../pki/pkcs12";
import { oneOf, textThat } from "../properties";

const encryption = oneOf("Pkcs12Encryption", "Encryption of a PKCS#12 archive.", {
  aes256: "AES-256, which browsers and OpenSSL take.",
  "3des": "Triple DES, which the keychain of macOS wants.",
});

/** Schemas of the inputs. */
export const pkcs12Inputs = {
  pkcs12Password: textThat(describePasswordProblem).optional().meta({
    description:
      "Password of the PKCS#12 archive; none is made without one. Browsers take ECDSA and RSA keys, not Ed25519.",
    secret: true,
  }),
  pkcs12Encryption: encryption.optional().meta({
    description: "Encryption of the archive: aes256 (default), or 3des, which the keychain of macOS wants.",
  }),
};

/** Schemas of the outputs. */
export const pkcs12Outputs = {
  pkcs12: z.string().optional().meta({
    description: "Certificate and key as PKCS#12 archive for browsers, base64; only with pkcs12Password.",
    secret: true,
  }),
  pkcs12Password: z.string().optional().meta({ description: "The password given last.", secret: true }),
};

interface Outputs {
  readonly pkcs12?: string;
  readonly pkcs12Password?: string;
}

/** Importers take no longer ones, and making an archive would take seconds, in which nothing else gets its turn. */
const longestPassword = 1024;

function describePasswordProblem(password: string): string | undefined {
  if (password === "") return "must not be empty: browsers refuse archives without a password";
  if (password.length > longestPassword) return `must be at most ${longestPassword} characters long`;
  return /[\0\p{Cs}]/u.test(password) ? "must not contain a NUL character or half a character" : undefined;
}

/** The mistakes that no single input shows. */
export function pkcs12Rules({ pkcs12Encryption, pkcs12Password }: RawInputs): CheckFailure[] {
  if (pkcs12Encryption === undefined || pkcs12Password !== undefined) return [];
  return [{ property: "pkcs12Encryption", reason: "needs pkcs12Password" }];
}

/** What an archive is made from. */
interface Contents {
  readonly pair: KeyPair;
  /** The name under which browsers show it. */
  readonly friendlyName: string;
  readonly pkcs12Password?: string;
  readonly pkcs12Encryption?: "aes256" | "3des";
}

/**
 * The archive, and the password that it was made with; neither without a password. Made anew it would differ each time,
 * so `held`, what the resource holds and what that was made from, is kept where nothing of it has changed. Secret.
 */
export async function pkcs12Of(contents: Contents, held?: Contents & Outputs): Promise<Outputs> {
  const { pair, friendlyName, pkcs12Password: password, pkcs12Encryption: encryption = "aes256" } = contents;
  if (password === undefined) return {};
  if (held?.pkcs12 !== undefined && isSame(contents, held))
    return { pkcs12: held.pkcs12, pkcs12Password: password };
  const pkcs12 = await toPkcs12({ ...pair, password, encryption, friendlyName });
  return { pkcs12, pkcs12Password: password };
}

function isSame(one: Contents, other: Contents): boolean {
  return (
    one.pair.certificate === other.pair.certificate &&
    one.pair.privateKey === other.pair.privateKey &&
    one.friendlyName === other.friendlyName &&
    one.pkcs12Password === other.pkcs12Password &&
    (one.pkcs12Encryption ?? "aes256") === (other.pkcs12Encryption ?? "aes256")
  );
}
