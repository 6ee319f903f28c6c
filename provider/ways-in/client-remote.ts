/** From the name of a remote that `lxc` or `incus` has to its server, with the pin and the client certificate they use. */
import { statSync } from "node:fs";
import {
  type ConfigFlavor,
  flavorOfDirectory,
  type FoundRemote,
  hasDirectory,
  readClientPair,
  readRemote,
} from "../client-config/client-directory";
import { defaultClientDirectory } from "../client-config/default-directory";
import { absolutePath } from "../client-config/expand-path";
import { listRemotes } from "../client-config/remote-list";
import { remoteStamp } from "../client-config/remote-stamp";
import { AccessError, refuse } from "../errors";
import { describeServerAddressProblem, parseServerAddress } from "../lxd/address";
import type { Endpoint } from "../lxd/transport";
import { fingerprintIn } from "../pki/certificate-facts";
import { describeClientPairProblem } from "../pki/client-pair";
import { localPath } from "./local-path";
import { findLocalSocket } from "./local-sockets";
import type { Place } from "./ssh";

interface Found {
  readonly directory: string;
  readonly remote: FoundRemote & { directoryExists: true };
}

/** What was found, by what its files were then: each look at each resource asks again. The keys in it are secret. */
const recent = new Map<string, Endpoint>();
const mostRecent = 1000;

/**
 * The endpoint of a remote, found in `configDir`, else in the directory that `lxc` uses, else in that of `incus`.
 * @throws AccessError CLIENT_CONFIG where there is no such remote, or it cannot be used to administer its server.
 */
export async function remoteEndpoint(
  name: string,
  configDir: string | undefined,
  place: Place,
): Promise<Endpoint> {
  const named =
    configDir === undefined ? undefined : localPath(configDir, place.programDirectory, "configDir");
  const directories = named === undefined ? usualDirectories(place) : [named];
  const stamps = directories.map((directory) => remoteStamp(directory, name));
  const key = JSON.stringify([name, directories, stamps]);
  const known = stamps.includes(undefined) ? undefined : recent.get(key);
  if (known !== undefined) return known;
  if (named !== undefined && !(await hasDirectory(named)))
    refuse(
      "CLIENT_CONFIG",
      `There is no client directory ${named} to look for the remote "${name}" in. Correct configDir, or join the server with its client first`,
    );
  const found = await find(name, directories);
  const entry = found?.remote.entry;
  if (found === undefined || entry === undefined) {
    // Every client knows this one, whether it is written down or not.
    if (name === "local") {
      const flavor = named === undefined ? undefined : await flavorOfDirectory(named);
      return localEndpoint(name, "unix://", flavor, place);
    }
    return refuse("CLIENT_CONFIG", await noSuchRemote(name, directories));
  }
  if (entry.addr.startsWith("unix:"))
    return localEndpoint(name, entry.addr, entry.protocol === "incus" ? "incus" : "lxd", place);
  const where = `The remote "${name}" of ${found.directory}`;
  if (entry.public || entry.protocol === "simplestreams")
    refuse("CLIENT_CONFIG", `${where} is an image server, which cannot be administered. Name another remote`);
  const endpoint = await httpsEndpoint(name, found, where, entry.addr);
  if (recent.size >= mostRecent) recent.clear();
  recent.set(key, endpoint);
  return endpoint;
}

async function httpsEndpoint(name: string, found: Found, where: string, addr: string): Promise<Endpoint> {
  // Clients of newer Incus servers keep several addresses in one entry, between commas. The first one is taken.
  const address = addr.split(",").map((one) => one.trim());
  const server = parseServerAddress(
    address.find((one) => describeServerAddressProblem(one) === undefined) ?? "",
  );
  if (server === undefined)
    return refuse(
      "CLIENT_CONFIG",
      `${where} has no address that can be dialled. Correct it, or name another remote`,
    );
  const { serverCertificate } = found.remote;
  if (serverCertificate === undefined)
    return refuse(
      "CLIENT_CONFIG",
      `${where} has no pin (servercerts/${name}.crt): its client believes the system's authorities instead, which is not done ` +
        "here. Give address, clientCertificate, clientKey and serverCertificate or serverFingerprint instead of remote",
    );
  if (fingerprintIn(serverCertificate) === undefined)
    return refuse(
      "CLIENT_CONFIG",
      `${where} cannot be used: its pin (servercerts/${name}.crt) is damaged or no certificate. Nothing was sent. ` +
        "Remove the remote with its client and join the server again",
    );
  // With this flavor a pair of the remote's own comes before the directory's; LXD's client has only the latter.
  const pair = await readClientPair({ directory: found.directory, flavor: "incus", name });
  if (pair === undefined)
    return refuse(
      "CLIENT_CONFIG",
      `${where} has no client certificate (client.crt and client.key). Join the server with its client first`,
    );
  const problem = describeClientPairProblem(pair, new Date());
  if (problem !== undefined)
    refuse("CLIENT_CONFIG", `${where} cannot be used: ${problem}. Nothing was sent. Join the server again`);
  return {
    ...{ kind: "https", ...server, pin: { certificate: serverCertificate } },
    ...{ clientCertificate: pair.certificate, clientKey: pair.privateKey },
  };
}

function localEndpoint(
  name: string,
  addr: string,
  flavor: ConfigFlavor | undefined,
  { environment }: Place,
): Endpoint {
  const path = addr.replace(/^unix:(\/\/)?/, "");
  const flavors = flavor === undefined ? undefined : ([flavor] as const);
  const socketPath = path === "" ? findLocalSocket(environment, undefined, flavors) : path;
  if (socketPath === undefined)
    return refuse(
      "CONFIG_INVALID",
      `The remote "${name}" is the server of this machine, and none of its usual sockets can be used from here. Give socketPath`,
    );
  return { kind: "unix", socketPath };
}

function usualDirectories(place: Place): string[] {
  return usualConfigDirs(place).map((path) => localPath(path, place.programDirectory, "configDir"));
}

/** The directories that `lxc` and `incus` use, as a program would write them: below `~` where nothing else is said. */
export function usualConfigDirs({ environment, programDirectory }: Place): string[] {
  const exists = (path: string): boolean => isDirectoryThere(absolutePath(path, programDirectory));
  return (["lxd", "incus"] as const).map((flavor) =>
    defaultClientDirectory(flavor, environment, "~", exists),
  );
}

function isDirectoryThere(path: string | undefined): boolean {
  return path !== undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function find(name: string, directories: readonly string[]): Promise<Found | undefined> {
  for (const directory of directories) {
    const remote = await readRemote({ directory, name });
    if (remote.directoryExists && remote.entry !== undefined) return { directory, remote };
  }
  return undefined;
}

async function noSuchRemote(name: string, directories: readonly string[]): Promise<string> {
  const lists = await Promise.all(directories.map(describeRemotes));
  return `There is no remote "${name}": ${lists.join("; ")}. Name one of these, give another configDir, or add it with its client`;
}

async function describeRemotes(directory: string): Promise<string> {
  try {
    const remotes = await listRemotes(directory, "lxd");
    const usable = remotes.filter((remote) => !remote.public && !remote.static);
    return `${directory} has ${usable.map(({ name }) => name).join(", ") || "none"}`;
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return `${directory} cannot be read`;
  }
}
