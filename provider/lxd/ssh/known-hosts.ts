/**
 * Files in the form of `~/.ssh/known_hosts`: which keys a host may show. Read as OpenSSH reads them, but for lines of
 * certificate authorities, which are ignored: a host's certificate is not asked for.
 * https://man.openbsd.org/sshd.8#SSH_KNOWN_HOSTS_FILE_FORMAT
 */
import { createHmac } from "node:crypto";
import { canonicalHost } from "../address";

/** A key of a host: its type as in "ssh-ed25519", and what is signed with, in base64 as the file has it. */
export interface HostKey {
  readonly type: string;
  readonly blob: string;
}

/** What a file says of one host. */
export interface KnownHost {
  readonly keys: readonly HostKey[];
  /** Keys that the host must not be believed with, whatever else is said. */
  readonly revoked: readonly HostKey[];
  /** Whether it also names an authority whose certificate the host may show, which nobody asks for. */
  readonly hasAuthority: boolean;
}

interface Line extends HostKey {
  readonly marker: string | undefined;
  readonly names: string;
}

/**
 * What a known_hosts file says of a host. Under another port than 22 a host stands as `[host]:port`; where no line names
 * it so, those of the plain host count, as for `ssh`. Lines that make no sense are passed over.
 */
export function findKnownHost(text: string, host: string, port: number): KnownHost {
  const lines = text.split("\n").flatMap(readLine);
  const plain = nameOf(host);
  if (port === 22) return select(lines, plain);
  const withPort = select(lines, `[${plain}]:${port}`);
  const withoutPort = select(lines, plain);
  const revoked = [...withPort.revoked, ...withoutPort.revoked];
  return {
    keys: withPort.keys.length > 0 ? withPort.keys : withoutPort.keys,
    revoked,
    hasAuthority: withPort.hasAuthority || withoutPort.hasAuthority,
  };
}

/** The name under which `ssh` looks: in lower case, and an IPv6 address in its shortest form (but for one with an IPv4 end). */
function nameOf(host: string): string {
  return (host.includes(".") ? host : canonicalHost(host)).toLowerCase();
}

function select(lines: readonly Line[], name: string): KnownHost {
  const own = lines.filter(({ names }) => isNamed(names, name));
  const asKey = ({ type, blob }: Line): HostKey => ({ type, blob });
  return {
    keys: own.filter(({ marker }) => marker === undefined).map(asKey),
    revoked: own.filter(({ marker }) => marker === "@revoked").map(asKey),
    hasAuthority: own.some(({ marker }) => marker === "@cert-authority"),
  };
}

function readLine(line: string): Line[] {
  const fields = line.trim().split(/[ \t]+/);
  if (fields[0] === "" || fields[0]?.startsWith("#") === true) return [];
  const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
  const [names, type, blob] = fields;
  if (names === undefined || type === undefined || blob === undefined) return [];
  return typeOfKey(Buffer.from(blob, "base64")) === type ? [{ marker, names, type, blob }] : [];
}

/** The type that a key names itself at its beginning; undefined where it is no key. */
export function typeOfKey(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const end = 4 + key.readUInt32BE(0);
  return end <= key.length ? key.toString("latin1", 4, end) : undefined;
}

/** Whether the names of a line (a hash, or patterns between commas) mean this host. `name` is in lower case. */
function isNamed(names: string, name: string): boolean {
  if (names.startsWith("|")) return isHashOf(names, name);
  const patterns = names.toLowerCase().split(",");
  const negated = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  return (
    !negated.some((pattern) => fits(pattern, name)) &&
    patterns.some((pattern) => !pattern.startsWith("!") && fits(pattern, name))
  );
}

function isHashOf(names: string, name: string): boolean {
  const [, version, salt, hash] = names.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}

/** Whether a pattern with `*` and `?` fits. Not by a regular expression, which many stars would bring to a standstill. */
function fits(pattern: string, name: string): boolean {
  let [at, inName] = [0, 0];
  let star: { readonly after: number; taken: number } | undefined;
  while (inName < name.length) {
    const wanted = pattern[at];
    if (wanted === "*") {
      star = { after: ++at, taken: inName };
    } else if (wanted !== undefined && (wanted === "?" || wanted === name[inName])) {
      at++;
      inName++;
    } else if (star !== undefined) {
      // The last star takes one character more.
      at = star.after;
      inName = ++star.taken;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
