/** Where in a client directory a Remote is written, and what is found there before anything is done. */
import {
  checkClientDirectory,
  type ConfigFlavor,
  expandPath,
  flavorOfDirectory,
  hasDirectory,
  isSameDirectory,
  realDirectory,
  type RemoteEntry,
} from "../client-config/client-directory";
import { refuse } from "../errors";
import type { Context } from "../handler";
import type { KeyPair } from "../pki/certificate";
import { entryClaim } from "./claims";
import { isIncus, type Reached } from "./join";

/** Where a Remote is written. `configDir` is as its program gave it. */
export interface ConfigPlace {
  readonly name: string;
  readonly configDir?: string;
  readonly flavor: ConfigFlavor;
}

/** A place, and what a Remote wrote there, to change it or to take it back. */
export interface Written {
  readonly place: ConfigPlace;
  readonly entry?: Pick<RemoteEntry, "addr" | "project"> & Partial<Pick<RemoteEntry, "protocol" | "public">>;
  /** SHA-256 of the client certificate that was written for this remote alone, hex: in directories of Incus only. */
  readonly ownPair?: string;
  /** The default remote that this one took the place of. */
  readonly previousDefault?: string;
  /** Whether the entry was there already, for the same server: then it is somebody's, and stays. */
  readonly found?: boolean;
}

/** A Remote as it was before an update: where and what was written, and what the program said then. */
export interface Before extends Written {
  readonly configState: "absent" | "present" | "changed";
  /** Whether what stands in the directory is out of date, because it was on another machine when that changed. */
  readonly unwritten?: boolean;
  /** Places of before that could not be taken back yet. */
  readonly formers?: readonly Written[];
  /** SHA-256 of its client certificate, hex. */
  readonly clientFingerprint?: string;
  readonly setDefault?: boolean;
  readonly project?: string;
}

/** What is found at a place before anything is done. */
export interface Surroundings {
  /** Whether the directory is on another machine: then nothing is checked, and nothing will be written. */
  readonly isElsewhere: boolean;
  /** What this Remote wrote at this very place. */
  readonly earlier?: Written;
  /** What it wrote at other ones, and has to go. */
  readonly formers: readonly Written[];
  /** Whether the entry is somebody's, for the same server. */
  readonly found: boolean;
  /** Whether nothing there says that somebody else joined the server: no entry leads to it, or this Remote's own does. */
  readonly isUnclaimed: boolean;
}

/**
 * The place that a program means. A directory that is there already says itself which client it belongs to, and that
 * does not change while the Remote stays in it. A new one is for the client of the server's kind.
 */
export async function choosePlace(
  context: Context,
  { name, configDir, configFlavor }: { name: string; configDir?: string; configFlavor?: ConfigFlavor },
  before: ConfigPlace | undefined,
  askServer: () => Promise<ConfigFlavor>,
): Promise<ConfigPlace> {
  if (configDir === undefined || configFlavor !== undefined)
    return { name, configDir, flavor: configFlavor ?? "lxd" };
  if (before?.configDir === configDir) return { name, configDir, flavor: before.flavor };
  const found = await flavorOfDirectory(expandPath(configDir, context.programDirectory));
  return { name, configDir, flavor: found ?? (await askServer()) };
}

/**
 * Finds out before anything is done what is at the place, and whether it can take the remote. CLIENT_CONFIG where it
 * cannot. A directory that this Remote was written to and that is not here is another machine's.
 */
export async function lookAround(
  context: Context,
  place: ConfigPlace,
  before: Before | undefined,
  server: {
    /** As directories write them. */
    addresses: readonly string[];
    serverFingerprint?: string;
    /** The client pair, where it is not to be the directory's. */
    pair?: KeyPair;
    /** Of the token of this Remote. */
    mark?: string;
  },
): Promise<Surroundings> {
  const { configDir, name, flavor } = place;
  const directory = configDir === undefined ? undefined : expandPath(configDir, context.programDirectory);
  if (before !== undefined && directory !== undefined && (await isWrittenIn(context, before, place))) {
    if (!(await hasDirectory(directory)))
      return {
        isElsewhere: true,
        earlier: before,
        formers: before.formers ?? [],
        found: before.found ?? false,
        isUnclaimed: false,
      };
  }
  const { earlier, formers } = await sortOut(context, place, before);
  if (directory === undefined)
    return { isElsewhere: false, earlier, formers, found: false, isUnclaimed: true };
  const addresses =
    earlier?.entry === undefined ? server.addresses : [...server.addresses, earlier.entry.addr];
  const replaces = before && replaceablePair(before);
  const seen = await checkClientDirectory({ ...server, addresses, directory, flavor, name, replaces });
  // One that another Remote has written in this run is that one's.
  const isMarked =
    server.mark !== undefined &&
    seen.mark === server.mark &&
    !context.isClaimed(entryClaim(await realDirectory(directory), name));
  // An entry that was found and has gone since is ours once it is written anew.
  const found = seen.isThere && (earlier?.entry === undefined ? !isMarked : earlier.found === true);
  return { isElsewhere: false, earlier, formers, found, isUnclaimed: isMarked || !seen.isServerKnown };
}

async function isWrittenIn(context: Context, before: Before, place: ConfigPlace): Promise<boolean> {
  const { entry, configState } = before;
  return entry !== undefined && configState !== "absent" && isSameDirectoryAs(context, before.place, place);
}

/** Tells what was written at this place from what was written at others. */
async function sortOut(
  context: Context,
  place: ConfigPlace,
  before: Before | undefined,
): Promise<{ earlier?: Written; formers: Written[] }> {
  let earlier: Written | undefined;
  const formers: Written[] = [];
  for (const written of before === undefined ? [] : [before, ...(before.formers ?? [])]) {
    if (written.place.name === place.name && (await isSameDirectoryAs(context, written.place, place)))
      earlier ??= written;
    else formers.push(written);
  }
  return { earlier, formers };
}

/** Whether two places are in one directory: there may be several ways to write its path. */
export async function isSameDirectoryAs(
  { programDirectory }: Context,
  { configDir: one }: ConfigPlace,
  { configDir: other }: ConfigPlace,
): Promise<boolean> {
  if (one === undefined || other === undefined) return one === other;
  return isSameDirectory(expandPath(one, programDirectory), expandPath(other, programDirectory));
}

/** SHA-256 of the client certificate that a Remote may replace in its directory, because it is known to be its own, hex. */
export function replaceablePair({
  ownPair,
  clientFingerprint,
}: Pick<Before, "ownPair" | "clientFingerprint">): string | undefined {
  // After an update that was cut off the one that was written is still that of before.
  return ownPair ?? clientFingerprint;
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
