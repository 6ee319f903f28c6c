import { strict as assert } from "node:assert";
import { makePair, type OpensslPair } from "../openssl-pair";
import type { RawReply } from "../raw-request";
import { freePort } from "../server-view";

const pairs = new Map<string, OpensslPair>();

/** A client's key pair, the same for this name in the whole process. A name with "weak" has a short RSA key. */
export function pairOf(name: string): OpensslPair {
  const pair = pairs.get(name) ?? makePair(name, name.startsWith("weak") ? "rsa:1024" : "P-384");
  pairs.set(name, pair);
  return pair;
}

/** What a server said when it issued a token. */
export interface IssuedToken {
  /** Of the operation that holds it, or of the pending identity. */
  id: string;
  /** Of the client it is for. */
  name: string;
  secret: string;
  addresses: string[];
  fingerprint: string;
  expiresAt?: string;
  /** Only tokens for identities have one. */
  type?: string;
}

/** Reads it from the reply: a token operation, or what was said of a pending identity. */
export function issuedToken({ headers, body }: RawReply): IssuedToken {
  const { id, metadata } = body.metadata as { id: string; metadata?: TokenOperation };
  if (metadata !== undefined) return { ...metadata, id, name: metadata.request.name };
  const { client_name: name, expires_at: expiresAt, ...rest } = body.metadata as IdentityToken;
  return { ...rest, id: headers.location?.split("/").pop() ?? "", name, expiresAt };
}

interface TokenOperation extends Omit<IssuedToken, "id" | "name" | "type"> {
  readonly request: { readonly name: string };
}

interface IdentityToken extends Omit<IssuedToken, "id" | "name" | "expiresAt"> {
  readonly client_name: string;
  readonly expires_at: string;
}

/** What the names in braces stand for during one case. */
export class Names {
  readonly tokens = new Map<string, IssuedToken>();
  readonly etags = new Map<string, string>();
  readonly #ports = new Map<string, number>();

  /** `uuid` is the server's own, "" where it tells none. */
  constructor(private readonly uuid: string) {}

  /** The value with every `{kind:name}` in its strings, at any depth, replaced. */
  async fill(value: unknown): Promise<unknown> {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.fill(item)));
    if (typeof value !== "object" || value === null || value instanceof RegExp) return value;
    const entries = Object.entries(value).map(async ([key, item]) => [key, await this.fill(item)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** The same for one string. */
  async text(template: string): Promise<string> {
    let text = template;
    for (const [placeholder, kind = "", name = ""] of template.matchAll(/\{(\w+)(?::([\w-]+))?\}/g))
      text = text.replaceAll(placeholder, (await this.#lookUp(kind, name)) ?? placeholder);
    return text;
  }

  token(name: string): IssuedToken {
    const token = this.tokens.get(name);
    assert.ok(token, `no token was issued as ${name}`);
    return token;
  }

  async port(name: string): Promise<number> {
    const port = this.#ports.get(name) ?? (await freePort());
    this.#ports.set(name, port);
    return port;
  }

  async #lookUp(kind: string, name: string): Promise<string | undefined> {
    switch (kind) {
      case "port":
        return String(await this.port(name));
      case "fingerprint":
        return pairOf(name).fingerprint;
      case "prefix":
        return pairOf(name).fingerprint.slice(0, 12);
      case "der":
        return pairOf(name).der;
      case "pem":
        return pairOf(name).certificate;
      case "operation":
      case "identity":
        return this.token(name).id;
      case "secret":
        return this.token(name).secret;
      case "token":
        return encode(this.token(name));
      case "forged":
        return encode({ ...this.token(name), secret: "0".repeat(64) });
      case "etag":
        return this.etags.get(name);
      case "uuid":
        return this.uuid;
      default:
        // ANYTHING and ABSENT.
        return undefined;
    }
  }
}

/** The token's text, put together as the command-line clients do it. */
function encode({ name, fingerprint, addresses, secret, expiresAt, type }: IssuedToken): string {
  const expires_at = expiresAt ?? "0001-01-01T00:00:00Z";
  const token = { client_name: name, fingerprint, addresses, secret, expires_at, type };
  return Buffer.from(JSON.stringify(token)).toString("base64");
}
