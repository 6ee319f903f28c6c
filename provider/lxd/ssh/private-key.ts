/** Private keys for SSH: in OpenSSH's own form, or in one of OpenSSL's. Nothing of a key ever enters a message. */
import { createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ParsedKey } from "ssh2";
import { AccessError, codeOf, messageOf, refuse } from "../../errors";
import type { KeySource, SshHost } from "./host";
import { loadSsh2 } from "./library";

const magic = "openssh-key-v1\0";

/** Why a text is no private key, as a phrase that follows the property's name; undefined when it seems to be one. */
export function describeSshKeyProblem(text: string): string | undefined {
  if (!begins.test(text))
    return "must be a private key (-----BEGIN OPENSSH PRIVATE KEY----- or PEM), not a path or another encoding";
  const block = blockOf(text);
  if (block !== undefined && isProtectedKey(block)) return isTooSlow(block) ? tooSlow : undefined;
  const isWhole =
    kindOf(block) === "OPENSSH" ? containerOf(block) !== undefined : read(block, undefined) !== undefined;
  return isWhole ? undefined : "is damaged or not a private key; give its text complete and unchanged";
}

/** Whether a private key is protected by a passphrase. */
export function isProtectedKey(text: string): boolean {
  const block = blockOf(text) ?? "";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m.test(block)) return true;
  const container = containerOf(block);
  return container !== undefined && container.toString("latin1", 4, 4 + container.readUInt32BE(0)) !== "none";
}

/** ssh-keygen makes 24 where nothing else is said. A thousand take half a minute, in which nothing else gets its turn. */
const mostRounds = 1000;
const tooSlow = `is protected by more than ${mostRounds} rounds; write it anew with fewer (\`ssh-keygen -p -a 24\`)`;

/** Whether a protected key in OpenSSH's own form takes more rounds to open than anybody waits for. */
function isTooSlow(text: string): boolean {
  const content = containerOf(blockOf(text));
  if (content === undefined) return false;
  const skip = (at: number): number =>
    at + 4 <= content.length ? at + 4 + content.readUInt32BE(at) : content.length;
  // The names of cipher and derivation come first, then the salt, in a field with the rounds.
  const rounds = skip(skip(skip(0)) + 4);
  return rounds + 4 <= content.length && content.readUInt32BE(rounds) > mostRounds;
}

/** A key to log in with, and what to call it in messages. */
export interface LoginKey {
  readonly name: string;
  readonly key: ParsedKey;
}

/** The keys to log in to a host with, and why usual files were passed over, each as a phrase with the file's name. */
export interface LoginKeys {
  readonly usable: readonly LoginKey[];
  readonly passedOver: readonly string[];
}

/**
 * Reads the keys to log in to a host with.
 * @throws AccessError CONFIG_INVALID where one that was given cannot be read or opened.
 */
export async function readKeys({ keys, passphrase }: SshHost): Promise<LoginKeys> {
  const usable: LoginKey[] = [];
  const passedOver: string[] = [];
  for (const source of keys) {
    try {
      const key = await readKey(source, passphrase);
      if (key !== undefined) usable.push({ name: nameOf(source), key });
    } catch (error) {
      if (!("path" in source && source.isOptional)) throw error;
      passedOver.push(`passed over: ${messageOf(error)}`);
    }
  }
  return { usable, passedOver };
}

function nameOf(source: KeySource): string {
  return "path" in source ? source.path : "privateKey";
}

/** The key, or undefined where a usual file is not there. */
async function readKey(source: KeySource, passphrase: string | undefined): Promise<ParsedKey | undefined> {
  const text = "text" in source ? source.text : await textIn(source);
  if (text === undefined) return undefined;
  const isProtected = isProtectedKey(text);
  const name = nameOf(source);
  if (isProtected && passphrase === undefined)
    return refuse(
      "CONFIG_INVALID",
      `the private key (${name}) is protected by a passphrase. Give privateKeyPassphrase`,
    );
  if (isProtected && isTooSlow(text)) refuse("CONFIG_INVALID", `the private key (${name}) ${tooSlow}`);
  const key = await parse(text, isProtected ? passphrase : undefined);
  if (key !== undefined) return key;
  return refuse(
    "CONFIG_INVALID",
    isProtected
      ? `the private key (${name}) does not open with this privateKeyPassphrase, or is damaged. Give the right one`
      : `the private key (${name}) is damaged or of a kind that SSH does not take. Give another one`,
  );
}

async function textIn({
  path,
  isOptional,
}: Extract<KeySource, { path: string }>): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isOptional && codeOf(error) === "ENOENT") return undefined;
    throw new AccessError(
      "CONFIG_INVALID",
      `the private key (${path}) cannot be read: ${messageOf(error)}. Give another privateKeyPath, or privateKey`,
    );
  }
}

/** The key, or undefined where the text holds none or the passphrase is wrong. The library's reasons may quote the text. */
async function parse(text: string, passphrase: string | undefined): Promise<ParsedKey | undefined> {
  const { utils } = await loadSsh2();
  const block = blockOf(text);
  const normal = kindOf(block) === "PKCS8" ? rewritten(read(block, passphrase)) : block;
  if (normal === undefined) return undefined;
  const key: unknown = utils.parseKey(normal, passphrase);
  const first = (Array.isArray(key) ? key[0] : key) as ParsedKey | Error | undefined;
  return first === undefined || first instanceof Error || !first.isPrivateKey() ? undefined : first;
}

const begins = /-----BEGIN (OPENSSH |RSA |EC |ENCRYPTED |)PRIVATE KEY-----/;

/**
 * The private key in a text, without indentation and what stands around it, as `openssl ecparam` writes the curve before
 * it; undefined where there is none, or no end of it.
 */
function blockOf(text: string): string | undefined {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
  const begin = /-----BEGIN ([A-Z]+ |)PRIVATE KEY-----(?=\n)/.exec(lines);
  if (begin === null) return undefined;
  // Not by one regular expression for all of it, which many beginnings would bring to a standstill.
  const end = `\n-----END ${begin[1] ?? ""}PRIVATE KEY-----`;
  const at = lines.indexOf(end, begin.index);
  return at === -1 ? undefined : `${lines.slice(begin.index, at)}${end}\n`;
}

function kindOf(block: string | undefined): "OPENSSH" | "PKCS8" | "PEM" | undefined {
  const name = begins.exec(block ?? "")?.[1]?.trim();
  if (name === undefined) return undefined;
  if (name === "OPENSSH") return "OPENSSH";
  return name === "" || name === "ENCRYPTED" ? "PKCS8" : "PEM";
}

/** What is inside OpenSSH's own form, from the name of its cipher on; undefined where it is none, or cut off. */
function containerOf(block: string | undefined): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END OPENSSH PRIVATE KEY-----/.exec(
    block ?? "",
  )?.[1];
  if (body === undefined) return undefined;
  const bytes = Buffer.from(body, "base64");
  if (bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const content = bytes.subarray(magic.length);
  return content.length > 4 && content.length >= 4 + content.readUInt32BE(0) ? content : undefined;
}

function read(block: string | undefined, passphrase: string | undefined): KeyObject | undefined {
  try {
    return block === undefined ? undefined : createPrivateKey({ key: block, passphrase });
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
