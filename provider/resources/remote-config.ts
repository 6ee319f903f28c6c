/** The client directory's part of a Remote: the entry, the pin and the client pair that `lxc` or `incus` then use. */
import {
  checkClientDirectory,
  type ConfigFlavor,
  expandPath,
  loadOrCreateClientPair,
  readClientPair,
  readRemote,
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

/** Where a Remote is written, as its program gave it. */
export interface ConfigPlace {
  readonly name: string;
  readonly configDir?: string;
  readonly configFlavor?: ConfigFlavor;
}

/** What a Remote remembers of what it wrote. */
export interface Recorded {
  readonly configState: "absent" | "present" | "changed";
  readonly entry?: { readonly addr: string; readonly project?: string };
  readonly previousDefault?: string;
}

/** The pair that clients of this directory use; made there once, so that it outlives an interrupted run. */
export function clientDirectoryPair(
  context: Context,
  place: ConfigPlace,
  configDir: string,
  create: () => Promise<KeyPair>,
): Promise<KeyPair> {
  return loadOrCreateClientPair({ ...location(context, place, configDir), create });
}

/** Finds out before a token is spent whether the directory can take the remote. CLIENT_CONFIG where it cannot. */
export async function prepareClientDirectory(
  context: Context,
  place: ConfigPlace,
  server: {
    pair: KeyPair;
    addresses: readonly string[];
    serverFingerprint: string;
    previousAddr?: string;
    /** SHA-256 of the certificate that this Remote wrote before, hex. */
    replaces?: string;
  },
): Promise<void> {
  if (place.configDir === undefined) return;
  const addresses = server.addresses.map(entryAddress);
  if (server.previousAddr !== undefined) addresses.push(server.previousAddr);
  await checkClientDirectory({ ...location(context, place, place.configDir), ...server, addresses });
}

/** A client directory is of one kind from its first file on, and `lxc` does not speak with Incus. */
export function requireFlavor(
  { name, configDir, configFlavor }: ConfigPlace,
  { client, server }: Reached,
): void {
  if (configDir === undefined || configFlavor !== undefined || !isIncus(server)) return;
  refuse(
    "INPUT_INVALID",
    `Remote ${name}: ${client.name} is Incus, and configDir would be written for \`lxc\`. Say configFlavor: "incus", or ` +
      '"lxd" if that is what you mean. The token was not spent',
  );
}

/** Says whether the remote stands in its directory as it was written. Without its directory that cannot be told. */
export async function observeEntry(
  context: Context,
  place: ConfigPlace,
  known: Recorded & { serverFingerprint: string; clientFingerprint: string; project?: string },
): Promise<Recorded["configState"]> {
  if (place.configDir === undefined) return "absent";
  const { directory, flavor, name } = location(context, place, place.configDir);
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
  const pair = await readClientPair({ directory, flavor, name }).catch(() => undefined);
  const isSame =
    fingerprintIn(pair?.certificate) === known.clientFingerprint &&
    entry.addr === known.entry.addr &&
    entry.protocol === flavor &&
    !entry.public &&
    (known.project === undefined || entry.project === known.project) &&
    fingerprintIn(serverCertificate) === known.serverFingerprint;
  return isSame ? "present" : "changed";
}

/** Writes the remote, and takes away what an earlier name or directory of it left. */
export async function recordRemote(
  context: Context,
  place: ConfigPlace & { setDefault?: boolean; project?: string },
  now: { address: string; serverCertificate: string; pair: KeyPair; projects: readonly string[] },
  before: { place: ConfigPlace; recorded: Recorded; clientFingerprint: string } | undefined,
): Promise<Recorded> {
  const isMoved =
    before !== undefined && (before.place.configDir !== place.configDir || before.place.name !== place.name);
  if (isMoved) await forgetRemote(context, before.place, before.recorded);
  if (place.configDir === undefined) return { configState: "absent" };

  const { directory, flavor, name } = location(context, place, place.configDir);
  const earlier = isMoved ? undefined : before?.recorded;
  if (
    earlier?.configState === "present" &&
    !(await readRemote({ directory, name, flavor })).directoryExists
  ) {
    context.log(
      "warning",
      `The client directory ${directory} is not on this machine: Remote ${name} was not written there`,
    );
    const { configState, entry, previousDefault } = earlier;
    return { configState, entry, previousDefault };
  }
  const [onlyProject, ...others] = now.projects;
  const entry = {
    addr: entryAddress(now.address),
    project: place.project ?? (others.length === 0 ? onlyProject : undefined),
  };
  await writeClientPair({ directory, flavor, name, pair: now.pair, replaces: before?.clientFingerprint });
  const written = await writeRemote({
    directory,
    flavor,
    name,
    entry: { ...entry, protocol: flavor, public: false },
    serverCertificate: now.serverCertificate,
    setDefault: place.setDefault,
    previousAddr: earlier?.entry?.addr,
  });
  return {
    configState: "present",
    entry,
    previousDefault: written.previousDefault ?? earlier?.previousDefault,
  };
}

/** Removes the remote's entry and pin, if the entry is still the one that was written; the client pair stays. */
export async function forgetRemote(context: Context, place: ConfigPlace, recorded: Recorded): Promise<void> {
  if (place.configDir === undefined || recorded.entry === undefined) return;
  const { directory, name } = location(context, place, place.configDir);
  await removeRemote({
    directory,
    name,
    addr: recorded.entry.addr,
    previousDefault: recorded.previousDefault,
  });
}

function location(
  context: Context,
  { name, configFlavor }: ConfigPlace,
  configDir: string,
): { directory: string; flavor: ConfigFlavor; name: string } {
  return { directory: expandPath(configDir, context.programDirectory), flavor: configFlavor ?? "lxd", name };
}

/** An address as client directories write it. */
function entryAddress(address: string): string {
  const place = parseServerAddress(address);
  return place === undefined
    ? refuse("INPUT_INVALID", `${JSON.stringify(address)} is not an address`)
    : `https://${formatHostAndPort(place)}`;
}
