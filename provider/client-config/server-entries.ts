/** Which entries of a client directory lead to a server. */
import { join } from "node:path";
import { fingerprintIn } from "../pki/certificate-facts";
import { readText } from "./atomic-file";
import type { ConfigDocument } from "./config-document";
import { configFileOf } from "./config-file";
import { ConfigProblem } from "./config-problem";
import { describeUnsafeName } from "./remote-name";

/** The server that a remote is to lead to; either of the two is enough to tell it. */
export interface WantedServer {
  /** Its addresses as entries keep them, those it had before included. */
  addresses: readonly string[];
  /** SHA-256 of its certificate, 64 lower-case hex digits. */
  serverFingerprint?: string;
}

/** The file with the certificate that a remote's server has to show. */
export function pinFileOf(directory: string, name: string): string {
  return join(directory, "servercerts", `${name}.crt`);
}

/** ConfigProblem where an entry of this name leads to another server. */
export async function requireSameServer(
  directory: string,
  name: string,
  config: ConfigDocument | undefined,
  wanted: WantedServer,
): Promise<void> {
  const entry = config?.entry(name, "lxd");
  if (entry === undefined || (await leadsTo(directory, name, entry.addr, wanted))) return;
  throw new ConfigProblem(
    `${configFileOf(directory)} has a remote of this name for another server, ${entry.addr}`,
    "It was left as it is. Choose another name, or remove that remote first",
  );
}

/** Whether any entry leads to a server. One that makes no sense may. */
export async function isKnown(
  directory: string,
  config: ConfigDocument,
  wanted: WantedServer,
): Promise<boolean> {
  for (const name of config.remoteNames) {
    if (describeUnsafeName(name) !== undefined) return true;
    try {
      const addr = config.textOf(name, "addr");
      if (addr !== undefined && (await leadsTo(directory, name, addr, wanted))) return true;
    } catch (error) {
      if (error instanceof ConfigProblem) return true;
      throw error;
    }
  }
  return false;
}

async function leadsTo(
  directory: string,
  name: string,
  addr: string,
  { addresses, serverFingerprint }: WantedServer,
): Promise<boolean> {
  if (addresses.some((address) => isSameAddress(address, addr))) return true;
  // A pin that cannot be read proves nothing.
  const pin = fingerprintIn(await readText(pinFileOf(directory, name)));
  return pin !== undefined && pin === serverFingerprint;
}

/** Clients of newer Incus servers keep several addresses in one entry, between commas. */
function isSameAddress(address: string, kept: string): boolean {
  const plain = (text: string): string => text.trim().replace(/\/+$/, "").toLowerCase();
  return kept.split(",").some((one) => plain(one) === plain(address));
}
