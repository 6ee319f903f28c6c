/**
 * Remote: a client's trust in a server and the server's trust in the client, and a remote that `lxc` can use.
 * https://documentation.ubuntu.com/lxd/latest/howto/server_expose/#authenticate-with-the-lxd-server
 *
 * Joining redeems a one-shot token over a connection that is pinned to the server's certificate. The token is spent
 * even if what follows fails, so from there on every failure leaves the resource recorded, with what is needed to go on.
 * Nothing replaces a Remote; everything is changed in place.
 */
import { z } from "zod";
import { timeoutsOf } from "../connection";
import { describeUnsafeName } from "../client-config/remote-name";
import { messageOf, refuse } from "../errors";
import {
  type Context,
  keepWhenUnreachable,
  PartialError,
  type ResourceHandler,
  withWaysOut,
} from "../handler";
import type { Pin } from "../lxd/transport";
import { decodeTrustToken } from "../lxd/trust-token";
import { type KeyPair, readCertificate } from "../pki/certificate";
import {
  describeConfigDirProblem,
  fingerprint,
  pemText,
  projectName,
  serverAddress,
  textThat,
  timeouts,
} from "../properties";
import { changedInputs, given, remember } from "./given";
import { leave, type Reached, reach, redeem, replaceClient } from "./join";
import {
  type ConfigPlace,
  forgetRemote,
  observeEntry,
  prepareClientDirectory,
  recordRemote,
  requireFlavor,
} from "./remote-config";
import { choosePair, pairOf } from "./remote-pair";
import { remoteRules } from "./remote-rules";

const args = z.strictObject({
  name: textThat(describeUnsafeName).meta({
    description: "Name of the remote. Default: the resource's name.",
  }),
  token: z
    .string()
    .optional()
    .meta({ description: "Trust token to redeem, as `lxc remote add` takes it.", secret: true }),
  addresses: z
    .array(serverAddress)
    .min(1, "must not be empty; leave it out for the token's addresses")
    .optional()
    .meta({
      description:
        "Where to reach the server, instead of the addresses in the token (NAT). Default port 8443.",
    }),
  serverFingerprint: fingerprint.optional().meta({
    description:
      "SHA-256 of the server's certificate, hex: an explicit pin, needed without a token and after a rotation.",
  }),
  serverCertificate: pemText("CERTIFICATE").optional().meta({
    description:
      "PEM of the server's certificate or of its CA: an explicit pin, instead of serverFingerprint.",
  }),
  clientCertificate: pemText("CERTIFICATE").optional().meta({
    description:
      "PEM certificate of the client. Default: the pair of configDir, else a new ECDSA P-384 pair.",
    secret: true,
  }),
  clientKey: pemText("PRIVATE KEY")
    .optional()
    .meta({ description: "PEM private key of the client.", secret: true }),
  project: projectName.optional().meta({
    description: "Project the remote works in. Default: the only project the client may see, if it is one.",
  }),
  configDir: textThat(describeConfigDirProblem).optional().meta({
    description: "Client directory of `lxc` in which the remote is written, such as ~/.config/lxc.",
  }),
  configFlavor: z
    .enum(["lxd", "incus"])
    .optional()
    .meta({ description: "Which client configDir belongs to: `lxc` (lxd, the default) or `incus`." }),
  setDefault: z
    .boolean()
    .optional()
    .meta({ description: "Make it the default remote of configDir. Default false." }),
  revokeOnDelete: z.boolean().optional().meta({
    description:
      "Whether destroying it takes the client that it enrolled out of the server's trust store. Default true.",
  }),
  timeouts: timeouts.optional(),
});
type Args = z.infer<typeof args>;

const state = z.object({
  name: z.string().meta({ description: "Name of the remote." }),
  address: z.string().meta({ description: "The address that answered, host:port." }),
  addresses: z.array(z.string()).meta({ description: "Addresses of the server, each host:port." }),
  serverCertificate: z.string().meta({ description: "The server's certificate, PEM." }),
  serverFingerprint: z.string().meta({ description: "SHA-256 of the server's certificate, hex." }),
  serverExpiresAt: z.string().meta({ description: "When the server's certificate expires, RFC 3339." }),
  serverName: z.string().meta({ description: "The server's name." }),
  serverVersion: z.string().meta({ description: "The server's version." }),
  serverType: z.enum(["lxd", "incus"]).meta({ description: "Which of the two the server is." }),
  clientCertificate: z.string().meta({ description: "The client's certificate, PEM.", secret: true }),
  clientKey: z.string().meta({ description: "The client's private key, PEM.", secret: true }),
  clientFingerprint: z.string().meta({ description: "SHA-256 of the client's certificate, hex." }),
  clientExpiresAt: z.string().meta({ description: "When the client's certificate expires, RFC 3339." }),
  projects: z.array(z.string()).meta({ description: "Projects that the client may see." }),
  enrolled: z
    .boolean()
    .meta({ description: "Whether this resource's own redemption made the client trusted." }),
  configState: z
    .enum(["absent", "present", "changed"])
    .meta({ description: "Whether the remote stands in configDir as it should." }),
  token: z.string().optional().meta({ description: "The token given last.", secret: true }),
  given,
  /** What was written to configDir. */
  entry: z.object({ addr: z.string(), project: z.string().optional() }).optional(),
  previousDefault: z.string().optional(),
  incomplete: z.string().optional(),
});
type State = z.infer<typeof state>;

const secretInputs = ["token", "clientCertificate", "clientKey"];

export const remote: ResourceHandler<Args, State> = {
  args,
  state,

  rules: remoteRules,

  diff(old, inputs) {
    const { token, clientCertificate, clientKey } = old;
    const changed = changedInputs(old, inputs, { secrets: { token, clientCertificate, clientKey } });
    if (old.given["configDir"] !== undefined && old.configState !== "present") changed.push("configState");
    if (old.incomplete !== undefined) changed.push("incomplete");
    return { changed, replaces: [] };
  },

  async create(context, wanted) {
    const pair = await choosePair(context, wanted, undefined);
    return { id: wanted.name, state: await join(context, wanted.name, undefined, wanted, pair) };
  },

  read: (context, id, old) =>
    keepWhenUnreachable(context, `Remote ${id}`, old, async () => {
      const reached = await reach(context, destination(old, { fresh: false }));
      if (reached.server.auth !== "trusted") {
        return { ...old, incomplete: `${reached.client.name} does not trust this client any more` };
      }
      const now = await describe(reached, old);
      return {
        ...now,
        configState: await observeEntry(context, placeOf(old), {
          ...now,
          project: old.given["project"] as string | undefined,
        }),
      };
    }),

  async update(context, id, old, wanted) {
    return join(context, id, old, wanted, await choosePair(context, wanted, old));
  },

  delete: (context, _id, old) =>
    withWaysOut(async () => {
      if (old.enrolled && old.given["revokeOnDelete"] !== false) {
        await leave(context, old, await reach(context, destination(old, { fresh: true })));
      }
      await forgetRemote(context, placeOf(old), old);
    }),
};

/** Create and update are one: be trusted, say what is there, record it in the client directory. */
async function join(
  context: Context,
  id: string,
  old: State | undefined,
  wanted: Args,
  pair: KeyPair,
): Promise<State> {
  const token = wanted.token === undefined ? undefined : decodeTrustToken(wanted.token);
  const pin = explicitPin(wanted) ?? (token && { fingerprint: token.fingerprint }) ?? (old && pinOf(old));
  const addresses = wanted.addresses ?? token?.addresses ?? old?.addresses;
  if (pin === undefined || addresses === undefined) {
    return refuse(
      "INPUT_INVALID",
      `Remote ${wanted.name}: without a token give addresses and serverFingerprint or serverCertificate`,
    );
  }
  const serverFingerprint =
    "fingerprint" in pin ? pin.fingerprint : readCertificate(pin.certificate).fingerprint;
  await prepareClientDirectory(context, wanted, {
    pair,
    addresses,
    serverFingerprint,
    previousAddr: old?.entry?.addr,
    replaces: old?.clientFingerprint,
  });
  const reached = await reach(context, {
    addresses,
    pin,
    pair,
    timeouts: timeoutsOf(wanted.timeouts),
    fresh: true,
  });
  requireFlavor(wanted, reached);
  const begun = begin(reached, old, wanted, pair, addresses);
  const enrolled = await beTrusted(context, id, old, wanted, reached, begun);
  const joined = { ...begun, enrolled };
  try {
    const described = await describe(
      { ...reached, server: await reached.client.getServer({ fresh: true }) },
      joined,
    );
    const before =
      old === undefined
        ? undefined
        : { place: placeOf(old), recorded: old, clientFingerprint: old.clientFingerprint };
    const recorded = await recordRemote(context, wanted, { ...described, pair }, before);
    return { ...described, ...recorded, incomplete: undefined };
  } catch (error) {
    const incomplete = messageOf(error);
    const message = `Remote ${wanted.name} is trusted by ${reached.client.name}, but: ${incomplete}.`;
    throw new PartialError(id, { ...joined, incomplete }, message, error);
  }
}

/** Makes the server trust this client, by the cheapest way that works. Answers whether this resource enrolled it. */
async function beTrusted(
  context: Context,
  id: string,
  old: State | undefined,
  wanted: Args,
  reached: Reached,
  begun: State,
): Promise<boolean> {
  if (reached.server.auth === "trusted") return old?.enrolled ?? false;
  const { client } = reached;
  if (
    old !== undefined &&
    old.clientFingerprint !== begun.clientFingerprint &&
    (await replacedItself(context, old, begun))
  ) {
    return old.enrolled;
  }
  if (wanted.token === undefined) {
    return refuse(
      "LXD_NOT_TRUSTED",
      `Remote ${wanted.name}: ${client.name} does not trust the client ${begun.clientFingerprint}, and there is no token to ` +
        "redeem. Give a token, or add the certificate on the server (`lxc config trust add`)",
    );
  }
  const redemption = await redeem(reached, wanted.token.trim());
  if (redemption.outcome === "joined") return true;
  if (redemption.outcome === "refused") throw redemption.error;
  const incomplete = messageOf(redemption.error);
  throw new PartialError(
    id,
    { ...begun, enrolled: true, incomplete },
    `Remote ${wanted.name}: the token was sent, but not whether it was taken: ${incomplete}.`,
    redemption.error,
  );
}

/** With a new pair, the old one puts the new one in its place on the server, so that the remote works throughout. */
async function replacedItself(context: Context, old: State, next: State): Promise<boolean> {
  const reached = await reach(context, destination(old, { fresh: true }));
  return replaceClient(reached, old.clientFingerprint, next.clientCertificate);
}

/** What is known before the server has said more: enough to go on from, should the next step fail. */
function begin(
  reached: Reached,
  old: State | undefined,
  wanted: Args,
  pair: KeyPair,
  addresses: readonly string[],
): State {
  const client = readCertificate(pair.certificate);
  return {
    name: wanted.name,
    address: reached.address,
    addresses: [...addresses],
    ...certificateOf(reached),
    serverName: old?.serverName ?? "",
    serverVersion: old?.serverVersion ?? "",
    serverType: old?.serverType ?? "lxd",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    clientFingerprint: client.fingerprint,
    clientExpiresAt: client.expiresAt.toISOString(),
    projects: old?.projects ?? [],
    enrolled: old?.enrolled ?? false,
    configState: "absent",
    token: wanted.token,
    given: remember(wanted, secretInputs),
    entry: old?.entry,
    previousDefault: old?.previousDefault,
  };
}

/** The one mapping from the server, as this client sees it, to the state. */
async function describe(reached: Reached, known: State): Promise<State> {
  const { client, server, address } = reached;
  return {
    ...known,
    address,
    ...certificateOf(reached),
    serverName: server.environment?.server_name ?? "",
    serverVersion: server.environment?.server_version ?? "",
    serverType: server.environment?.server === "incus" ? "incus" : "lxd",
    projects: await client.getProjectNames(),
  };
}

/** What the certificate says that the server showed on this connection. */
function certificateOf({
  client,
}: Reached): Pick<State, "serverCertificate" | "serverFingerprint" | "serverExpiresAt"> {
  const { pem, fingerprint: print, expiresAt } = readCertificate(client.serverCertificate ?? "");
  return { serverCertificate: pem, serverFingerprint: print, serverExpiresAt: expiresAt.toISOString() };
}

function destination(old: State, { fresh }: { fresh: boolean }): Parameters<typeof reach>[1] {
  const addresses = [old.address, ...old.addresses.filter((address) => address !== old.address)];
  return {
    addresses,
    pin: pinOf(old),
    pair: pairOf(old),
    timeouts: timeoutsOf(old.given["timeouts"] as Args["timeouts"]),
    fresh,
  };
}

/** An explicit certificate stays the pin, because it may be a CA's; else the certificate that was seen is. */
function pinOf(old: State): Pin {
  const certificate = old.given["serverCertificate"];
  return typeof certificate === "string" ? { certificate } : { fingerprint: old.serverFingerprint };
}

function explicitPin({ serverFingerprint, serverCertificate }: Args): Pin | undefined {
  if (serverCertificate !== undefined) return { certificate: serverCertificate };
  return serverFingerprint === undefined ? undefined : { fingerprint: serverFingerprint };
}

function placeOf(old: State): ConfigPlace {
  const { configDir, configFlavor } = old.given as Pick<Args, "configDir" | "configFlavor">;
  return { name: old.name, configDir, configFlavor };
}
