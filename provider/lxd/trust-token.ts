/**
 * Trust tokens as `lxc remote add` takes them: base64 of a JSON object that the client puts together from the
 * server's answer. The server reads only the secret back, so the addresses inside may be rewritten for clients that
 * reach it another way (NAT, load balancer, DNS).
 */
import * as z from "zod";
import { parseJson } from "../json";

/** What a trust token says. `secret` is what makes it a secret; everything else may be shown. */
export interface TrustToken {
  /** Name the client gets in the server's trust store. */
  readonly clientName: string;
  /** SHA-256 of the server's certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Where the server can be reached, each `host:port`. */
  readonly addresses: readonly string[];
  /** The one-shot secret: 64 hex digits. */
  readonly secret: string;
  /** RFC 3339, or undefined where the token does not expire. */
  readonly expiresAt?: string;
  /** Which API takes it: a pending TLS identity, or a certificate add operation. */
  readonly kind: "certificate" | "identity";
}

/** How servers and clients write "never" in a field that must hold a time. */
const never = "0001-01-01T00:00:00Z";

const wireFormat = z.object({
  client_name: z.string().min(1),
  fingerprint: z.string().regex(/^[0-9a-fA-F]{64}$/),
  addresses: z.array(z.string().min(1)).min(1),
  secret: z.string().regex(/^[^\p{C}\p{Z}]+$/u),
  expires_at: z.string().optional(),
  type: z.string().optional(),
});

/** Reads a token. Undefined where the text is none; the caller must not repeat the text in a message. */
export function decodeTrustToken(text: string): TrustToken | undefined {
  const trimmed = text.trim();
  // Servers refuse base64 that lost its padding, which Node would forgive.
  if (trimmed.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) return undefined;
  const parsed = wireFormat.safeParse(parseJson(Buffer.from(trimmed, "base64").toString("utf8")));
  if (!parsed.success) return undefined;
  const { client_name, fingerprint, addresses, secret, expires_at, type } = parsed.data;
  return {
    clientName: client_name,
    fingerprint: fingerprint.toLowerCase(),
    addresses,
    secret,
    expiresAt: expiryOf(expires_at),
    kind: type === undefined || type === "" ? "certificate" : "identity",
  };
}

/** What must not be repeated of a text that is sent as a token, the longest first. */
export function secretsOf(token: string): string[] {
  const text = token.trim();
  const { secret } = decodeTrustToken(text) ?? {};
  return [text, text.replace(/=+$/, ""), ...(secret === undefined ? [] : [secret])];
}

/** Writes a token as `lxc remote add` and the join API take it. The result is secret. */
export function encodeTrustToken(token: TrustToken): string {
  const wire = {
    client_name: token.clientName,
    fingerprint: token.fingerprint,
    addresses: token.addresses,
    secret: token.secret,
    expires_at: token.expiresAt ?? never,
    type: token.kind === "identity" ? "Client certificate" : "",
  };
  return Buffer.from(JSON.stringify(wire), "utf8").toString("base64");
}

/** A server's expiry as RFC 3339, or undefined where it means "never". */
export function expiryOf(value: string | undefined): string | undefined {
  return value === undefined || value === "" || value.startsWith("0001-01-01") ? undefined : value;
}
