/**
 * A Remote by an id: a remote that `lxc` or `incus` has, with its pin and the pair that its client uses. The entry and the trust
 * were there before, so that a destroy leaves both.
 */
import {
  type ConfigFlavor,
  describeRemoteNameProblem,
  expandPath,
  flavorOfDirectory,
  readClientPair,
  readRemote,
  realDirectory,
  type RemoteEntry,
} from "../client-config/client-directory";
import { timeoutsOf } from "../connection";
import { describeUnsafeName } from "../client-config/remote-name";
import { refuse } from "../errors";
import type { Context, Imported } from "../handler";
import { dialledAddress, describeServerAddressProblem } from "../lxd/address";
import { describeClientPairProblem, type KeyPair, readCertificate } from "../pki/certificate";
import { fingerprintIn } from "../pki/certificate-facts";
import { describeConfigDirProblem } from "../properties";
import { clientClaim, entryClaim } from "./claims";
import { readId, refuseUnlessSayable } from "./import-id";
import { isIncus, type Reached, reach } from "./join";
import { joinedEntry, type Recorded } from "./remote-config";
import { observeEntry } from "./remote-entry";
import { choosePlace, type ConfigPlace } from "./remote-place";
import { foundImageServer } from "./remote-public";
import { remoteRules } from "./remote-rules";
import { args as schema, type Args, isImageServer, type State } from "./remote-schema";
import { begin, describe } from "./remote-state";
import { refuseWithoutToken } from "./remote-trust";

/** As `lxc` writes a remote's name, which holds no colon; the directory as configDir takes it. */
export const remoteImportId = "NAME[:CLIENT_DIRECTORY]";

/** A remote that was found. */
interface Found {
  readonly name: string;
  readonly configDir: string;
  readonly directory: string;
  /** What the directory says of itself. */
  readonly flavor: ConfigFlavor | undefined;
  readonly entry: RemoteEntry;
  /** The pin, PEM. */
  readonly serverCertificate?: string;
  /** For messages. */
  readonly where: string;
}

type ImportedRemote = Pick<Imported<Args, State>, "args" | "state">;

export async function importRemote(context: Context, id: string): Promise<Imported<Args, State> | undefined> {
  const { name, configDir } = readId("Remote", remoteImportId, id, (text) => {
    const [, first = "", path] = /^([^:]+)(?::(.+))?$/u.exec(text) ?? [];
    const isRight =
      describeUnsafeName(first) === undefined && describeConfigDirProblem(path ?? ".") === undefined;
    return isRight ? { name: first, configDir: path } : undefined;
  });
  const found = await findRemote(context, name, configDir);
  if (found === undefined) return undefined;
  const { args, state } = await (isImageServer(found.entry)
    ? importImageServer(context, found)
    : importJoined(context, found));
  refuseUnlessSayable({ args: schema, rules: remoteRules }, found.where, args);
  const { serverFingerprint = "", clientFingerprint = "" } = state;
  context.claim(clientClaim("Remote", serverFingerprint, clientFingerprint));
  context.claim(entryClaim(await realDirectory(found.directory), name));
  return { id, args, state };
}

/** The remote in the directory that is named, by the id or by the configuration, else in the first usual one that has it. */
async function findRemote(
  context: Context,
  name: string,
  given: string | undefined,
): Promise<Found | undefined> {
  const named = given ?? context.configDir;
  let problem: string | undefined;
  for (const configDir of named === undefined ? context.usualConfigDirs() : [named]) {
    const directory = expandPath(configDir, context.programDirectory);
    const flavor = await flavorOfDirectory(directory);
    problem ??= describeRemoteNameProblem(name, flavor);
    if (describeRemoteNameProblem(name, flavor) !== undefined) continue;
    const remote = await readRemote({ directory, name, flavor });
    if (!remote.directoryExists || remote.entry === undefined) continue;
    const { entry, serverCertificate } = remote;
    const where = `The remote "${name}" of ${directory}`;
    return { name, configDir, directory, flavor, entry, serverCertificate, where };
  }
  if (problem !== undefined)
    refuse(
      "INPUT_INVALID",
      `Remote ${name}: ${problem}, so there is nothing in a client directory to import`,
    );
  return undefined;
}

async function importJoined(context: Context, found: Found): Promise<ImportedRemote> {
  const { name, configDir, where } = found;
  const addresses = addressesOf(found);
  const serverFingerprint = fingerprintIn(found.serverCertificate);
  if (serverFingerprint === undefined)
    return refuse(
      "CLIENT_CONFIG",
      `${where} has no pin that can be read (servercerts/${name}.crt), so its server cannot be told from another. Nothing was ` +
        "sent. Remove the remote with its client and join the server again",
    );
  const there = {
    addresses,
    pin: { fingerprint: serverFingerprint },
    timeouts: timeoutsOf(undefined),
    fresh: false,
  };
  const place = await choosePlace(context, found, undefined, async () =>
    isIncus((await reach(context, there)).server) ? "incus" : "lxd",
  );
  const pair = await usablePair(context, found, place);
  const reached = await reach(context, { ...there, pair });
  if (reached.server.auth !== "trusted")
    refuseWithoutToken(found, reached, { clientFingerprint: readCertificate(pair.certificate).fingerprint });
  const wanted: Args = {
    ...{ name, addresses, serverFingerprint, configDir },
    // A directory that is not of the server's kind is one that somebody has chosen so.
    configFlavor:
      isIncus(reached.server) === (place.flavor === "incus") ? flavorForName(place) : place.flavor,
    project: await projectOf(found, place, reached),
  };
  const begun = await begin(reached, undefined, wanted, pair, addresses);
  const projects = await reached.client.getProjectNames();
  const known = describe(reached, { ...begun, ...recordOf(found, place) }, projects);
  return { args: wanted, state: await asItStands(context, place, known, wanted, reached.failed) };
}

/** A name that only clients of one kind leave free is right where the program says which kind it is. */
function flavorForName({ name, flavor }: ConfigPlace): ConfigFlavor | undefined {
  return describeRemoteNameProblem(name) === undefined ? undefined : flavor;
}

/** Where the entry leads, each `host:port`: clients of newer Incus servers keep several addresses, between commas. */
function addressesOf({ entry, where }: Found): string[] {
  if (entry.addr.startsWith("unix:"))
    refuse("INPUT_INVALID", `${where} is a socket of this machine, ${entry.addr}, which nobody joins`);
  const all = entry.addr.split(",").map((one) => one.trim());
  const addresses = all.filter((one) => describeServerAddressProblem(one) === undefined).map(dialledAddress);
  if (addresses.length > 0) return addresses;
  return refuse("CLIENT_CONFIG", `${where} has no address that can be dialled. Correct it with its client`);
}

/** The pair that its client uses. Its key is secret. */
async function usablePair(
  context: Context,
  { directory, name, where }: Found,
  { flavor }: ConfigPlace,
): Promise<KeyPair> {
  const pair = await readClientPair({ directory, flavor, name });
  const problem =
    pair === undefined
      ? "it has no client certificate (client.crt and client.key)"
      : describeClientPairProblem(pair, context.now());
  if (pair !== undefined && problem === undefined) return pair;
  return refuse(
    "CLIENT_CONFIG",
    `${where} cannot be used: ${problem}. Nothing was sent. Join the server with its client again`,
  );
}

/** The project that the entry says, where it is not the one that a Remote would write by itself. */
async function projectOf(
  { entry }: Found,
  place: ConfigPlace,
  { client, address }: Reached,
): Promise<string | undefined> {
  const projects = await client.getProjectNames();
  const usual = joinedEntry(place, { address, projects }, undefined).project;
  return entry.project === usual ? undefined : entry.project;
}

async function importImageServer(context: Context, found: Found): Promise<ImportedRemote> {
  const { name, configDir, entry, serverCertificate } = found;
  const { protocol } = entry;
  const isSimplestreams = protocol === "simplestreams";
  const addresses = isSimplestreams ? [entry.addr] : addressesOf(found);
  const serverFingerprint = isSimplestreams ? undefined : fingerprintIn(serverCertificate);
  const pin = isSimplestreams ? { serverCertificate } : { serverFingerprint };
  const place = { name, configDir, flavor: found.flavor ?? (isSimplestreams ? "lxd" : protocol) };
  const configFlavor = flavorForName(place);
  const wanted: Args = { name, addresses, configDir, configFlavor, public: true, protocol, ...pin };
  const known = await foundImageServer(context, wanted, recordOf(found, place));
  return { args: wanted, state: await asItStands(context, place, known, wanted, []) };
}

/** What is remembered of an entry that was there before. */
function recordOf({ name, entry }: Found, { flavor }: ConfigPlace): Recorded {
  return { name, flavor, configState: "present", entry, found: true };
}

/** As a read would find it right after. */
async function asItStands(
  context: Context,
  place: ConfigPlace,
  known: State,
  { project }: Args,
  failed: readonly string[],
): Promise<State> {
  return { ...known, ...(await observeEntry(context, place, { ...known, project, failed })) };
}
