/** The client directory's part of a Remote: the entry, the pin and the client pair that `lxc` or `incus` then use. */
import {
  checkClientDirectory,
  type ConfigFlavor,
  expandPath,
  flavorOfDirectory,
  isSameDirectory,
  loadOrCreateClientPair,
  readClientPair,
  readRemote,
  type RemoteEntry,
  removeRemote,
  writeClientPair,
  writeRemote,
} from "../client-config/client-directory";
import { refuse } from "../errors";
import type { Context } from "../handler";
import { formatHostAndPort, parseServerAddress } from "../lxd/address";
import { isIncus, type Reached } from "./join";
import type { KeyPair } from "../pki/certificate";
import { fingerprintIn } from "../pki/certificate-facts";

/** Where a Remote is written. `configDir` is as its program gave it. */
export interface ConfigPlace {
  readonly name: string;
  readonly configDir?: string;
  readonly flavor: ConfigFlavor;
}

/** What a Remote remembers of what it wrote. */
export interface Recorded {
  readonly configState: "absent" | "present" | "changed";
  readonly entry?: Pick<RemoteEntry, "addr" | "project"> & Partial<Pick<RemoteEntry, "protocol" | "public">>;
  /** SHA-256 of the client certificate that was written for this remote alone, hex: in directories of Incus only. */
  readonly ownPair?: string;
  readonly previousDefault?: string;
}

/** A Remote as it was before an update: where and what was written, and what the program said then. */
export interface Before extends Recorded {
  readonly place: ConfigPlace;
  /** SHA-256 of its client certificate, hex. */
  readonly clientFingerprint?: string;
  readonly setDefault?: boolean;
  readonly project?: string;
}

/**
 * The place that a program means. A directory that is there already says itself which client it belongs to, and that
 * does not change while the Remote stays in it.
 */
export async function choosePlace(
  context: Context,
  { name, configDir, configFlavor }: { name: string; configDir?: string; configFlavor?: ConfigFlavor },
  before: ConfigPlace | undefined,
): Promise<ConfigPlace> {
  if (configDir === undefined || configFlavor !== undefined)
    return { name, configDir, flavor: configFlavor ?? "lxd" };
  if (before?.configDir === configDir) return { name, configDir, flavor: before.flavor };
  const found = await flavorOfDirectory(expandPath(configDir, context.programDirectory));
  return { name, configDir, flavor: found ?? "lxd" };
}

/** The pair that clients of this directory use; made there once, so that it outlives an interrupted run. */
export async function clientDirectoryPair(
  context: Context,
  { name, flavor }: ConfigPlace,
  configDir: string,
  create: () => Promise<KeyPair>,
): Promise<{ pair: KeyPair; isMade: boolean }> {
  const directory = expandPath(configDir, context.programDirectory);
  let isMade = false;
  const pair = await loadOrCreateClientPair({
    ...{ directory, flavor, name },
    create: () => {
      isMade = true;
      return create();
    },
  });
  return { pair, isMade };
}

/** Finds out before a token is spent whether the directory can take the remote. CLIENT_CONFIG where it cannot. */
export async function prepareClientDirectory(
  context: Context,
  { name, configDir, flavor }: ConfigPlace,
  server: {
    /** As directories write them. */
    addresses: readonly string[];
    serverFingerprint?: string;
    pair?: KeyPair;
    previousAddr?: string;
    /** SHA-256 of the certificate that this Remote wrote before, hex. */
    replaces?: string;
  },
): Promise<void> {
  if (configDir === undefined) return;
  const { addresses, previousAddr, ...rest } = server;
  await checkClientDirectory({
    ...rest,
    ...{ directory: expandPath(configDir, context.programDirectory), flavor, name },
    addresses: previousAddr === undefined ? addresses : [...addresses, previousAddr],
  });
}

/** A client directory is of one kind from its first file on, and `lxc` does not speak with Incus nor `incus` with LXD. */
export function requireFlavor(
  { name, configDir, flavor }: ConfigPlace,
  configFlavor: ConfigFlavor | undefined,
  { client, server }: Reached,
): void {
  if (configDir === undefined || configFlavor !== undefined || isIncus(server) === (flavor === "incus"))
    return;
  const [kind, command, other] = flavor === "lxd" ? ["Incus", "lxc", "incus"] : ["LXD", "incus", "lxd"];
  refuse(
    "INPUT_INVALID",
    `Remote ${name}: ${client.name} is ${kind}, and configDir would be written for \`${command}\`. Say configFlavor: ` +
      `"${other}", or "${flavor}" if that is what you mean. The token was not spent`,
  );
}

/** Says whether the remote stands in its directory as it was written. Without its directory that cannot be told. */
export async function observeEntry(
  context: Context,
  place: ConfigPlace,
  known: Recorded & { serverFingerprint?: string; clientFingerprint?: string; project?: string },
): Promise<Recorded["configState"]> {
  const { name, configDir, flavor } = place;
  if (configDir === undefined) return "absent";
  const directory = expandPath(configDir, context.programDirectory);
  const found = await readRemote({ directory, name, flavor });
  if (!found.directoryExists) {
    context.log(
      "warning",
      `The client directory ${directory} is not on this machine: what is stored of Remote ${name} is kept`,
    );
    return known.configState;
  }
  const { entry, serverCertificate } = found;
  if (entry === undefined || known.entry === undefined) return "absent";
  const { addr, protocol = flavor, public: isPublic = false } = known.entry;
  const isSame =
    (isPublic || (await pairIn(directory, place)) === known.clientFingerprint) &&
    entry.addr === addr &&
    entry.protocol === protocol &&
    entry.public === isPublic &&
    (known.project === undefined || entry.project === known.project) &&
    fingerprintIn(serverCertificate) === known.serverFingerprint;
  return isSame ? "present" : "changed";
}

/** SHA-256 of the certificate that clients use for this remote, hex; undefined where they have none that is usable. */
async function pairIn(directory: string, { flavor, name }: ConfigPlace): Promise<string | undefined> {
  const pair = await readClientPair({ directory, flavor, name }).catch(() => undefined);
  return fingerprintIn(pair?.certificate);
}

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

/** What is to be written. */
interface ToRecord {
  readonly entry: RemoteEntry;
  readonly serverCertificate?: string;
  readonly pair?: KeyPair;
  /** Whether the pair was made in the directory for this remote. */
  readonly isMade?: boolean;
  readonly setDefault?: boolean;
}

/** Writes the remote, and takes away what an earlier name or directory of it left. */
export async function recordRemote(
  context: Context,
  place: ConfigPlace,
  wanted: ToRecord,
  before: Before | undefined,
): Promise<Recorded> {
  const { name, configDir, flavor } = place;
  const isHere = before !== undefined && (await isSamePlace(context, before.place.configDir, configDir));
  const isMoved = before !== undefined && !(isHere && before.place.name === name);
  if (configDir === undefined) {
    if (isMoved) await forgetRemote(context, before);
    return { configState: "absent" };
  }
  const directory = expandPath(configDir, context.programDirectory);
  const earlier = isMoved ? undefined : before;
  if (
    earlier?.configState === "present" &&
    !(await readRemote({ directory, name, flavor })).directoryExists
  ) {
    context.log(
      "warning",
      `The client directory ${directory} is not on this machine: Remote ${name} was not written there`,
    );
    const { configState, entry, ownPair, previousDefault } = earlier;
    return { configState, entry, ownPair, previousDefault };
  }
  const { entry, serverCertificate, pair, isMade = false, setDefault } = wanted;
  const replaces = before && replaceablePair(before);
  const wrote = pair !== undefined && (await writeClientPair({ directory, flavor, name, pair, replaces }));
  const giveDefaultBackTo = earlier && setDefault !== true ? defaultOfBefore(earlier) : undefined;
  const written = await writeRemote({
    ...{ directory, flavor, name, entry, serverCertificate, setDefault, giveDefaultBackTo },
    previousAddr: earlier?.entry?.addr,
    previousProject: earlier?.project,
  });
  // The new one stands before the old one goes, so that a run that is cut off leaves one too many and never none.
  if (isMoved) await forgetRemote(context, before, isHere ? followerOf(before, name, setDefault) : undefined);
  const isOld = isHere && written.previousDefault === before.place.name;
  const kept = isHere && giveDefaultBackTo === undefined;
  return {
    configState: "present",
    entry,
    ownPair: flavor === "incus" && (wrote || isMade) ? fingerprintIn(pair?.certificate) : earlier?.ownPair,
    previousDefault:
      (isOld ? undefined : written.previousDefault) ?? (kept ? before.previousDefault : undefined),
  };
}

/** SHA-256 of the client certificate that a Remote may replace in its directory, because it is known to be its own, hex. */
export function replaceablePair({ ownPair, clientFingerprint }: Before): string | undefined {
  // After an update that was cut off the one that was written is still that of before.
  return ownPair ?? clientFingerprint;
}

/** The default that a Remote changed, and gives back once it is not to be the default any more. */
function defaultOfBefore({ setDefault, previousDefault }: Before): string | undefined {
  return setDefault === true ? previousDefault : undefined;
}

/** A remote that is renamed takes the default along, unless it had made itself the default and gives that up. */
function followerOf(before: Before, name: string, setDefault?: boolean): string {
  return setDefault === true ? name : (defaultOfBefore(before) ?? name);
}

/** Two ways to write one directory are no move: what was just written would be taken away with the old entry. */
async function isSamePlace({ programDirectory }: Context, one?: string, other?: string): Promise<boolean> {
  if (one === undefined || other === undefined) return one === other;
  return isSameDirectory(expandPath(one, programDirectory), expandPath(other, programDirectory));
}

/**
 * Removes the remote's entry and pin, if the entry is still the one that was written, and a client pair that was written
 * for it alone. Where it is the default, `nextDefault` becomes that.
 */
export async function forgetRemote(
  context: Context,
  { place, entry, ownPair, previousDefault }: Before,
  nextDefault = previousDefault,
): Promise<void> {
  if (place.configDir === undefined || entry === undefined) return;
  const { configDir, name, flavor } = place;
  await removeRemote({
    ...{ directory: expandPath(configDir, context.programDirectory), name, flavor },
    addr: entry.addr,
    ...{ previousDefault: nextDefault, ownPair },
  });
}

/** An address as client directories write it. */
export function entryAddress(address: string): string {
  const place = parseServerAddress(address);
  return place === undefined
    ? refuse("INPUT_INVALID", `${JSON.stringify(address)} is not an address`)
    : `https://${formatHostAndPort(place)}`;
}
