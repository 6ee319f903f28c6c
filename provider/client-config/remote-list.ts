/** The remotes of a client directory, as `lxc remote list` and `incus remote list` show them. */
import { isDirectory } from "./atomic-file";
import { ConfigDocument, localRemote } from "./config-document";
import type { ConfigFlavor, RemoteEntry } from "./config-document";
import { configFileOf, readConfigFile } from "./config-file";
import { describing } from "./config-problem";

/** A row of the list. */
export interface ListedRemote {
  name: string;
  /** `https://host:port`, `unix://`, or the URL of an image server. */
  address: string;
  protocol: RemoteEntry["protocol"];
  /** How the client shows who it is: "tls", "none", "file access" for a socket, or what the config file says. */
  authType: string;
  public: boolean;
  /** Built into the client: what a config file says under this name does not count. */
  static: boolean;
  /** Commands without a remote's name go to it. */
  default: boolean;
  project?: string;
}

/** The default remote of a directory. Where no remote has its name there is only that. */
export interface DefaultRemote extends Partial<Pick<ListedRemote, "address" | "protocol" | "project">> {
  name: string;
}

/**
 * Remotes that the clients have built in. Of LXD's client these are the ones that every version has: newer ones have
 * `ubuntu-minimal` and `ubuntu-minimal-daily` too, and `images`, which 5.0 writes to the file as any other.
 */
const builtIn: Record<ConfigFlavor, ReadonlyMap<string, RemoteEntry>> = {
  lxd: new Map([
    [localRemote, { addr: "unix://", protocol: "lxd", public: false }],
    ["ubuntu", imageServer("https://cloud-images.ubuntu.com/releases")],
    ["ubuntu-daily", imageServer("https://cloud-images.ubuntu.com/daily")],
  ]),
  incus: new Map([[localRemote, { addr: "unix://", protocol: "incus", public: false }]]),
};

function imageServer(addr: string): RemoteEntry {
  return { addr, protocol: "simplestreams", public: true };
}

/**
 * The remotes of a directory (an absolute path) by name, those built into the client included. Where there is no config
 * file, those that a client would begin with.
 *
 * @throws AccessError CLIENT_CONFIG where the config file cannot be read, or a remote in it makes no sense.
 */
export async function listRemotes(directory: string, flavor: ConfigFlavor): Promise<ListedRemote[]> {
  return describing(`Listing the remotes of ${directory}`, async () => {
    const config = await configOf(directory, flavor);
    const names = new Set([...builtIn[flavor].keys(), ...config.remoteNames]);
    return [...names].sort().flatMap((name) => {
      const entry = entryOf(config, name, flavor);
      // The clients show one that has nothing in it, too; but it leads nowhere.
      if (entry === undefined) return [];
      const { addr: address, ...rest } = entry;
      const isStatic = builtIn[flavor].has(name);
      const authType = (isStatic ? undefined : authTypeOf(config, name, entry)) ?? usualAuthType(entry);
      return { name, address, ...rest, authType, static: isStatic, default: name === config.defaultRemote };
    });
  });
}

/**
 * The remote of a directory (an absolute path) that commands without a remote's name go to.
 *
 * @throws AccessError CLIENT_CONFIG as {@link listRemotes}.
 */
export async function getDefaultRemote(directory: string, flavor: ConfigFlavor): Promise<DefaultRemote> {
  return describing(`Reading the default remote of ${directory}`, async () => {
    const config = await configOf(directory, flavor);
    const name = config.defaultRemote;
    const entry = entryOf(config, name, flavor);
    return { name, address: entry?.addr, protocol: entry?.protocol, project: entry?.project };
  });
}

async function configOf(directory: string, flavor: ConfigFlavor): Promise<ConfigDocument> {
  const found = (await isDirectory(directory)) ? await readConfigFile(directory) : undefined;
  return found ?? ConfigDocument.blank(configFileOf(directory), flavor);
}

/** Of what a file says of a remote that is built in, the clients take the project and nothing else. */
function entryOf(config: ConfigDocument, name: string, flavor: ConfigFlavor): RemoteEntry | undefined {
  const fixed = builtIn[flavor].get(name);
  if (fixed === undefined) return config.entry(name, flavor);
  const project = config.textOf(name, "project");
  return project === undefined ? fixed : { ...fixed, project };
}

/** As the clients fill it in when they read a file: a private remote is used with TLS, whatever is at its address. */
function authTypeOf(config: ConfigDocument, name: string, entry: RemoteEntry): string | undefined {
  return config.textOf(name, "auth_type") ?? (entry.public ? undefined : "tls");
}

/** As the clients show a remote of which nothing is said. */
function usualAuthType({ addr, protocol }: RemoteEntry): string {
  if (addr.startsWith("unix:")) return "file access";
  return protocol === "simplestreams" ? "none" : "tls";
}
