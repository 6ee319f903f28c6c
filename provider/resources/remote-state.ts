/** What a Remote knows of its server and its client, however it came to them: joined, adopted or imported. */
import { dialledAddress } from "../lxd/address";
import { type KeyPair, readCertificate } from "../pki/certificate";
import type { Reached } from "./join";
import { pkcs12Of } from "./pkcs12";
import { certificateFacts } from "./remote-public";
import { type Args, rememberRemote, type State } from "./remote-schema";
import { identityOf } from "./remote-trust";

/** What is known before the server has said more: enough to go on from, should the next step fail. */
export async function begin(
  reached: Reached,
  old: State | undefined,
  wanted: Args,
  pair: KeyPair,
  addresses: readonly string[],
): Promise<Omit<State, "name" | "configState">> {
  const client = readCertificate(pair.certificate);
  return {
    address: reached.address,
    addresses: addresses.map(dialledAddress),
    ...certificateFacts(reached.client.serverCertificate ?? ""),
    serverName: old?.serverName ?? "",
    serverVersion: old?.serverVersion ?? "",
    serverType: old?.serverType ?? "lxd",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    clientFingerprint: client.fingerprint,
    clientExpiresAt: client.expiresAt.toISOString(),
    ...(await pkcs12Of({ ...wanted, pair, friendlyName: wanted.name }, old && heldArchive(old))),
    projects: old?.projects ?? [],
    enrolled: old?.enrolled ?? false,
    given: rememberRemote(wanted),
  };
}

function heldArchive(old: State): Parameters<typeof pkcs12Of>[1] {
  const { name: friendlyName, pkcs12, pkcs12Password } = old;
  const { pkcs12Encryption } = old.given as Args;
  return { pair: identityOf(old), friendlyName, pkcs12, pkcs12Password, pkcs12Encryption };
}

/** The one mapping from the server, as this client sees it, to the state. `projects` are those that it may see. */
export function describe({ client, server, address }: Reached, known: State, projects: string[]): State {
  return {
    ...known,
    address,
    ...certificateFacts(client.serverCertificate ?? ""),
    serverName: server.environment?.server_name ?? "",
    serverVersion: server.environment?.server_version ?? "",
    serverType: server.environment?.server === "incus" ? "incus" : "lxd",
    projects,
  };
}
