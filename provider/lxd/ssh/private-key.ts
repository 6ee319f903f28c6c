/** Private keys for SSH: in OpenSSH's own form, or in one of OpenSSL's. Nothing of a key ever enters a message. */
import { createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ParsedKey } from "ssh2";
import { AccessError, messageOf, refuse } from "../../errors";
import type { KeySource, SshHost } from "./host";
import { loadSsh2 } from "./library";

const magic = "openssh-key-v1\0";

/** Why a text is no private key, as a phrase that follows the property's name; undefined when it seems to be one. */
export function describeSshKeyProblem(text: string): string | undefined {
  const kind = kindOf(text);
  if (kind === undefined)
    return "must be a private key (-----BEGIN OPENSSH PRIVATE KEY----- or PEM), not a path or another encoding";
  if (isProtectedKey(text)) return undefined;
  const isWhole = kind === "OPENSSH" ? containerOf(text) !== undefined : read(text, undefined) !== undefined;
  return isWhole ? undefined : "is damaged or not a private key; give its text complete and unchanged";
}

/** Whether a private key is protected by a passphrase. */
export function isProtectedKey(text: string): boolean {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m.test(text)) return true;
  const container = containerOf(text);
  return container !== undefined && container.toString("latin1", 4, 4 + container.readUInt32BE(0)) !== "none";
}

/** A key to log in with, and what to call it in messages. */
export interface LoginKey {
  readonly name: string;
  readonly key: ParsedKey;
}

/**
 * Reads the keys to log in to a host with.
 * @throws AccessError CONFIG_INVALID where one cannot be read or opened.
 */
export async function readKeys({ keys, passphrase }: SshHost): Promise<LoginKey[]> {
  const found: LoginKey[] = [];
  for (const source of keys) {
    const name = "path" in source ? source.path : "privateKey";
    const text = await textOf(source);
    if (text === undefined) continue;
    const isProtected = isProtectedKey(text);
    if (isProtected && passphrase === undefined) {
      if ("path" in source && source.isOptional) continue;
      refuse(
        "CONFIG_INVALID",
        `the private key (${name}) is protected by a passphrase. Give privateKeyPassphrase`,
      );
    }
    const key = await parse(text, isProtected ? passphrase : undefined);
    if (key !== undefined) found.push({ name, key });
    else
      refuse(
        "CONFIG_INVALID",
        isProtected
          ? `the private key (${name}) does not open with this privateKeyPassphrase, or is damaged. Give the right one`
          : `the private key (${name}) is damaged or of a kind that SSH does not take. Give another one`,
      );
  }
  return found;
}

async function textOf(source: KeySource): Promise<string | undefined> {
  if ("text" in source) return source.text;
  try {
    return await readFile(source.path, "utf8");
  } catch (error) {
    if (source.isOptional) return undefined;
    throw new AccessError(
      "CONFIG_INVALID",
      `the private key cannot be read: ${messageOf(error)}. Give another privateKeyPath, or privateKey`,
    );
  }
}

/** The key, or undefined where the text holds none or the passphrase is wrong. The library's reasons may quote the text. */
async function parse(text: string, passphrase: string | undefined): Promise<ParsedKey | undefined> {
  const { utils } = await loadSsh2();
  const normal = kindOf(text) === "PKCS8" ? rewritten(read(text, passphrase)) : text;
  if (normal === undefined) return undefined;
  const key: unknown = utils.parseKey(normal, passphrase);
  const first = (Array.isArray(key) ? key[0] : key) as ParsedKey | Error | undefined;
  return first === undefined || first instanceof Error || !first.isPrivateKey() ? undefined : first;
}

function kindOf(text: string): "OPENSSH" | "PKCS8" | "PEM" | undefined {
  const name = /-----BEGIN (OPENSSH |RSA |EC |ENCRYPTED |)PRIVATE KEY-----/.exec(text)?.[1]?.trim();
  if (name === undefined) return undefined;
  if (name === "OPENSSH") return "OPENSSH";
  return name === "" || name === "ENCRYPTED" ? "PKCS8" : "PEM";
}

/** What is inside OpenSSH's own form, from the name of its cipher on; undefined where it is none, or cut off. */
function containerOf(text: string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END OPENSSH PRIVATE KEY-----/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const bytes = Buffer.from(body, "base64");
  if (bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const content = bytes.subarray(magic.length);
  return content.length > 4 && content.length >= 4 + content.readUInt32BE(0) ? content : undefined;
}

function read(text: string, passphrase: string | undefined): KeyObject | undefined {
  try {
    return createPrivateKey({ key: text, passphrase });
  } catch {
    return undefined;
  }
}

/** The key in a form that the SSH library reads: it does not know PKCS#8. */
function rewritten(key: KeyObject | undefined): string | undefined {
  if (key?.asymmetricKeyType === "rsa") return key.export({ type: "pkcs1", format: "pem" }).toString();
  if (key?.asymmetricKeyType === "ec") return key.export({ type: "sec1", format: "pem" }).toString();
  return key?.asymmetricKeyType === "ed25519" ? inOpensshForm(key) : undefined;
}

/** https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function inOpensshForm(key: KeyObject): string {
  const { d = "", x = "" } = key.export({ format: "jwk" });
  const publicPart = Buffer.from(x, "base64url");
  const type = field("ssh-ed25519");
  const check = randomBytes(4);
  const pair = field(Buffer.concat([Buffer.from(d, "base64url"), publicPart]));
  const secret = Buffer.concat([check, check, type, field(publicPart), pair, field("")]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const container = Buffer.concat([
    Buffer.from(magic, "latin1"),
    ...[field("none"), field("none"), field(""), Buffer.from([0, 0, 0, 1])],
    field(Buffer.concat([type, field(publicPart)])),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = container.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
