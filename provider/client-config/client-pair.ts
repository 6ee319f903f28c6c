import { dirname, join } from "node:path";
import { refuse } from "../errors";
import { fingerprintIn, readCertificate } from "../pki/certificate-facts";
import type { KeyPair } from "../pki/client-pair";
import { belongsTogether, privateKeyOf } from "../pki/client-pair";
import { makeDirectory, readText, removeFile, replaceFile } from "./atomic-file";
import type { ConfigFlavor } from "./config-document";
import { ConfigProblem, describing } from "./config-problem";
import { withDirectoryLock } from "./directory-lock";
import { describeUnsafeName } from "./remote-name";
import { rereadUntil } from "./reread";

/** Where a client pair is, or would be. */
export interface PairPlace {
  /** Absolute path of the client directory. */
  directory: string;
  /** "lxd": one pair for the directory. "incus": one for each remote, else the directory's. */
  flavor: ConfigFlavor;
  /** The remote's name. */
  name: string;
}

/** A pair to be written. */
export interface GivenPair extends PairPlace {
  /** `privateKey` is secret. */
  pair: KeyPair;
  /** Incus only: SHA-256 hex of the one certificate that may be replaced, because this remote's owner uses it. */
  replaces?: string;
}

interface PairFiles {
  certificate: string;
  key: string;
}

type FoundPair =
  | { state: "none" }
  /** A certificate without a key: the rest of a writing that was cut off, of use to nobody. */
  | { state: "keyless" }
  | { state: "whole"; pair: KeyPair; fingerprint: string }
  | { state: "torn"; problem: string };

/**
 * The pair the client would use for this remote, or undefined where there is none yet. Expiry is not looked at.
 * `privateKey` is secret.
 *
 * @throws AccessError CLIENT_CONFIG where key and certificate do not make a pair, or cannot be read.
 */
export async function readClientPair(place: PairPlace): Promise<KeyPair | undefined> {
  return describing(`Reading the client certificate of ${place.directory}`, () => findUsedPair(place));
}

/**
 * The pair of a certificate's file (an absolute path), with the key in the file beside it that ends in `.key` instead of
 * `.crt`; undefined where there is neither. `privateKey` is secret.
 *
 * @throws AccessError CLIENT_CONFIG where one of them is missing, they do not make a pair, or cannot be read.
 */
export async function readPairOf(certificate: string): Promise<KeyPair | undefined> {
  const files = { certificate, key: certificate.replace(/\.crt$/, ".key") };
  return describing(`Reading the pair of ${certificate}`, async () => {
    const found = await readPairOnce(files);
    if (found.state === "keyless") throw tornPair(`${certificate} is there, but not ${files.key}`);
    if (found.state === "torn") throw tornPair(found.problem);
    return found.state === "whole" ? found.pair : undefined;
  });
}

/**
 * The pair the client would use for this remote; where there is none, what `create` makes is stored and returned.
 * Made once, under the directory's lock, and never rotated. `create` runs under that lock, so it must not use the
 * directory. `privateKey` is secret.
 *
 * @throws AccessError CLIENT_CONFIG where what is there is not a pair (it is left as it is) or cannot be written;
 * whatever `create` throws.
 */
export async function loadOrCreateClientPair(
  wanted: PairPlace & { create: () => Promise<KeyPair> },
): Promise<KeyPair> {
  return describing(`Preparing the client certificate of ${wanted.directory}`, async () => {
    const found = await peekAtUsedPair(wanted);
    if (found !== undefined) return found;
    await makeDirectory(wanted.directory);
    return withDirectoryLock(wanted.directory, async () => {
      const meanwhile = await findUsedPair(wanted);
      if (meanwhile !== undefined) return meanwhile;
      await storePair(filesFor(wanted), await wanted.create());
      const stored = await findUsedPair(wanted);
      if (stored !== undefined) return stored;
      throw new ConfigProblem(
        "another program removed the new files at once",
        "Let it finish, then run again",
      );
    });
  });
}

/**
 * Stores a given pair, unless it is the one in use already. Comes before `writeRemote`, so that no entry is without its pair.
 *
 * @returns whether it was written.
 * @throws AccessError CLIENT_CONFIG where another pair is in its place than it may replace (all files are left as they are);
 * INPUT_INVALID where the given key does not belong to the given certificate.
 */
export async function writeClientPair(given: GivenPair): Promise<boolean> {
  return describing(`Writing the client certificate of ${given.directory}`, async () => {
    await makeDirectory(given.directory);
    return withDirectoryLock(given.directory, async () => {
      if (await isStored(given)) return false;
      const files = filesFor(given);
      // Without its key the old certificate is nobody's, so that a crash from here on leaves nothing that misleads.
      await removeFile(files.key);
      await storePair(files, given.pair);
      return true;
    });
  });
}

/**
 * Takes away an Incus remote's own pair, if it is still the one with this certificate (SHA-256 hex), under the
 * directory's lock. A pair that serves a whole directory stays.
 */
export async function removeOwnPair(place: PairPlace, fingerprint: string): Promise<void> {
  if (place.flavor === "lxd") return;
  const files = filesFor(place);
  if (fingerprintIn(await readText(files.certificate)) !== fingerprint) return;
  // The key first: a certificate alone is what a removal that was cut off leaves, and the next one takes it too.
  await removeFile(files.key);
  await removeFile(files.certificate);
}

/** As {@link removeOwnPair}, under the directory's lock, for a pair that was made and then turned out to be of no use. */
export async function forgetOwnPair(place: PairPlace, fingerprint: string): Promise<void> {
  const { directory } = place;
  await describing(`Removing the client certificate of the remote "${place.name}" from ${directory}`, () =>
    withDirectoryLock(directory, () => removeOwnPair(place, fingerprint)),
  );
}

/**
 * Whether a given pair is the one in its place. Writes nothing.
 *
 * @throws ConfigProblem where another one is there that must not be replaced.
 */
export async function isStored(given: GivenPair): Promise<boolean> {
  const fingerprint = fingerprintOfPair(given.pair);
  const files = filesFor(given);
  const found = await readPair(files);
  if (found.state === "torn") throw tornPair(found.problem);
  if (found.state === "none" && given.flavor === "incus") return isShared(given, fingerprint);
  if (found.state !== "whole") return false;
  if (found.fingerprint === fingerprint) return true;
  if (given.flavor === "incus" && given.replaces === found.fingerprint) return false;
  throw new ConfigProblem(
    `${files.certificate} is another client's certificate than this remote's`,
    "It was left as it is. To use it give it, and the key beside it, as clientCertificate and clientKey (a new Remote " +
      "uses it where they are left out); or move both away, or give another configDir",
  );
}

/** Whether an Incus remote without a pair of its own uses this one already, because the directory has it. */
async function isShared(place: PairPlace, fingerprint: string): Promise<boolean> {
  const found = await readPairOnce(sharedFiles(place));
  return found.state === "whole" && found.fingerprint === fingerprint;
}

async function findUsedPair(place: PairPlace): Promise<KeyPair | undefined> {
  for (const files of pairFilesOf(place)) {
    const found = await readPair(files);
    if (found.state === "torn") throw tornPair(found.problem);
    if (found.state === "whole") return found.pair;
  }
  return undefined;
}

/** As {@link findUsedPair}, without patience or complaint: what many remotes of a directory ask at once. */
async function peekAtUsedPair(place: PairPlace): Promise<KeyPair | undefined> {
  for (const files of pairFilesOf(place)) {
    const found = await readPairOnce(files);
    if (found.state !== "none") return found.state === "whole" ? found.pair : undefined;
  }
  return undefined;
}

/** Where the pairs are that the client may use for this remote, in the order in which it looks. */
export function pairFilesOf(place: PairPlace): PairFiles[] {
  return place.flavor === "incus" ? [filesFor(place), sharedFiles(place)] : [sharedFiles(place)];
}

/** The certificate first: alone it is worthless and may be overwritten, whereas a key alone may be someone's. */
async function storePair(files: PairFiles, pair: KeyPair): Promise<void> {
  await makeDirectory(dirname(files.certificate));
  await replaceFile(files.certificate, { content: pair.certificate, mode: 0o644 });
  try {
    await replaceFile(files.key, { content: pair.privateKey, mode: 0o600 });
  } catch (error) {
    await removeFile(files.certificate);
    throw error;
  }
}

/** What is there, once it had time to become whole: a client writes certificate and key one after the other. */
async function readPair(files: PairFiles): Promise<FoundPair> {
  return rereadUntil(
    () => readPairOnce(files),
    ({ state }) => state === "whole" || state === "none",
  );
}

async function readPairOnce(files: PairFiles): Promise<FoundPair> {
  const [certificate, privateKey] = await Promise.all([readText(files.certificate), readText(files.key)]);
  if (privateKey === undefined) return { state: certificate === undefined ? "none" : "keyless" };
  if (certificate === undefined) return torn(`${files.key} is there, but not ${files.certificate}`);
  const facts = factsOf(certificate);
  if (facts === undefined) return torn(`${files.certificate} is not a readable certificate`);
  const key = privateKeyOf(privateKey);
  if (key === undefined) return torn(`${files.key} is not a readable private key without a passphrase`);
  if (!belongsTogether(facts, key)) return torn(`${files.key} does not belong to ${files.certificate}`);
  return { state: "whole", pair: { certificate, privateKey }, fingerprint: facts.fingerprint };
}

function torn(problem: string): FoundPair {
  return { state: "torn", problem };
}

function tornPair(problem: string): ConfigProblem {
  return new ConfigProblem(
    problem,
    "Both were left as they are: restore the missing or wrong one, or move them away, then run again",
  );
}

function factsOf(certificate: string) {
  try {
    return readCertificate(certificate);
  } catch {
    return undefined;
  }
}

function fingerprintOfPair(pair: KeyPair): string {
  const facts = readCertificate(pair.certificate, "clientCertificate");
  const key = privateKeyOf(pair.privateKey);
  if (key === undefined || !belongsTogether(facts, key)) {
    refuse("INPUT_INVALID", "clientKey: it is not the key of clientCertificate. Give the two of one pair");
  }
  return facts.fingerprint;
}

function sharedFiles({ directory }: PairPlace): PairFiles {
  return { certificate: join(directory, "client.crt"), key: join(directory, "client.key") };
}

/** Where a pair of this remote is written. */
function filesFor(place: PairPlace): PairFiles {
  if (place.flavor === "lxd") return sharedFiles(place);
  const problem = describeUnsafeName(place.name);
  if (problem !== undefined) refuse("INPUT_INVALID", `name: ${problem}. Give the remote another name`);
  const stem = join(place.directory, "clientcerts", place.name);
  return { certificate: `${stem}.crt`, key: `${stem}.key` };
}
