/**
 * The client directory of `lxc` (`~/.config/lxc`) or `incus`: config.yml with the remotes, servercerts/NAME.crt with
 * their pins, and the client's own certificate and key. What is written here those clients use as their own.
 *
 * All directories are absolute paths. All errors about files are AccessError CLIENT_CONFIG and name the file.
 */
import { mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { refuse } from "../errors";
import { readCertificate } from "../pki/certificate-facts";
import {
  followLink,
  isDirectory,
  makeDirectory,
  nearestDirectory,
  readText,
  removeFile,
  replaceFile,
} from "./atomic-file";
import { isStored, removeOwnPair } from "./client-pair";
import type { GivenPair, PairPlace } from "./client-pair";
import { localRemote } from "./config-document";
import type { ConfigDocument, ConfigFlavor, RemoteEntry } from "./config-document";
import { editConfigFile, readConfigFile, rehearseEdit } from "./config-file";
import { describing, isSystemError } from "./config-problem";
import { withDirectoryLock } from "./directory-lock";
import { markIn, withMark } from "./entry-mark";
import { describeRemoteNameProblem, describeUnsafeName, isStaticName } from "./remote-name";
import { isKnown, pinFileOf, requireSameServer, type WantedServer } from "./server-entries";

export {
  forgetOwnPair,
  loadOrCreateClientPair,
  readClientPair,
  readPairOf,
  writeClientPair,
} from "./client-pair";
export type { GivenPair, PairPlace } from "./client-pair";
export type { ConfigFlavor, RemoteEntry } from "./config-document";
export { flavorOfDirectory } from "./directory-flavor";
export { expandPath, isSameDirectory, realDirectory } from "./expand-path";
export { describeRemoteNameProblem } from "./remote-name";

/** What a client directory says of a remote. */
export type FoundRemote =
  | { directoryExists: false }
  | {
      directoryExists: true;
      entry?: RemoteEntry;
      /** The pin, PEM as it is in the file; it may be there without an entry. */
      serverCertificate?: string;
    };

/** A remote to be written. */
export interface WantedRemote {
  directory: string;
  name: string;
  entry: RemoteEntry;
  /** The pin, PEM; absent for servers that the system's CAs vouch for: then an old pin is removed. */
  serverCertificate?: string;
  /** Whether commands without a remote's name shall go to this one. */
  setDefault?: boolean;
  /** Without `setDefault`: the remote that the default goes back to, if it is this one. */
  giveDefaultBackTo?: string;
  /** What a new config file starts with; default by the entry's protocol, "lxd" for simplestreams. */
  flavor?: ConfigFlavor;
  /** The address that this remote's owner wrote before: such an entry may be changed to lead to another server. */
  previousAddr?: string;
  /** Of the token with which its owner joined: it stands in the entry, unseen by the clients. */
  mark?: string;
  /** The project that its owner wrote before, and that goes where the entry has none now. */
  previousProject?: string;
}

/** What a directory holds of a server that a remote is to lead to. */
export interface FoundEntry {
  /** Whether an entry of the remote's name is there already; it leads to the same server. */
  readonly isThere: boolean;
  /** The mark in that entry. */
  readonly mark?: string;
  /** Whether any entry leads to this server. */
  readonly isServerKnown: boolean;
}

/** Bytes that a remote takes in its files, generously: an entry, a pin and a client pair, each in blocks of its own. */
const roomForRemote = 32 * 1024;

/** Whether a client directory is there. CLIENT_CONFIG where a file has its name. */
export async function hasDirectory(directory: string): Promise<boolean> {
  return describing(`Looking for the client directory ${directory}`, () => isDirectory(directory));
}

/**
 * Reads a remote. `flavor` is what an entry without a protocol speaks.
 *
 * @throws AccessError CLIENT_CONFIG where the file stays unreadable for two seconds, or the entry makes no sense.
 */
export async function readRemote(wanted: {
  directory: string;
  name: string;
  flavor?: ConfigFlavor;
}): Promise<FoundRemote> {
  const { directory, name, flavor = "lxd" } = wanted;
  requireSafeName(name);
  return describing(`Reading the remote "${name}" of ${directory}`, async () => {
    if (!(await isDirectory(directory))) return { directoryExists: false };
    const config = await readConfigFile(directory);
    const entry = config?.entry(name, flavor);
    const serverCertificate = await readText(pinFileOf(directory, name));
    return {
      directoryExists: true,
      ...(entry === undefined ? {} : { entry }),
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
    };
  });
}

/**
 * Finds out, before a token is spent, whether a remote can be written. Changes nothing.
 *
 * @param wanted with `pair` where one is given and is to be written too.
 * @throws AccessError CLIENT_CONFIG where an entry of this name leads to another server, another client pair is in
 * use, the config file is unreadable, or the directory cannot be made or written to.
 */
export async function checkClientDirectory(
  wanted: PairPlace & WantedServer & Partial<Pick<GivenPair, "pair" | "replaces">>,
): Promise<FoundEntry> {
  const { directory, flavor, name, pair } = wanted;
  requireName(name, flavor);
  return describing(`Checking that ${directory} can take the remote "${name}"`, async () => {
    if (!(await isDirectory(directory))) {
      await requireWritable(await nearestDirectory(directory));
      return { isThere: false, isServerKnown: false };
    }
    return withDirectoryLock(directory, async () => {
      const config = await readConfigFile(directory);
      await requireSameServer(directory, name, config, wanted);
      await rehearseWriting(directory, name);
      if (pair !== undefined) await isStored({ ...wanted, pair });
      const isThere = config?.entry(name, flavor) !== undefined;
      const isServerKnown = config !== undefined && (await isKnown(directory, config, wanted));
      return { isThere, isServerKnown, mark: markIn(config?.commentOf(name)) };
    });
  });
}

/** Whether there is room for all that is written for a remote, and each file can take its place. */
async function rehearseWriting(directory: string, name: string): Promise<void> {
  await requireWritable(await nearestDirectory(join(directory, "clientcerts")));
  await requireWritable(await nearestDirectory(join(directory, "servercerts")));
  const pin = pinFileOf(directory, name);
  await readText(await followLink(pin));
  await rehearseEdit(directory, roomForRemote);
}

/**
 * Writes a remote's pin and then its entry, or changes them, under the directory's lock. Makes the directory and the
 * config file where they are missing. Nothing else in the file changes, except the default where `setDefault` is true.
 *
 * @returns the default remote of before, where it was another one and `setDefault` changed it.
 * @throws AccessError CLIENT_CONFIG where an entry of this name leads to another server (all is left as it is) or
 * files cannot be read or written; INPUT_INVALID for a name that clients do not take.
 */
export async function writeRemote(wanted: WantedRemote): Promise<{ previousDefault?: string }> {
  const { directory, name, entry, serverCertificate, setDefault = false, previousAddr, mark } = wanted;
  const flavor = wanted.flavor ?? (entry.protocol === "incus" ? "incus" : "lxd");
  requireName(name, flavor);
  const server: WantedServer = {
    addresses: previousAddr === undefined ? [entry.addr] : [entry.addr, previousAddr],
    serverFingerprint:
      serverCertificate === undefined
        ? undefined
        : readCertificate(serverCertificate, "serverCertificate").fingerprint,
  };
  let previousDefault: string | undefined;

  await describing(`Writing the remote "${name}" to ${directory}`, async () => {
    await makeDirectory(directory);
    await withDirectoryLock(directory, async () => {
      await requireSameServer(directory, name, await readConfigFile(directory), server);
      await writePin(pinFileOf(directory, name), serverCertificate);
      await editConfigFile(directory, {
        flavor,
        isDone: (config) => isSameEntry(config.entry(name, flavor), wanted) && isDefaultDone(config, wanted),
        apply: (config) => {
          config.setEntry(name, entry);
          if (mark !== undefined) config.setComment(name, withMark(config.commentOf(name), mark));
          if (isProjectToGo(config.entry(name, flavor), wanted)) config.removeProject(name);
          if (isDefaultDone(config, wanted)) return;
          if (!setDefault) {
            config.setDefaultRemote(defaultAfter(config, flavor, wanted.giveDefaultBackTo));
            return;
          }
          previousDefault ??= config.defaultRemote;
          config.setDefaultRemote(name);
        },
      });
    });
  });
  return previousDefault === undefined ? {} : { previousDefault };
}

/**
 * Removes a remote's entry and pin, if the entry still leads to `addr`. Where the remote is the default, that goes back
 * to `previousDefault` if it is still there, else to "local". What is gone already, the directory included, is no error.
 *
 * @param wanted with `ownPair`, SHA-256 hex of a certificate, where an Incus remote's own pair is to go too, if it is
 * still that one. Any other client pair stays. With `keepsEntry` entry and pin stay, and the default goes back only
 * where there is a `previousDefault`.
 * @returns whether the directory is there.
 * @throws AccessError CLIENT_CONFIG where files cannot be read or written.
 */
export async function removeRemote(wanted: {
  directory: string;
  name: string;
  /** Left out where no entry was written. */
  addr?: string;
  flavor?: ConfigFlavor;
  previousDefault?: string;
  ownPair?: string;
  keepsEntry?: boolean;
}): Promise<boolean> {
  const { directory, name, addr, flavor = "lxd", previousDefault, ownPair, keepsEntry = false } = wanted;
  requireSafeName(name);
  return describing(`Removing the remote "${name}" from ${directory}`, async () => {
    if (!(await isDirectory(directory))) return false;
    await withDirectoryLock(directory, async () => {
      const config = await readConfigFile(directory);
      if (config?.has(name) === true && config.entry(name, flavor)?.addr !== addr) return;
      const isGone = (current: ConfigDocument): boolean => keepsEntry || !current.has(name);
      const isGivenBack = ({ defaultRemote }: ConfigDocument): boolean =>
        defaultRemote !== name || (keepsEntry && previousDefault === undefined);
      const pin = pinFileOf(directory, name);
      // What goes last is looked at first, so that nothing goes where not all can.
      if (!keepsEntry) await requireRemovable(pin);
      if (ownPair !== undefined) await requireRemovable(join(directory, "clientcerts", `${name}.key`));
      if (config !== undefined)
        await editConfigFile(directory, {
          flavor,
          // The default may still name an entry that somebody removed.
          isDone: (current) => isGone(current) && isGivenBack(current),
          apply: (current) => {
            if (!isGone(current)) current.removeEntry(name);
            if (!isGivenBack(current))
              current.setDefaultRemote(defaultAfter(current, flavor, previousDefault));
          },
        });
      // Also where no entry is left: then it is the rest of a removal that was cut off, and nobody's.
      if (!keepsEntry) await removeFile(pin);
      if (ownPair !== undefined) await removeOwnPair({ directory, flavor, name }, ownPair);
    });
    return true;
  });
}

/** The remote that becomes the default once another one is it no more. */
function defaultAfter(config: ConfigDocument, flavor: ConfigFlavor, previous: string = localRemote): string {
  return config.has(previous) || isStaticName(previous, flavor) ? previous : localRemote;
}

function isDefaultDone(config: ConfigDocument, wanted: WantedRemote): boolean {
  const isDefault = config.defaultRemote === wanted.name;
  return wanted.setDefault === true ? isDefault : !isDefault || wanted.giveDefaultBackTo === undefined;
}

async function writePin(file: string, certificate: string | undefined): Promise<void> {
  if (certificate === undefined) return removeFile(file);
  if ((await readText(file)) === certificate) return;
  await makeDirectory(dirname(file));
  await replaceFile(file, { content: certificate, mode: 0o644 });
}

function isSameEntry(found: RemoteEntry | undefined, wanted: WantedRemote): boolean {
  const { addr, protocol, public: isPublic, project } = wanted.entry;
  return (
    found?.addr === addr &&
    found.protocol === protocol &&
    found.public === isPublic &&
    (project === undefined || found.project === project) &&
    !isProjectToGo(found, wanted)
  );
}

function isProjectToGo(found: RemoteEntry | undefined, { entry, previousProject }: WantedRemote): boolean {
  return entry.project === undefined && previousProject !== undefined && found?.project === previousProject;
}

/** Tried out, as permission bits say nothing to root, on file systems of the network or read-only. */
async function requireWritable(directory: string): Promise<void> {
  // The name is always the same, so that what a process leaves that is killed in between goes with the next try.
  const proof = join(directory, ".lxd-access-writable");
  await mkdir(proof).catch(unless("EEXIST"));
  // Who tries at the same time may have removed it, which proves it as well.
  await rmdir(proof).catch(unless("ENOENT"));
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (!isSystemError(error, code)) throw error;
  };
}

async function requireRemovable(file: string): Promise<void> {
  if ((await readText(file)) !== undefined) await requireWritable(dirname(file));
}

function requireName(name: string, flavor: ConfigFlavor): void {
  const problem = describeRemoteNameProblem(name, flavor);
  if (problem !== undefined) refuse("INPUT_INVALID", `name: ${problem}. Give the remote another name`);
}

/** Names the clients define themselves can be read, but no name may lead out of the directory. */
function requireSafeName(name: string): void {
  const problem = describeUnsafeName(name);
  if (problem !== undefined) refuse("INPUT_INVALID", `name: ${problem}. Give the remote another name`);
}
