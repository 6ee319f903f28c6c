/** Looks for secrets in texts and files, in every form in which they could have got there. */
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What is found is told by what it is, never by its value. */
export class SecretSearch {
  /** Texts to look for, as Latin-1 of their bytes, and what each is. */
  private readonly forms = new Map<string, string>();
  private readonly secrets = new Set<string>();

  /** How many secrets are looked for, each in many forms. */
  get size(): number {
    return this.secrets.size;
  }

  /** Remembers a secret: a private key, a trust token, a password. Answers it. */
  remember(what: string, secret: string): string {
    this.secrets.add(secret);
    for (const form of formsOf(secret)) this.forms.set(Buffer.from(form).toString("latin1"), what);
    return secret;
  }

  /** What is in a text, each once. */
  in(text: string): string[] {
    const bytes = Buffer.from(text).toString("latin1");
    return this.inBytes(bytes);
  }

  /** What is in the files of a folder, as in `the token in .pulumi/stacks/test.json`; `skip` is asked by path in it. */
  inFiles(folder: string, skip: (path: string) => boolean = () => false): string[] {
    return filesIn(folder)
      .filter((path) => !skip(path))
      .flatMap((path) =>
        this.inBytes(readFileSync(join(folder, path), "latin1")).map((what) => `${what} in ${path}`),
      );
  }

  /** The same for bytes, as Latin-1. */
  inBytes(bytes: string): string[] {
    const found = [...this.forms].filter(([form]) => bytes.includes(form)).map(([, what]) => what);
    return [...new Set(found)].sort();
  }
}

/** Paths of the regular files in a folder, at any depth; links are not followed. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Shorter pieces would be found by chance. */
const shortest = 16;

function formsOf(secret: string): string[] {
  if (secret.includes("PRIVATE KEY-----")) return formsOfKey(secret);
  const inner = /^eyJ/.test(secret) ? (JSON.parse(Buffer.from(secret, "base64").toString()) as object) : {};
  const oneShot = "secret" in inner ? formsOfText(String(inner.secret)) : [];
  return [...formsOfText(secret), ...pieces(secret), ...oneShot];
}

/** A text as it is, in URLs, in JSON as Node and as Go write it, and encoded. */
function formsOfText(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const escapes: Record<string, string> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };
  const goJson = json.replace(/[<>&]/g, (character) => escapes[character] ?? "");
  const form = new URLSearchParams({ text }).toString().slice("text=".length);
  return [text, json, goJson, encodeURIComponent(text), form, ...encoded(Buffer.from(text))];
}

/** A key line by line, and what is inside: the key as bytes, and the number that is the secret of it. */
function formsOfKey(pem: string): string[] {
  const body = pem.split(/\\n|\n/).filter((line) => !/^-----|:/.test(line) && line.length >= shortest);
  const bytes = Buffer.from(body.join(""), "base64");
  const forms = [...body, body.join(""), ...encoded(bytes), bytes.toString("latin1")];
  try {
    const { d } = createPrivateKey(pem).export({ format: "jwk" });
    if (d !== undefined) forms.push(d, ...encoded(Buffer.from(d, "base64url")));
  } catch {
    // OpenSSH's own form, or one with a passphrase: what is inside is only in there.
  }
  return forms;
}

function encoded(bytes: Buffer): string[] {
  const hex = bytes.toString("hex");
  return [bytes.toString("base64"), bytes.toString("base64url"), hex, hex.toUpperCase()];
}

/** A long text in lines, as logs and PEM break it; the beginning of a token is the client's name, and no secret. */
function pieces(text: string): string[] {
  return text.length < 150 ? [] : (text.slice(-96).match(/.{48}/g) ?? []);
}
