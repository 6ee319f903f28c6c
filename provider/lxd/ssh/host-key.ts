/** Whether a host's key is the expected one. A key is never accepted because it is new. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AccessError, codeOf, messageOf } from "../../errors";
import type { SshHost } from "./host";
import { findKnownHost, type HostKey, type KnownHost, typeOfKey } from "./known-hosts";

/** What is expected of a host: a fingerprint, or what a file says of it. */
export type Expectation =
  { readonly fingerprint: string } | { readonly file: string; readonly known: KnownHost };

/**
 * Reads what is expected of a host.
 * @throws AccessError CONFIG_INVALID where a file that was named cannot be read.
 */
export async function expectationOf({ host, port, hostKey }: SshHost): Promise<Expectation> {
  if ("fingerprint" in hostKey) return { fingerprint: hostKey.fingerprint.replace(/=+$/, "") };
  const { knownHosts: file, isOptional } = hostKey;
  try {
    return { file, known: findKnownHost(await readFile(file, "utf8"), host, port) };
  } catch (error) {
    if (codeOf(error) === "ENOENT" && isOptional)
      return { file, known: { keys: [], revoked: [], hasAuthority: false } };
    throw new AccessError(
      "CONFIG_INVALID",
      `the known host keys cannot be read: ${messageOf(error)}. Give another knownHostsPath, or hostKeyFingerprint`,
    );
  }
}

/** SHA-256 of a host's key as `ssh-keygen -lf` prints it. `key` is what the host showed. */
function fingerprintOfKey(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The kinds of host keys by their type: the algorithms to ask for, the best kind first. SHA-1 is not among them. */
const families: Readonly<Record<string, readonly string[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/**
 * The host key algorithms to ask for, best first: kinds of which a key is known before others, since a server shows
 * only one of its keys; none of the kinds that it has shown already.
 */
export function algorithmsFor(expected: Expectation, shown: readonly Buffer[]): string[] {
  const known = "known" in expected ? expected.known.keys.map(({ type }) => type) : [];
  const seen = shown.map(typeOfKey);
  const types = Object.keys(families).filter((type) => !seen.includes(type));
  return [
    ...types.filter((type) => known.includes(type)),
    ...types.filter((type) => !known.includes(type)),
  ].flatMap((type) => families[type] ?? []);
}

/** Whether this key makes the host the expected one. */
export function isExpected(expected: Expectation, key: Buffer): boolean {
  if ("fingerprint" in expected) return fingerprintOfKey(key) === expected.fingerprint;
  const { keys, revoked } = expected.known;
  return holds(keys, key) && !holds(revoked, key);
}

/** Whether another of the host's keys may be the expected one, so that it is worth asking for. */
export function mayHaveAnother(expected: Expectation, shown: readonly Buffer[]): boolean {
  return "fingerprint" in expected && algorithmsFor(expected, shown).length > 0;
}

/** Says that the host is not the expected one, by all the keys it showed. */
export function wrongHost(expected: Expectation, host: SshHost, shown: readonly Buffer[]): AccessError {
  const list = shown.map((key) => `${typeOfKey(key) ?? "unknown"} ${fingerprintOfKey(key)}`).join(", ");
  return new AccessError(
    "LXD_SERVER_IDENTITY",
    `${complaint(expected, host, shown)}. It showed ${list || "no key of a kind that is accepted"}. ` +
      `Nobody was logged in. ${nextStep(expected, shown)}`,
  );
}

function complaint(expected: Expectation, { host, port }: SshHost, shown: readonly Buffer[]): string {
  if ("fingerprint" in expected) return `this is not the pinned host: its key is not ${expected.fingerprint}`;
  const { file, known } = expected;
  const name = port === 22 ? host : `[${host}]:${port}`;
  if (shown.some((key) => holds(known.revoked, key)))
    return `${file} says that the key of ${name} is revoked`;
  if (known.keys.length === 0) {
    const beside = known.hasAuthority ? ", and authorities (@cert-authority) are not used here" : "";
    return `the host is not known: ${file} holds no key of ${name}${beside}`;
  }
  const held = known.keys.map(({ type, blob }) => `${type} ${fingerprintOfKey(Buffer.from(blob, "base64"))}`);
  return `the host's key is not one that ${file} holds for ${name} (${held.join(", ")})`;
}

function nextStep(expected: Expectation, shown: readonly Buffer[]): string {
  const compare = `Compare it on that host with \`ssh-keygen -lf ${fileOfKey(shown[0])}\``;
  return "fingerprint" in expected
    ? `If the host's key was replaced on purpose, give its new hostKeyFingerprint. ${compare}`
    : `${compare}, then give it as hostKeyFingerprint or correct that file`;
}

/** Where sshd usually keeps a host's public key of this kind. */
function fileOfKey(key: Buffer | undefined): string {
  const type = key === undefined ? undefined : typeOfKey(key);
  const kind = type?.startsWith("ecdsa-") === true ? "ecdsa" : type === "ssh-rsa" ? "rsa" : "ed25519";
  return `/etc/ssh/ssh_host_${kind}_key.pub`;
}

function holds(keys: readonly HostKey[], key: Buffer): boolean {
  const blob = key.toString("base64");
  return keys.some((one) => Buffer.from(one.blob, "base64").toString("base64") === blob);
}
