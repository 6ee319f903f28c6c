/**
 * TrustToken: an invitation for one client, redeemed by Remote or by `lxc remote add`.
 * https://documentation.ubuntu.com/lxd/latest/authentication/#adding-client-certificates-using-tokens
 *
 * A token lives once. Waiting to be redeemed (pending) and redeemed by a client that is still trusted (consumed) are
 * both as they should be; expired, revoked, lost by a restart of the server, or its client removed is drift: the
 * resource is gone and the next update issues another.
 * Another `clientName` replaces the resource, the old one first; everything else is changed in place.
 */
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { connection, connectionRules } from "../connection";
import { refuse } from "../errors";
import { type Context, keepWhenUnreachable, type ResourceHandler, withWaysOut } from "../handler";
import type { LxdClient } from "../lxd/client";
import { decodeTrustToken, encodeTrustToken, expiryOf } from "../lxd/trust-token";
import { fingerprint, projectName, serverAddress, textThat } from "../properties";
import { hasUnknown } from "../unknown";
import { changedInputs, given, remember } from "./given";
import {
  claimName,
  issue,
  requireListening,
  requireNamesakesAllowed,
  revoke,
  revokeLeftovers,
} from "./issuing";
import { type AdministeredServer, getAdministeredServer, serverIdentity } from "./server-identity";
import {
  type ClientMarks,
  describeClientNameProblem,
  findClient,
  getClients,
  removeClient,
  requireProjects,
  restrictClient,
  restrictionOf,
  restrictionRules,
  type Restriction,
} from "./trusted-client";

const args = z.strictObject({
  clientName: textThat(describeClientNameProblem).meta({
    description: "Name of the client in the server's trust store.",
  }),
  projects: z
    .array(projectName)
    .optional()
    .meta({ description: "Projects the client is restricted to; [] is no project at all." }),
  restricted: z
    .boolean()
    .optional()
    .meta({ description: "false makes the client a full administrator of the server; it must be said." }),
  addresses: z
    .array(serverAddress)
    .min(1, "must not be empty; leave it out for the server's own addresses")
    .optional()
    .meta({
      description: "Addresses to put into the token instead of the server's own: NAT, load balancer, DNS.",
    }),
  clientFingerprint: fingerprint.optional().meta({
    description:
      "SHA-256 of the client certificate expected, hex; where it is trusted already nothing is issued.",
  }),
  revokeClientOnDelete: z.boolean().optional().meta({
    description: "Whether destroying a consumed token takes its client out of the trust store. Default true.",
  }),
  connection: connection.optional(),
});
type Args = z.infer<typeof args>;

const state = z.object({
  token: z.string().optional().meta({
    description: "The token as `lxc remote add` takes it; absent when nothing had to be issued.",
    secret: true,
  }),
  state: z
    .enum(["pending", "consumed"])
    .meta({ description: "Whether the token still waits for its client." }),
  serverFingerprint: z.string().meta({ description: "SHA-256 of the server's certificate, hex." }),
  addresses: z.array(z.string()).meta({ description: "Addresses inside the token, each host:port." }),
  expiresAt: z
    .string()
    .optional()
    .meta({ description: "When the token expires, RFC 3339; absent where it does not." }),
  clientFingerprint: z.string().optional().meta({
    description: "SHA-256 of the certificate of the client that redeemed the token, hex, once known.",
  }),
  connection: connection.optional(),
  given,
  server: serverIdentity,
  /** Restriction of the pending token or of the consumed token's client, as the server holds it. */
  held: z.object({ restricted: z.boolean(), projects: z.array(z.string()) }),
  /** Operation that holds the pending token. */
  operation: z.string().optional(),
  /** Clients that had this name before the token was issued (SHA-256, hex): they are not the token's. */
  knownClients: z.array(z.string()),
});
type State = z.infer<typeof state>;

export const trustToken: ResourceHandler<Args, State> = {
  args,
  state,

  rules(inputs) {
    return [
      ...restrictionRules(inputs["projects"], inputs["restricted"]),
      ...connectionRules(inputs["connection"]),
    ];
  },

  diff(old, inputs) {
    const changed = changedInputs(old, inputs);
    if (!hasUnknown(inputs["projects"]) && !isDeepStrictEqual(old.held, restrictionOf(inputs)))
      changed.push("projects");
    return { changed, replaces: changed.filter((name) => name === "clientName"), deleteBeforeReplace: true };
  },

  async create(context, wanted) {
    const client = context.connect(wanted.connection);
    const server = await getAdministeredServer(client, undefined, { fresh: true });
    return {
      id: `certificate/${wanted.clientName}`,
      state: await ensureInvited(context, client, server, wanted),
    };
  },

  read: (context, id, old) =>
    keepWhenUnreachable(context, `TrustToken ${id}`, old, async () => {
      const client = context.connect(old.connection);
      const server = await getAdministeredServer(client, old.server);
      const now = await observe(context, client, server, old);
      return now ?? lookAgain(context, client, server, old);
    }),

  async update(context, _id, old, wanted) {
    const client = context.connect(wanted.connection);
    const server = await getAdministeredServer(client, old.server, { fresh: true });
    const kept = { given: remember(wanted), connection: wanted.connection, held: restrictionOf(wanted) };
    const now = await observe(context, client, server, old, { fresh: true });
    if (now?.state === "pending" && isDeepStrictEqual(now.held, kept.held)) {
      return { ...now, ...kept, ...readdressed(now, server, wanted) };
    }
    const consumed =
      now?.state === "consumed" ? now : await withdrawPending(context, client, server, old, kept.held);
    if (consumed === undefined) return ensureInvited(context, client, server, wanted);
    if (consumed.clientFingerprint !== undefined) {
      await restrictClient(client, consumed.clientFingerprint, kept.held);
    } else if (!isDeepStrictEqual(old.held, kept.held)) {
      refuse(
        "LXD_ALREADY_EXISTS",
        `clientName: ${client.name} trusts several new clients named ${JSON.stringify(wanted.clientName)}, so it cannot be ` +
          "told whose rights to change. Say which by clientFingerprint",
      );
    }
    // A client that is expected only now, and trusted already, was not let in by this token.
    const expected = wanted.clientFingerprint?.toLowerCase() ?? consumed.clientFingerprint;
    const isOther = expected !== undefined && expected !== consumed.clientFingerprint;
    return {
      ...consumed,
      ...kept,
      knownClients: isOther ? [...old.knownClients, expected] : old.knownClients,
    };
  },

  delete: (context, _id, old) => withWaysOut(() => withdraw(context, old)),
};

/**
 * Revokes a token that is not as wanted, or can no longer be redeemed; the consumed token, where it was redeemed in the
 * meantime. Nothing is revoked that could not be issued anew.
 */
async function withdrawPending(
  context: Context,
  client: LxdClient,
  server: AdministeredServer,
  old: State,
  { projects }: Restriction,
): Promise<State | undefined> {
  requireListening(client, server);
  await requireProjects(client, projects);
  return revokeAndLook(context, client, server, old);
}

/** Revokes first: were the token redeemed between a look at the clients and its revocation, its client would be missed. */
async function revokeAndLook(
  context: Context,
  client: LxdClient,
  server: AdministeredServer,
  old: State,
): Promise<State | undefined> {
  await revoke(client, old.operation);
  return observe(context, client, server, { ...old, operation: undefined }, { fresh: true });
}

/** Revokes the token and takes the client that came of it out of the trust store. */
async function withdraw(context: Context, old: State): Promise<void> {
  const client = context.connect(old.connection);
  const server = await getAdministeredServer(client, old.server, { fresh: true });
  const now = await revokeAndLook(context, client, server, old);
  if (now?.clientFingerprint === undefined || old.given["revokeClientOnDelete"] === false) return;
  if (old.token === undefined || old.knownClients.includes(now.clientFingerprint)) return;
  await removeClient(context, client, now.clientFingerprint);
}

/**
 * A token that is gone is looked for once more, and not in shared replies: while it is being redeemed, servers end its
 * operation a moment before its client is in the trust store.
 */
async function lookAgain(
  context: Context,
  client: LxdClient,
  server: AdministeredServer,
  old: State,
): Promise<State | undefined> {
  await setTimeout(redemptionSettles);
  return observe(context, client, server, old, { fresh: true });
}

/** Milliseconds in which a server puts the client of a redeemed token into its trust store; it takes some ten. */
const redemptionSettles = 200;

/** Issues a token, or adopts the expected client where the server trusts it already. */
async function ensureInvited(
  context: Context,
  client: LxdClient,
  server: AdministeredServer,
  wanted: Args,
): Promise<State> {
  const base = {
    given: remember(wanted),
    connection: wanted.connection,
    server: server.identity,
    serverFingerprint: server.identity.fingerprint,
    addresses: wanted.addresses ?? [...server.addresses],
    held: restrictionOf(wanted),
  };
  const clients = await getClients(client, { fresh: true });
  const expected = clients.find((entry) => entry.fingerprint === wanted.clientFingerprint?.toLowerCase());
  if (expected !== undefined) {
    await restrictClient(client, expected.fingerprint, base.held);
    return {
      ...base,
      state: "consumed",
      clientFingerprint: expected.fingerprint,
      knownClients: [expected.fingerprint],
    };
  }
  requireListening(client, server);
  claimName(client, wanted.clientName);
  await requireProjects(client, base.held.projects);
  const namesakes = clients
    .filter(({ name }) => name === wanted.clientName)
    .map((entry) => entry.fingerprint);
  if (namesakes.length > 0) requireNamesakesAllowed(client, server, wanted.clientName);
  const request = { name: wanted.clientName, ...base.held };
  await revokeLeftovers(context, client, request);
  const { operation, token } = await issue(client, request);
  return {
    ...base,
    state: "pending",
    operation,
    knownClients: namesakes,
    expiresAt: expiryOf(token.expiresAt),
    addresses: wanted.addresses ?? token.addresses,
    token: encodeTrustToken({
      clientName: wanted.clientName,
      fingerprint: token.fingerprint,
      addresses: wanted.addresses ?? token.addresses,
      secret: token.secret,
      expiresAt: expiryOf(token.expiresAt),
      kind: "certificate",
    }),
  };
}

/** The token as it is now; undefined where it can no longer be redeemed and no trusted client came of it. */
async function observe(
  context: Context,
  client: LxdClient,
  server: AdministeredServer,
  old: State,
  options: { fresh?: boolean } = {},
): Promise<State | undefined> {
  const pending = (await client.getPendingTokens(options)).find(
    ({ operation }) => operation === old.operation,
  );
  if (pending !== undefined) {
    const expiry = expiryOf(pending.token.expiresAt);
    if (expiry !== undefined && new Date(expiry) <= context.now()) return undefined;
    // The token pins a certificate that the server no longer has: its client would refuse to connect.
    if (pending.token.fingerprint !== server.identity.fingerprint) return undefined;
    return { ...old, state: "pending", server: server.identity, held: restrictionOf(pending.token.request) };
  }
  const found = findClient(await getClients(client, options), marksOf(old));
  if (found === "none") return undefined;
  const consumed = { ...old, state: "consumed" as const, server: server.identity, operation: undefined };
  if (found === "several") {
    context.log(
      "warning",
      `${client.name} trusts several new clients named ${JSON.stringify(nameOf(old))}; none is taken for the one that ` +
        "redeemed this TrustToken, and none will be removed with it. Say which by clientFingerprint",
    );
    return consumed;
  }
  return { ...consumed, clientFingerprint: found.fingerprint, held: restrictionOf(found) };
}

/** With other addresses wanted a pending token is written anew around the same secret. */
function readdressed(
  now: State,
  server: AdministeredServer,
  wanted: Args,
): Pick<State, "token" | "addresses"> {
  const decoded = now.token === undefined ? undefined : decodeTrustToken(now.token);
  if (decoded === undefined) return { token: now.token, addresses: now.addresses };
  const addresses = wanted.addresses ?? [...server.addresses];
  return { token: encodeTrustToken({ ...decoded, addresses }), addresses };
}

function marksOf(old: State): ClientMarks {
  const { clientFingerprint: expected } = old.given as Pick<Args, "clientFingerprint">;
  return { name: nameOf(old), fingerprints: [old.clientFingerprint, expected], others: old.knownClients };
}

function nameOf(old: State): string {
  return String(old.given["clientName"]);
}
