/**
 * Remotes of image servers, as `lxc remote add --public` makes them: nobody joins, no client certificate is shown, and all
 * there is of them is an entry in the client directory. One that speaks simplestreams is vouched for by the system's CAs
 * (or by a certificate that is given) and never asked for anything here. One of LXD or Incus is pinned, and dialled.
 */
import { timeoutsOf } from "../connection";
import { refuse } from "../errors";
import { type Context, keepWhenUnreachable } from "../handler";
import { formatHostAndPort, parseServerAddress } from "../lxd/address";
import type { Pin } from "../lxd/transport";
import { readCertificate } from "../pki/certificate";
import { remember } from "./given";
import {
  type Before,
  choosePlace,
  type ConfigPlace,
  entryAddress,
  observeEntry,
  prepareClientDirectory,
  recordRemote,
} from "./remote-config";
import { type Args, secretInputs, type State } from "./remote-schema";

/** What is written of an image server. */
type ImageServer = Pick<State, "address" | "serverCertificate" | "serverFingerprint" | "serverExpiresAt">;

/** Create and update of an image server's remote. LXD_SERVER_IDENTITY, CLIENT_CONFIG, LXD_UNREACHABLE, LXD_TIMEOUT. */
export async function recordImageServer(
  context: Context,
  wanted: Args,
  before: Before | undefined,
): Promise<State> {
  const { name, setDefault } = wanted;
  const place = await choosePlace(context, wanted, before?.place);
  const server = await lookAt(context, wanted);
  const protocol = wanted.protocol ?? place.flavor;
  const addr = protocol === "simplestreams" ? server.address : entryAddress(server.address);
  const { serverCertificate, serverFingerprint } = server;
  const previousAddr = before?.place.name === name ? before.entry?.addr : undefined;
  await prepareClientDirectory(context, place, { addresses: [addr], serverFingerprint, previousAddr });
  const entry = { addr, protocol, public: true };
  const recorded = await recordRemote(context, place, { entry, serverCertificate, setDefault }, before);
  return {
    ...{ name, ...server, addresses: [server.address], projects: [], enrolled: false },
    ...{ ...recorded, flavor: place.flavor, given: remember(wanted, secretInputs) },
  };
}

/** What became of an image server's remote. */
export async function readImageServer(
  context: Context,
  id: string,
  place: ConfigPlace,
  old: State,
): Promise<State | undefined> {
  return keepWhenUnreachable(context, `Remote ${id}`, old, async () => {
    const now = { ...old, ...(await lookAt(context, old.given as Args)) };
    return { ...now, configState: await observeEntry(context, place, now) };
  });
}

/** The server on its one address, with the certificate that it is known by. Only LXD and Incus are dialled. */
async function lookAt(context: Context, wanted: Args): Promise<ImageServer> {
  const { name, addresses: [address = ""] = [], serverCertificate, protocol } = wanted;
  if (protocol === "simplestreams")
    return { address, ...(serverCertificate === undefined ? {} : certificateFacts(serverCertificate)) };
  const place = parseServerAddress(address);
  const pin = explicitPin(wanted);
  if (place === undefined || pin === undefined)
    return refuse("INPUT_INVALID", `Remote ${name}: an image server needs one address and a pin`);
  const client = context.client({ kind: "https", ...place, pin }, timeoutsOf(wanted.timeouts));
  // Only to see that the pinned server answers there: what it says to a stranger is of no use here.
  await client.getServer({ fresh: true });
  return { address: formatHostAndPort(place), ...certificateFacts(client.serverCertificate ?? "") };
}

/** The pin that is given. */
export function explicitPin({ serverFingerprint, serverCertificate }: Args): Pin | undefined {
  if (serverCertificate !== undefined) return { certificate: serverCertificate };
  return serverFingerprint === undefined ? undefined : { fingerprint: serverFingerprint.toLowerCase() };
}

/** What a server's certificate says. */
export function certificateFacts(
  certificate: string,
): Required<Pick<State, "serverCertificate" | "serverFingerprint" | "serverExpiresAt">> {
  const { pem, fingerprint, expiresAt } = readCertificate(certificate);
  return {
    serverCertificate: pem,
    serverFingerprint: fingerprint,
    serverExpiresAt: expiresAt.toISOString(),
  };
}
