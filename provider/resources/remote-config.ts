/** The client directory's part of a Remote: the entry, the pin and the client pair that `lxc` or `incus` then use. */
import {
  expandPath,
  forgetOwnPair,
  realDirectory,
  type RemoteEntry,
  removeRemote,
  writeClientPair,
  writeRemote,
} from "../client-config/client-directory";
import { refuse } from "../errors";
import type { Context } from "../handler";
import { dialledAddress, formatHostAndPort, parseServerAddress } from "../lxd/address";
import type { KeyPair } from "../pki/certificate";
import { fingerprintIn } from "../pki/certificate-facts";
import { entryClaim } from "./claims";
import {
  type Before,
  type ConfigPlace,
  isSameDirectoryAs,
  replaceablePair,
  type Surroundings,
  type Written,
} from "./remote-place";

/** What a Remote remembers of where and what it wrote. */
export interface Recorded
  extends
    Pick<ConfigPlace, "name" | "flavor">,
    Omit<Written, "place">,
    Pick<Before, "configState" | "unwritten"> {
  readonly formers?: Written[];
}

/** What to do where a directory was removed on the machine that it is of. */
export const hereAfterAll = "If it was removed here, make it (`mkdir`) and run `pulumi up --refresh`";

/** The entry of a server that was joined. As `lxc` does it, it is for the only project that the client sees, if it is one. */
export function joinedEntry(
  { flavor }: ConfigPlace,
  { address, projects }: { address: string; projects: readonly string[] },
  project: string | undefined,
): RemoteEntry {
  const [onlyProject, ...others] = projects;
  return {
    ...{ addr: entryAddress(address), protocol: flavor, public: false },
    project: project ?? (others.length === 0 ? onlyProject : undefined),
  };
}

/**
 * An entry that was found is somebody's: while its address leads to the server it stays as it is written, other addresses of
 * the client's included, and a project that it does not name comes only from the program.
 */
export function asFound({ found, earlier }: Surroundings, entry: RemoteEntry, project?: string): RemoteEntry {
  if (!found || earlier?.entry === undefined) return entry;
  const { addr } = earlier.entry;
  const leadsThere = addr.split(",").some((one) => dialledAddress(one.trim()) === dialledAddress(entry.addr));
  return {
    ...entry,
    addr: leadsThere ? addr : entry.addr,
    project: earlier.entry.project === undefined ? project : entry.project,
  };
}

/** Where it is written, and what is known of that. */
export interface Recording {
  readonly place: ConfigPlace;
  readonly before: Before | undefined;
  readonly surroundings: Surroundings;
  /** What is remembered should nothing come of it. */
  readonly begun: Recorded;
}

/** What is to be written. `pair` only matters in a directory of Incus: one of `lxc` has its pair before the server is joined. */
export interface ToRecord {
  readonly entry: RemoteEntry;
  readonly serverCertificate?: string;
  readonly pair?: KeyPair;
  /** Whether a pair that stands in its place was put there for this remote, by a run that was cut off. */
  readonly isOwnPair?: boolean;
  /** Whether an entry that was found works with this pair alone from now on, so that the pair stays with it. */
  readonly isPairOfFound?: boolean;
  readonly setDefault?: boolean;
  /** Of the token with which this Remote joined. */
  readonly mark?: string;
}

/**
 * What is remembered before anything is written. A destroy takes the entry back by it, should the next step fail.
 *
 * @param made SHA-256 of the client certificate that was made in the directory for this remote, hex.
 */
export function beginRecord(
  place: ConfigPlace,
  before: Before | undefined,
  { isElsewhere, earlier, formers, found }: Surroundings,
  entry: RemoteEntry,
  made: string | undefined,
): Recorded {
  if (isElsewhere && before !== undefined) return { ...asItStands(before), unwritten: true };
  const { name, configDir, flavor } = place;
  const isKept = earlier?.entry !== undefined && earlier === before;
  return {
    ...{ name, flavor },
    configState: isKept ? before.configState : "absent",
    entry: earlier?.entry ?? (configDir === undefined ? undefined : entry),
    ownPair: (flavor === "incus" ? made : undefined) ?? earlier?.ownPair,
    previousDefault: earlier?.previousDefault,
    found,
    formers: formersToKeep(formers),
  };
}

function asItStands(before: Before): Recorded {
  const { place, entry, ownPair, previousDefault, found, formers = [], unwritten } = before;
  const { name, flavor } = place;
  const written = { entry, ownPair, previousDefault, found };
  return { name, flavor, configState: "present", ...written, formers: formersToKeep(formers), unwritten };
}

/** As they are stored, and nothing where there are none. */
function formersToKeep(formers: readonly Written[]): Written[] | undefined {
  const kept = formers.filter(({ entry, ownPair }) => entry !== undefined || ownPair !== undefined);
  if (kept.length === 0) return undefined;
  return kept.map(({ place, entry, ownPair, previousDefault, found }) => ({
    ...{ place, entry, ownPair, previousDefault, found },
  }));
}

/**
 * Writes the remote, and takes away what earlier names and directories of it left.
 *
 * @param keep is told after each step what is to be remembered from there on.
 */
export async function recordRemote(
  context: Context,
  { place, before, surroundings, begun }: Recording,
  wanted: ToRecord,
  keep: (recorded: Recorded) => void,
): Promise<Recorded> {
  const { isElsewhere, earlier, formers, found } = surroundings;
  if (isElsewhere && before !== undefined) return leaveElsewhere(context, place, before, wanted);
  const { name, configDir, flavor } = place;
  const { entry, serverCertificate, pair, isOwnPair, isPairOfFound, setDefault, mark } = wanted;
  if (configDir === undefined) {
    for (const former of formers) await forgetRemote(context, former);
    return { name, flavor, configState: "absent", formers: undefined };
  }
  let recorded = begun;
  if (flavor === "incus" && pair !== undefined) {
    const isWritten = await storePair(context, place, pair, before);
    const fingerprint = fingerprintIn(pair.certificate);
    // One that stands there already in the place of the remote's own was written by an update whose end was not recorded.
    const isLeftover = isOwnPair === true || formers.some(({ ownPair }) => ownPair === fingerprint);
    const isFresh = isWritten && isPairOfFound !== true;
    if (isFresh || recorded.ownPair !== undefined || (isLeftover && !found))
      recorded = { ...recorded, ownPair: fingerprint };
    keep(recorded);
  }
  const directory = expandPath(configDir, context.programDirectory);
  const written = await writeRemote({
    ...{ directory, flavor, name, entry, serverCertificate, setDefault },
    mark: found ? undefined : mark,
    giveDefaultBackTo: setDefault === true ? undefined : earlier?.previousDefault,
    previousAddr: earlier?.entry?.addr,
    previousProject: earlier === before ? before?.project : undefined,
  });
  context.claim(entryClaim(await realDirectory(directory), name));
  const sibling = await siblingOf(context, place, formers);
  const previousDefault =
    setDefault === true ? defaultBefore(written.previousDefault, earlier, sibling) : undefined;
  recorded = { ...recorded, configState: "present", entry, previousDefault };
  keep(recorded);
  if (recorded.ownPair !== undefined && (pair === undefined || flavor === "lxd")) {
    // An image server is shown no certificate, and in a directory of `lxc` a remote has none of its own.
    await forgetOwnPair({ directory, flavor: "incus", name }, recorded.ownPair);
    recorded = { ...recorded, ownPair: undefined };
  }
  // The new one stands before the old ones go, so that a run that is cut off leaves one too many and never none.
  for (const former of formers) {
    const follows = former === sibling && former.found !== true;
    const follower = setDefault === true ? name : (former.previousDefault ?? name);
    await forgetRemote(context, former, follows ? follower : undefined);
  }
  return { ...recorded, formers: undefined };
}

/** Stores the client pair where it is not there yet. Answers whether it was written. CLIENT_CONFIG where another is in its place. */
export async function storePair(
  context: Context,
  { name, configDir, flavor }: ConfigPlace,
  pair: KeyPair,
  before: Before | undefined,
): Promise<boolean> {
  if (configDir === undefined) return false;
  const directory = expandPath(configDir, context.programDirectory);
  return writeClientPair({ directory, flavor, name, pair, replaces: before && replaceablePair(before) });
}

/** The default that was there before this remote, under any name that it had in this directory. */
function defaultBefore(written?: string, earlier?: Written, sibling?: Written): string | undefined {
  const known = earlier?.previousDefault ?? sibling?.previousDefault;
  if (written === undefined || written !== sibling?.place.name) return written ?? known;
  // A name that was found stays, so that the default can go back to it.
  return sibling.found === true ? (known ?? written) : known;
}

/** The same remote under the name that it had in this directory, which takes the default along. */
async function siblingOf(
  context: Context,
  place: ConfigPlace,
  formers: readonly Written[],
): Promise<Written | undefined> {
  for (const former of formers) if (await isSameDirectoryAs(context, former.place, place)) return former;
  return undefined;
}

/** Another machine has the directory: what stands there is kept in mind, and whether it is out of date now. */
function leaveElsewhere(context: Context, place: ConfigPlace, before: Before, wanted: ToRecord): Recorded {
  context.log(
    "warning",
    `The client directory ${String(place.configDir)} is not on this machine: Remote ${place.name} was not written there. ${hereAfterAll}`,
  );
  const { addr, project, protocol, public: isPublic } = wanted.entry;
  const { entry } = before;
  const isSame =
    before.configState === "present" &&
    place.name === before.place.name &&
    addr === entry?.addr &&
    project === entry.project &&
    protocol === (entry.protocol ?? place.flavor) &&
    isPublic === (entry.public ?? false) &&
    (wanted.setDefault ?? false) === (before.setDefault ?? false);
  return isSame ? asItStands(before) : { ...asItStands(before), unwritten: true };
}

/** Takes back all that was written, also under names and in directories of before. */
export async function forgetAll(context: Context, before: Before): Promise<void> {
  for (const written of [before, ...(before.formers ?? [])]) await forgetRemote(context, written);
}

/**
 * Takes back what was written at a place: the entry and pin, if the entry is still the one that was written and was not
 * there before, and a client pair that was written for it alone. Where it is the default, `nextDefault` becomes that.
 */
async function forgetRemote(
  context: Context,
  { place, entry, ownPair, previousDefault, found }: Written,
  nextDefault = previousDefault,
): Promise<void> {
  const { configDir, name, flavor } = place;
  if (configDir === undefined || (entry === undefined && ownPair === undefined)) return;
  const directory = expandPath(configDir, context.programDirectory);
  if (context.isClaimed(entryClaim(await realDirectory(directory), name))) {
    context.log("info", `The remote ${name} stays in ${directory}, as another Remote of this program has it`);
    return;
  }
  const isHere = await removeRemote({
    ...{ directory, name, flavor, addr: entry?.addr, previousDefault: nextDefault, ownPair },
    keepsEntry: found,
  });
  if (isHere || found === true) return;
  context.log(
    "warning",
    `The client directory ${directory} is not on this machine: where it is, Remote ${name} stays in it` +
      (flavor === "incus" ? `, with its key in clientcerts/${name}.key` : ""),
  );
}

/** An address as client directories write it. */
export function entryAddress(address: string): string {
  const place = parseServerAddress(address);
  return place === undefined
    ? refuse("INPUT_INVALID", `${JSON.stringify(address)} is not an address`)
    : `https://${formatHostAndPort(place)}`;
}
