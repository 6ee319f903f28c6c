/** What a TrustToken takes and what is stored of it. */
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { connection } from "../connection";
import type { CheckFailure, Deviation, RawInputs } from "../handler";
import { fingerprint, oneOf, projectName, serverAddress, textThat } from "../properties";
import { hasUnknown, unknownValue } from "../unknown";
import { given } from "./given";
import { serverIdentity } from "./server-identity";
import { describeClientNameProblem } from "./trusted-client";

/** Schema of what a token makes of a client. */
export const tokenKind = oneOf("TokenKind", "What a token makes of its client.", {
  certificate: "An entry of the trust store, a full administrator or restricted to projects.",
  identity: "A TLS identity, which has the rights of its groups. LXD from 5.21.3 and 6.2 on.",
});

const tokenState = oneOf("TokenState", "Whether a token waits.", {
  pending: "It waits for its client.",
  consumed: "A client redeemed it, and is trusted.",
});

/** Schema of the inputs. */
export const args = z.strictObject({
  clientName: textThat(describeNameProblem).meta({
    description:
      "Name of the client in the server's trust store. Another one replaces the resource, the old one first.",
    replaces: true,
  }),
  projects: z.array(projectName).optional().meta({
    description:
      "Projects the client is restricted to; [] is no project at all. One of projects, groups and restricted: false is given.",
  }),
  restricted: z
    .boolean()
    .optional()
    .meta({ description: "false makes the client a full administrator of the server; it must be said." }),
  groups: z
    .array(textThat(describeNameProblem))
    .optional()
    .meta({
      description:
        "Groups whose rights the client gets, as a TLS identity; [] is no right at all. Servers from LXD 5.21.3 and 6.2 on have " +
        "them (API extension access_management_tls); Incus does not.",
    }),
  kind: tokenKind.optional().meta({
    description:
      "What the client becomes: an entry of the trust store, or a TLS identity with the rights of groups. Default: as groups " +
      "says. Another kind replaces the resource, the old one first.",
    replaces: true,
  }),
  addresses: z
    .array(serverAddress)
    .min(1, "must not be empty; leave it out for the server's own addresses")
    .optional()
    .meta({
      description:
        "Addresses to put into the token instead of the server's own: NAT, load balancer, DNS. Default port 8443.",
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
export type Args = z.infer<typeof args>;

/** What a client may do: everything, or what the projects in the list allow; names sorted, each once. */
const restriction = z.object({ restricted: z.boolean(), projects: z.array(z.string()) });
export type Restriction = z.infer<typeof restriction>;

/** What an identity may do: what these groups allow; names sorted, each once. */
const membership = z.object({ groups: z.array(z.string()) });
export type Membership = z.infer<typeof membership>;

/** What a client may do; the form tells the kind of token. */
export type Rights = Restriction | Membership;

/** Schema of the outputs. */
export const state = z.object({
  token: z.string().optional().meta({
    description: "The token as `lxc remote add` takes it; absent when nothing had to be issued.",
    secret: true,
  }),
  state: tokenState.meta({ description: "Whether the token still waits for its client." }),
  serverFingerprint: z.string().meta({
    description: "SHA-256 of the server's certificate, hex; while the token waits, of the one that it names.",
  }),
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
  /** Rights of the pending token or of the consumed token's client, as the server holds them. */
  held: z.union([membership, restriction]),
  /** Operation that holds the pending certificate token. */
  operation: z.string().optional(),
  /** Id of the pending identity: a UUID, which it loses when it is activated. */
  identity: z.string().optional(),
  /** Clients that had this name before the token was issued (SHA-256, hex): they are not the token's. */
  knownClients: z.array(z.string()),
  /** Why the token that waits is of no use any more: its client would be refused, or refuse. */
  incomplete: z.string().optional(),
});
export type State = z.infer<typeof state>;

export type Kind = NonNullable<Args["kind"]>;

/** The kind that the inputs say; undefined where it is not known yet. */
export function kindOf({ kind, groups, projects, restricted }: RawInputs): Kind | undefined {
  if (kind === "certificate" || kind === "identity") return kind;
  if (groups === undefined) return "certificate";
  return [groups, projects, restricted].includes(unknownValue) ? undefined : "identity";
}

/** The rights that inputs say, in the form in which they are compared. */
export function rightsOf(source: { restricted?: unknown; projects?: unknown; groups?: unknown }): Rights {
  return source.groups === undefined ? restrictionOf(source) : membershipOf(source);
}

/** The restriction that inputs or an entry of the trust store say. Projects of one that is not restricted mean nothing. */
export function restrictionOf(source: { restricted?: unknown; projects?: unknown }): Restriction {
  const isSaid = typeof source.restricted === "boolean";
  const restricted = isSaid ? source.restricted === true : Array.isArray(source.projects);
  return { restricted, projects: restricted ? sortedNames(source.projects) : [] };
}

/** The groups that inputs or an identity say. Servers refuse one that is named twice. */
export function membershipOf({ groups }: { groups?: unknown }): Membership {
  return { groups: sortedNames(groups) };
}

function sortedNames(list: unknown): string[] {
  const names = Array.isArray(list) ? list.filter((name) => typeof name === "string") : [];
  return [...new Set(names)].sort();
}

/** What a client, or a token that waits, may do otherwise than inputs of its kind say. While they are not known, nothing. */
export function otherRights(held: Rights, inputs: RawInputs): Deviation[] {
  const { groups, restricted, projects } = inputs;
  const wanted = rightsOf(inputs);
  if ([groups, restricted, projects].some(hasUnknown)) return [];
  if ("groups" in held || "groups" in wanted)
    return "groups" in held && "groups" in wanted ? differing("groups", wanted.groups, held.groups) : [];
  // Whether it is restricted says more than to what.
  return held.restricted === wanted.restricted
    ? differing("projects", wanted.projects, held.projects)
    : differing("restricted", wanted.restricted, held.restricted);
}

function differing(property: string, expected: unknown, found: unknown): Deviation[] {
  return isDeepStrictEqual(expected, found) ? [] : [{ property, expected, found }];
}

/** The mistakes that no single property shows: rights must be said, and one way. Called with whatever was given. */
export function tokenRules(inputs: RawInputs): CheckFailure[] {
  return [...rightsRules(inputs), ...nameRules(inputs)];
}

function rightsRules({ projects, restricted, groups, kind }: RawInputs): CheckFailure[] {
  if ([projects, restricted, groups, kind].includes(unknownValue)) return [];
  const failure = (property: string, reason: string): CheckFailure[] => [{ property, reason }];
  if (groups !== undefined) {
    if (kind === "certificate") return failure("kind", 'must be "identity" beside groups; leave it out');
    const other = [
      ...(projects === undefined ? [] : ["projects"]),
      ...(restricted === undefined ? [] : ["restricted"]),
    ];
    return other.flatMap((property) => failure(property, "has no meaning beside groups; keep one of them"));
  }
  if (kind === "identity") {
    return failure(
      "groups",
      'is required with kind "identity": list the groups of the identity ([] is none)',
    );
  }
  if (projects !== undefined && restricted === false) {
    return failure("projects", "has no meaning beside restricted: false; keep one of them");
  }
  if (projects === undefined && (restricted === undefined || restricted === true)) {
    const ways =
      "list the projects the client may use ([] is none), or say restricted: false for a full administrator, or give groups";
    return failure("projects", `is required: ${ways}`);
  }
  return [];
}

/** Names of identities may be what names of certificates may not. */
function nameRules(inputs: RawInputs): CheckFailure[] {
  const { clientName } = inputs;
  if (typeof clientName !== "string" || clientName === unknownValue) return [];
  const kind = kindOf(inputs);
  if (kind === undefined) return [];
  const reason =
    kind === "certificate" ? describeClientNameProblem(clientName) : describeIdentityNameProblem(clientName);
  return reason === undefined ? [] : [{ property: "clientName", reason }];
}

/** An identity is found by its name in a path, where these two mean something else, and where an id goes before a name. */
function describeIdentityNameProblem(name: string): string | undefined {
  if (name === "." || name === "..") return 'must not be "." or ".."';
  const isId = /^([0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(name);
  return isId ? "must not look like the id of an identity (64 hex digits, or a UUID)" : undefined;
}

function describeNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  return /[\p{Cc}\p{Cs}]/u.test(name) ? "must not contain control characters" : undefined;
}
