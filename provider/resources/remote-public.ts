/**
 * Remotes of image servers, as `lxc remote add --public` makes them: nobody joins, no client certificate is shown, and all
 * there is of them is an entry in the client directory. One without a pin is vouched for by the system's CAs and never asked
 * for anything here, nor is one that speaks simplestreams. One of LXD or Incus that has a pin is dialled.
 */
import type { ConfigFlavor } from "../client-config/client-directory";
import { timeoutsOf } from "../connection";
import { messageOf, refuse } from "../errors";
import { type Context, keepWhenUnreachable, PartialError } from "../handler";
import { formatHostAndPort, parseServerAddress } from "../lxd/address";
import type { Pin } from "../lxd/transport";
import { readCertificate } from "../pki/certificate";
import { isIncus } from "./join";
import { beginRecord, entryAddress, type Recorded, recordRemote, type Recording } from "./remote-config";
import { observeEntry } from "./remote-entry";
import { type Before, choosePlace, type ConfigPlace, lookAround } from "./remote-place";
import { type Args, rememberRemote, type State } from "./remote-schema";

/** What is written of an image server. */
type ImageServer = Pick<State, "address" | "serverCertificate" | "serverFingerprint" | "serverExpiresAt">;

/** An image server that was found as it should be, and a client directory that can take it. */
export interface Prepared {
  readonly server: ImageServer;
  readonly recording: Recording;
}

/** Looks at an image server and at the directory, and changes nothing. LXD_SERVER_IDENTITY, CLIENT_CONFIG, LXD_UNREACHABLE, LXD_TIMEOUT. */
export async function prepareImageServer(
  context: Context,
  wanted: Args,
  before: Before | undefined,
): Promise<Prepared> {
  const { flavor, ...server } = await lookAt(context, wanted);
  const place = await choosePlace(context, wanted, before?.place, () => Promise.resolve(flavor ?? "lxd"));
  const entry = entryOf(wanted, place, server);
  const { serverFingerprint } = server;
  const surroundings = await lookAround(context, place, before, {
    ...{ addresses: [entry.addr], serverFingerprint },
  });
  const begun = beginRecord(place, before, surroundings, entry, undefined);
  return { server, recording: { place, before, surroundings, begun } };
}

/** Writes an image server's remote. What fails from here on is PARTIAL. */
export async function recordImageServer(
  context: Context,
  id: string,
  wanted: Args,
  { server, recording }: Prepared,
): Promise<State> {
  let known = toState(wanted, server, recording.begun);
  const { serverCertificate } = server;
  const { setDefault } = wanted;
  const entry = entryOf(wanted, recording.place, server);
  try {
    const recorded = await recordRemote(
      context,
      recording,
      { entry, serverCertificate, setDefault },
      (now) => {
        known = { ...known, ...now };
      },
    );
    return { ...known, ...recorded };
  } catch (error) {
    const incomplete = messageOf(error);
    const message = `Remote ${wanted.name} of an image server: ${incomplete}.`;
    throw new PartialError(id, { ...known, incomplete }, message, error);
  }
}

function toState(wanted: Args, server: ImageServer, recorded: Recorded): State {
  const facts = { ...server, addresses: [server.address], projects: [], enrolled: false };
  return { ...facts, ...recorded, given: rememberRemote(wanted) };
}

/** An image server that has its entry already. Changes nothing. Errors as of {@link prepareImageServer}. */
export async function foundImageServer(context: Context, wanted: Args, recorded: Recorded): Promise<State> {
  const { flavor: _flavor, ...server } = await lookAt(context, wanted);
  return toState(wanted, server, recorded);
}

function entryOf(wanted: Args, { flavor }: ConfigPlace, { address }: ImageServer) {
  const protocol = wanted.protocol ?? flavor;
  const addr = protocol === "simplestreams" ? address : entryAddress(address);
  return { addr, protocol, public: true };
}

/** What became of an image server's remote. */
export async function readImageServer(
  context: Context,
  id: string,
  place: ConfigPlace,
  old: State,
): Promise<State | undefined> {
  return keepWhenUnreachable(context, `Remote ${id}`, old, async () => {
    const { flavor: _flavor, ...server } = await lookAt(context, old.given as Args);
    const now = { ...old, ...server };
    return { ...now, ...(await observeEntry(context, place, now)) };
  });
}

/** The server on its one address, with the certificate that it is known by, and what it is. Only those with a pin are dialled. */
async function lookAt(context: Context, wanted: Args): Promise<ImageServer & { flavor?: ConfigFlavor }> {
  const { name, addresses: [address = ""] = [], serverCertificate, protocol } = wanted;
  if (protocol === "simplestreams")
    return { address, ...(serverCertificate === undefined ? {} : certificateFacts(serverCertificate)) };
  const place = parseServerAddress(address);
  if (place === undefined)
    return refuse("INPUT_INVALID", `Remote ${name}: an image server needs one address`);
  const pin = explicitPin(wanted);
  if (pin === undefined) return { address: formatHostAndPort(place) };
  const client = context.client({ kind: "https", ...place, pin }, timeoutsOf(wanted.timeouts));
  const server = await client.getServer({ fresh: true });
  return {
    ...{ address: formatHostAndPort(place), ...certificateFacts(client.serverCertificate ?? "") },
    flavor: isIncus(server) ? "incus" : "lxd",
  };
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
