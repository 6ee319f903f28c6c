/** The server versions the double can be. */
export const profileNames = ["lxd-5.0", "lxd-5.21", "lxd-6", "incus-6.0"] as const;

export type ProfileName = (typeof profileNames)[number];

/** One behaviour, one column per version. */
function row<const T>(lxd50: T, lxd521: T, lxd6: T, incus60: T): Record<ProfileName, T> {
  return { "lxd-5.0": lxd50, "lxd-5.21": lxd521, "lxd-6": lxd6, "incus-6.0": incus60 };
}

type Text = (...parts: string[]) => string;

/** A text per version: LXD 5.0 and Incus, and the two newer ones, mostly read alike. */
function texts(lxd50: Text, lxd521: Text, lxd6: Text, incus60: Text): Record<ProfileName, Text> {
  return row<Text>(lxd50, lxd521, lxd6, incus60);
}

const quoted: Text = (key = "", value = "", reason = "") => `Cannot set "${key}" to "${value}": ${reason}`;
const singleQuoted: Text = (key = "", value = "", reason = "") =>
  `cannot set '${key}' to '${value}': ${reason}`;
const notResolved: Text = (host = "") => `Couldn't resolve "${host}"`;
const plainListenError: Text = (canonical = "", cause = "") =>
  `Cannot listen on network HTTPS socket "${canonical}": ${cause}`;
const failedTo: Text = (verb = "", object = "") => `Failed to ${verb} ${object}`;
const failedDoing: Text = (verb = "", object = "") => `Failed ${verb.replace(/e$/, "")}ing ${object}`;
const namedIdentityExists: Text = (name = "") => `An identity with name "${name}" already exists`;
const changedSince =
  "The configuration has been modified since this change began. " +
  "Please retrieve the updated configuration before proceeding.";

const oldExtensions = [
  ...["etag", "patch", "network", "certificate_update", "clustering", "network_state", "projects"],
  ...["trust_ca_certificates", "certificate_project", "certificate_self_renewal", "certificate_token"],
  ...["metrics_authentication", "remote_token_expiry"],
];
const newerExtensions = [
  ...[...oldExtensions, "auth_user", "oidc", "operations_get_query_all_projects", "access_management"],
  ...["explicit_trust_token", "access_management_tls", "client_cert_presence", "operation_requestor"],
  "network_get_target",
];

/**
 * Every difference between the versions.
 * The rows were observed on LXD 5.0.2, 5.21.7 and 6.9 and Incus 6.0.4, except those in `documentedOnly`.
 */
const table = {
  // --- Who the server is, and what GET /1.0 tells -------------------------------------------------------------
  flavor: row("lxd", "lxd", "lxd", "incus"),
  version: row("5.0.2", "5.21.7", "6.9", "6.0.4"),
  /** `environment.server_lts`; undefined where the key does not exist. */
  longTermSupport: row<boolean | undefined>(undefined, true, false, undefined),
  /** The extensions a client of this project may look for; the real lists are twenty times as long. */
  apiExtensions: row<readonly string[]>(
    oldExtensions,
    newerExtensions,
    [...newerExtensions, "auth_bearer"],
    [...oldExtensions, "auth_user", "oidc", "certificate_description", "auth_tls_jwt"],
  ),
  authMethods: row<readonly string[]>(["tls"], ["tls"], ["tls", "bearer"], ["tls"]),
  /** `auth_user_name` and `auth_user_method` tell a trusted client who it is. */
  tellsUser: row(false, true, true, true),
  /** `client_certificate` tells any client whether its certificate arrived. */
  tellsCertificateSeen: row(false, true, true, false),
  /** What an untrusted client sees under `config`; undefined: the key is absent. */
  configForUntrusted: row<null | undefined | Record<string, never>>(undefined, null, null, {}),
  /** What a restricted client sees under `config`. */
  configForRestricted: row<null | Record<string, never>>(null, null, null, {}),
  /** The server's uuid is a config key that PUT must repeat and nobody may change. */
  uuidInConfig: row(false, false, true, false),
  /** Operation ids are UUIDv7, which sort by time. */
  timeOrderedIds: row(false, false, true, false),

  // --- core.https_address and the rest of the config ----------------------------------------------------------
  /** JSON null unsets a key; else it is a wrong type. */
  nullUnsets: row(true, true, false, true),
  /** A PATCH with a good local and a bad cluster-wide key stores the local one all the same. */
  storesLocalKeysFirst: row(true, false, false, false),
  /** A PATCH refused for a cluster-wide key drops the local keys it does not name; their listener stays. */
  refusalDropsLocalKeys: row(false, false, false, true),
  /** What goes back to its old value after an address that cannot be bound. */
  unbindableReverts: row<"nothing" | "everything" | "local keys">(
    "nothing",
    "everything",
    "everything",
    "local keys",
  ),
  /** Until the next change `environment.addresses` and new tokens carry the address that failed. */
  announcesUnbindable: row(true, false, false, true),
  /** Where the "old" listener comes back when there was none: a port of all interfaces (0: a random one). */
  strayListenerPort: row(0, 0, 8443, 0),
  /** `0.0.0.0:PORT` listens on IPv6 as well. */
  ipv4WildcardIsDualStack: row(true, true, false, true),
  cannotSet: texts(singleQuoted, quoted, quoted, singleQuoted),
  /** Of a key's value; the type by its name in Go, then in JSON. */
  wrongType: texts(
    (key = "", type = "") => `cannot set '${key}': invalid type ${type}`,
    (key = "", type = "") => `Cannot set "${key}": Invalid type: "${type}"`,
    (key = "", type = "") => `Unexpected type for "${key}": ${type}`,
    (...parts) =>
      `json: cannot unmarshal ${parts[2] ?? ""} into Go struct field ServerPut.config of type string`,
  ),
  unknownKey: row("unknown key", "Unknown key", "Unknown key", "unknown key"),
  invalidBoolean: row("invalid boolean", "Invalid boolean", "Invalid boolean", "invalid boolean"),
  unresolvable: texts(notResolved, notResolved, (host = "") => `Could not resolve "${host}"`, notResolved),
  cannotListen: texts(
    plainListenError,
    plainListenError,
    (canonical = "", cause = "") =>
      plainListenError(canonical, `Failed listening on address "${canonical}": ${cause}`),
    plainListenError,
  ),
  unknownPort: texts(
    (port = "") => `address tcp/${port}: unknown port`,
    (port = "") => `lookup tcp/${port}: unknown port`,
    (port = "") => `lookup tcp/${port}: unknown port`,
    (port = "") => `lookup tcp/${port}: unknown port`,
  ),
  etagMismatch: texts(
    (held = "", given = "") => `ETag doesn't match: ${held} vs ${given}`,
    (held = "", given = "") => `ETag doesn't match: ${held} vs ${given}. ${changedSince}`,
    (held = "", given = "") => `ETag does not match: ${held} vs ${given}. ${changedSince}`,
    (held = "", given = "") => `ETag doesn't match: ${held} vs ${given}`,
  ),

  // --- Refusals ------------------------------------------------------------------------------------------------
  forbidden: row("not authorized", "Forbidden", "Forbidden", "not authorized"),
  restricted: row(
    "not authorized",
    "Certificate is restricted",
    "Certificate is restricted",
    "Certificate is restricted",
  ),
  notFound: row("not found", "Not Found", "Not Found", "not found"),
  notImplemented: row("not implemented", "Not Implemented", "Not Implemented", "not implemented"),

  // --- Certificate add tokens: issuing -------------------------------------------------------------------------
  /** core.remote_token_expiry where it is not set; empty: tokens live for ever. */
  defaultTokenExpiry: row("", "15d", "15d", ""),
  notListening: row(
    "Can't issue token when server isn't listening on network",
    "Can't issue token when server isn't listening on network",
    "Cannot issue token when server is not listening on network",
    "Can't issue token when server isn't listening on network",
  ),
  tokenAndCertificate: row(
    "Can't use certificate if token is requested",
    "Can't use certificate if token is requested",
    "Cannot use certificate if token is requested",
    "Can't use certificate if token is requested",
  ),
  /** A token's name must not be empty, start with a hyphen or contain a slash. */
  checksTokenNames: row(false, true, true, false),
  /** Projects without `restricted: true` are refused; else the client becomes an administrator. */
  refusesProjectsOfUnrestricted: row(false, false, true, false),
  tokenDescription: row(
    "Executing operation",
    "Executing operation",
    "Certificate add token",
    "Executing operation",
  ),
  /** What the request inside a token operation repeats, apart from name, type, restricted, projects and token. */
  tokenRequestKeys: row<readonly string[]>(
    ["certificate", "password"],
    ["certificate", "password", "trust_token"],
    ["certificate", "password", "trust_token"],
    ["certificate", "trust_token", "description"],
  ),
  /** A pending token dies with the trust of the client that issued it. */
  tokensDieWithIssuer: row(false, false, true, false),

  // --- Certificate add tokens: redeeming ------------------------------------------------------------------------
  /** The fields of the body that may hold a token. */
  tokenFields: row<readonly ("password" | "trust_token")[]>(
    ["password"],
    ["trust_token", "password"],
    ["trust_token"],
    ["trust_token"],
  ),
  /** A `password` is refused as such. */
  refusesPassword: row(false, false, true, false),
  /** A client that is trusted already is refused with 400 and keeps the token; else 409, and the token is burnt. */
  sparesTokenOfTrusted: row(true, false, false, true),
  /** Status for an untrusted client with an expired token. */
  expiredTokenStatus: row(500, 403, 403, 500),

  // --- Certificates ---------------------------------------------------------------------------------------------
  /** No two clients may have one name; undefined: names are free, else the text of the 409. */
  nameTaken: row<string | undefined>(
    undefined,
    'This "identity" entry already exists',
    "Certificate already exists",
    undefined,
  ),
  /** Certificates carry a `description`. */
  describesCertificates: row(false, false, false, true),
  /** A restricted client sees the certificates of others. */
  restrictedSeesAllCertificates: row(true, false, false, true),
  /** A restricted client may remove itself. */
  restrictedMayRemoveItself: row(false, true, true, false),
  /** A restricted client removes another one, or itself where it may not. */
  cannotRemove: row(
    "not authorized",
    "Certificate cannot be deleted",
    "Certificate cannot be deleted",
    "Certificate is restricted",
  ),
  /** A restricted client may put other projects in the place of its own, if they are as many. */
  restrictedMaySwapProjects: row(true, false, false, true),
  /** A PUT without a type is told that the type is invalid, else that it cannot be changed. */
  typeIsValidatedFirst: row(false, false, true, false),
  typeChangeStatus: row(403, 403, 403, 400),
  /** A new certificate that is not PEM kills the connection instead of giving a 400. */
  crashesOnBadPem: row(true, false, false, false),
  /** Status when a fingerprint's beginning fits several certificates. */
  ambiguousPrefixStatus: row(500, 400, 400, 500),
  /** Status when a certificate is rotated to one that is in the trust store already. */
  rotationCollisionStatus: row(500, 409, 409, 500),

  // --- TLS identities and groups: the cells of versions without them are never looked at ------------------------
  hasIdentities: row(false, true, true, false),
  failedTo: texts(failedTo, failedTo, failedDoing, failedTo),
  groupExists: texts(
    (name = "") => `Authorization group "${name}" already exists`,
    (name = "") => `Authorization group "${name}" already exists`,
    () => "Authorization group already exists",
    (name = "") => `Authorization group "${name}" already exists`,
  ),
  groupNotFound: row("", "AuthGroup not found", "Authorization group not found", ""),
  /** The name of an identity that is made from a certificate is taken; the text of the 409. */
  identityExists: texts(
    namedIdentityExists,
    namedIdentityExists,
    () => "Identity already exists",
    namedIdentityExists,
  ),
  /** Where an activated identity is said to be: at the id it had, which is gone, or at the one it has. */
  activatedLocation: row<"old" | "new">("old", "old", "new", "old"),
  /** `groups` of clients that are certificates, in lists of identities. */
  listedGroupsOfCertificates: row<null | readonly string[]>(null, null, [], null),
  effectiveGroupsOfCertificates: row<null | readonly string[]>([], [], null, []),
  /** `expires_at` tells a client until when its certificate is valid. */
  tellsOwnExpiry: row(false, false, true, false),

  // --- Operations, projects -------------------------------------------------------------------------------------
  /** What a restricted client without the project `default` sees of pending tokens. */
  tokensSeenFromElsewhere: row<"all" | "by id" | "none">("all", "none", "none", "by id"),
  /** Any trusted client may cancel a token. */
  everyoneCancelsTokens: row(true, true, false, true),
  /** Waiting for a token in vain: an error in a 200 reply, else the running operation. */
  waitTimesOutWithError: row(false, true, true, true),
  /** `resources` of an operation without any. */
  noResources: row<null | Record<string, never>>(null, {}, {}, {}),
  tellsRequestor: row(false, true, true, false),
  deletesProjectsAsync: row(false, false, true, false),
  projectExists: row<{ status: number; reason: string }>(
    { status: 409, reason: 'This "projects" entry already exists' },
    { status: 409, reason: 'This "project" entry already exists' },
    { status: 409, reason: 'This "project" entry already exists' },
    {
      status: 500,
      reason: 'Failed to create "projects" entry: UNIQUE constraint failed: projects.name',
    },
  ),
  foreignProject: texts(
    () => "not authorized",
    () => "Certificate is restricted",
    () => "Certificate is restricted",
    (name = "") => `User does not have permission for project "${name}"`,
  ),
  /** Listing networks without the project `default`; undefined: an ordinary refusal, for single ones too. */
  networksElsewhere: row<{ status: number; message: string } | undefined>(undefined, undefined, undefined, {
    status: 500,
    message: 'User does not have permissions for project "default"',
  }),
  projectFeatures: row<readonly string[]>(
    ["images", "profiles", "storage.volumes"],
    ["images", "profiles", "storage.buckets", "storage.volumes"],
    ["images", "profiles", "storage.buckets", "storage.volumes"],
    ["images", "profiles", "storage.buckets", "storage.volumes"],
  ),
};

/** What one version does: a column of the table. */
export type Profile = { [K in keyof typeof table]: (typeof table)[K][ProfileName] };

/** What each right of an identity shows, and lets it do to others: only some were seen, see `serverEntitlements`. */
const unseenSince521 = [
  "rights of identities",
  ...(["restrictedSeesAllCertificates", "restrictedMaySwapProjects", "crashesOnBadPem"] as const),
  ...(["rotationCollisionStatus", "ambiguousPrefixStatus", "projectFeatures", "invalidBoolean"] as const),
  ...(["notImplemented", "foreignProject", "networksElsewhere", "projectExists"] as const),
] satisfies (keyof Profile | "rights of identities")[];

/**
 * Cells nobody has seen: read from sources and documentation, or assumed to be as in the version before.
 * A test that rests on one of them proves nothing about a real server.
 */
export const documentedOnly: Record<ProfileName, readonly (keyof Profile | "rights of identities")[]> = {
  "lxd-5.0": [],
  "lxd-5.21": unseenSince521,
  "lxd-6": [...unseenSince521, "typeChangeStatus"],
  "incus-6.0": [],
};

/** The behaviours of one version. */
export function profileOf(name: ProfileName): Profile {
  // Object.fromEntries forgets the keys; the table's own type restores them.
  return Object.fromEntries(Object.entries(table).map(([key, cells]) => [key, cells[name]])) as Profile;
}
