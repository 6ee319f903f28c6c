/** What each resource and function is, for the documents of every language. */
import type { ErrorCode } from "../errors";
import type { FunctionName, ResourceName } from "../registry";

const connectionFrom =
  "Which server is meant is said by `connection`, else by the provider's configuration, else by the environment " +
  "(`LXD_ACCESS_ADDRESS`, `LXD_ACCESS_SSH_HOST`, …, then `LXD_SOCKET`, `LXD_DIR`, `INCUS_SOCKET`, `INCUS_DIR`), else by the " +
  "usual sockets of the machine that Pulumi runs on.";

const wayInErrors = [
  ...(["LXD_NOT_TRUSTED", "LXD_SERVER_IDENTITY", "LXD_UNREACHABLE", "LXD_TIMEOUT"] as const),
  ...(["CONFIG_INVALID", "CLIENT_CONFIG"] as const),
] as const;

/** Markdown. Paragraphs are lists of sentences here. */
export const resourceTexts: Readonly<Record<ResourceName, string>> = {
  ClientCertificate: paragraphs(
    [
      "A key pair and self-signed certificate for clients, as `lxc` makes for itself.",
      "It is kept in the stack's state, so a join with it survives an interrupted run, and one identity can join a whole fleet.",
      "No server knows it until a Remote joins with it.",
    ],
    [
      "Another `commonName`, `keyAlgorithm` or `validityDays` replaces it, and so does its end once `rotateBeforeDays` says that",
      "it is near; Remotes that use it follow.",
    ],
    errors("INPUT_INVALID", "CLIENT_CONFIG"),
    see("authentication/#tls-client-certificates"),
  ),
  HttpsAddress: paragraphs(
    ["The address a server listens on for clients (`core.https_address`)."],
    [
      "Give one of `address`, `subnet` and `interface`.",
      "An address that the server does not have is refused before the listener is touched, a failed change is taken back,",
      "and a change that would lock out the connection in use is undone.",
      "Destroying it puts back what was there before, if nobody has changed it since.",
    ],
    [connectionFrom],
    [
      "In a cluster every member has an address of its own, set through any of them by `target`.",
      "With `subnet` and `interface` the connection has to go to that member, unless the server has the API extension",
      "`network_get_target`: others cannot tell which addresses another member has.",
      "Where the address is the one that the members use among themselves too (`cluster.https_address`), it can only be widened.",
    ],
    [
      "A server has one HttpsAddress, and a member of a cluster too: a second one that sets it in the same run is refused.",
      "One that is replaced, or moved in the program, leaves the address to the new one.",
    ],
    errors(
      ...([
        "LXD_LOCKOUT",
        "LXD_REJECTED",
        "LXD_ETAG_MISMATCH",
        "PARTIAL",
        "INPUT_INVALID",
        "LXD_EXTENSION_MISSING",
      ] as const),
      ...wayInErrors,
    ),
    see("server/#server-core:core.https_address"),
  ),
  Remote: paragraphs(
    [
      "A server that this client trusts and that trusts this client: a token redeemed over a connection pinned to the server's",
      "certificate, and with `configDir` a remote that `lxc` or `incus` uses as it is.",
    ],
    [
      "Give a `token`, or `addresses` and a pin (`serverFingerprint` or `serverCertificate`) of a server that trusts the client",
      "already: it is adopted then, and no token is spent.",
      "Trust that was removed on the server, and an entry that was changed in `configDir`, are drift.",
      "Destroying it takes the client that it enrolled out of the server's trust store, and the entry out of `configDir`.",
    ],
    [
      "Without a ClientCertificate and without `configDir` the key exists only in this resource: if the run is killed before it is",
      "recorded, the client that joined cannot be used again.",
      "A `configDir` of `lxc` has one pair for good, which its Remotes join with: another one is refused.",
    ],
    [
      'An image server (`public`, or `protocol` "simplestreams") is only written to `configDir`.',
      "Nobody joins it, so of the outputs it has `name`, `address`, `addresses`, `configState`, and the server's certificate where",
      "it is pinned.",
    ],
    errors(
      ...(["LXD_TOKEN_REJECTED", "LXD_TOKEN_EXPIRED", "LXD_NOT_TRUSTED", "LXD_ALREADY_EXISTS"] as const),
      ...(["LXD_SERVER_IDENTITY", "CLIENT_CONFIG", "PARTIAL", "LXD_UNREACHABLE", "LXD_TIMEOUT"] as const),
      "INPUT_INVALID",
    ),
    see("howto/server_expose/"),
  ),
  TrustToken: paragraphs(
    ["An invitation for one client: a one-shot token for Remote or for `lxc remote add`."],
    [
      "Give one of `projects`, `groups` and `restricted` false.",
      "A token that waits (pending) and one that was redeemed by a client which is still trusted (consumed) are in sync.",
      "One that expired, was revoked, was lost when the server restarted, or whose client was removed is not: a refresh shows it,",
      "and the next update issues another.",
      "Destroying it revokes the token, or takes its client out of the trust store.",
    ],
    [
      "Prefer `groups` where the server has them: other clients of the server can read the secret of a pending certificate token,",
      "which also dies with the server's process.",
      "That of an identity is told only once, and outlives a restart.",
    ],
    ["The server has to listen before it can invite, so let it depend on the HttpsAddress.", connectionFrom],
    errors(
      ...([
        "LXD_REJECTED",
        "LXD_NOT_FOUND",
        "LXD_ALREADY_EXISTS",
        "LXD_EXTENSION_MISSING",
        "LXD_LOCKOUT",
        "INPUT_INVALID",
      ] as const),
      ...wayInErrors,
    ),
    see("authentication/#adding-client-certificates-using-tokens"),
  ),
};

/** What becomes of what was found. */
export const importTexts: Readonly<Record<ResourceName, string>> = {
  ClientCertificate: "The key comes into the stack's state, as a secret, and the files stay.",
  HttpsAddress: "A destroy leaves the address as it was found.",
  Remote:
    "Without CLIENT_DIRECTORY it is looked for where the provider's `configDir` says, else where `lxc` and then `incus` have theirs. " +
    "Its client's key comes into the stack's state, as a secret. " +
    "A destroy leaves the client trusted and the entry where it is, as they were found.",
  TrustToken:
    "A destroy leaves a client that was found trusted. It revokes a token that was found waiting, or removes the client that " +
    "has joined with it since.",
};

/** Part of the form of an id. */
export const remoteInId =
  "REMOTE is a remote of `lxc` or `incus` that leads to the server, and becomes the `connection`. Without it the provider's " +
  "configuration leads there, as where a resource has no `connection`: that of a program is not known to an import.";

export const functionTexts: Readonly<Record<FunctionName, string>> = {
  decodeTrustToken: paragraphs(
    [
      "What a trust token says, but for the secret in it.",
      "Nobody is asked: whether the token still waits, only its server knows.",
    ],
    errors("INPUT_INVALID"),
  ),
  getDefaultRemote: paragraphs(
    ["The remote to which the commands of `lxc` or `incus` go that name none."],
    errors("CLIENT_CONFIG"),
  ),
  getServer: paragraphs(
    [
      "What a server is, and where it listens.",
      "It is asked at each call, previews included.",
      "The connection must be an administrator's.",
    ],
    [connectionFrom],
    errors("INPUT_INVALID", ...wayInErrors),
    see("api/#/server/server_get"),
  ),
  getServerAddresses: paragraphs(
    [
      "The addresses that a server has on its network interfaces, of which `core.https_address` can be one.",
      "A server without the API extension `network_get_target` cannot tell those of another member of its cluster.",
    ],
    [connectionFrom],
    errors("LXD_EXTENSION_MISSING", "INPUT_INVALID", ...wayInErrors),
    see("api/#/networks/networks_state_get"),
  ),
  listRemotes: paragraphs(
    [
      "The remotes of a client directory, those built into the client included.",
      "A directory that is not there has only these.",
    ],
    errors("CLIENT_CONFIG"),
  ),
};

export const providerText = paragraphs(
  [
    "The provider of the package lxd-access.",
    "Its configuration is the way in to the server of every resource and function that has no `connection` of its own:",
    "`socketPath`; or `address` with `clientCertificate`, `clientKey` and a pin; or `ssh`; or `remote`.",
  ],
  [
    "What it leaves out of its way in comes from the environment, so that a stack can hold address and pin, and a CI job the key.",
    "The environment is looked at for each resource and never stored.",
  ],
);

function paragraphs(...all: readonly (readonly string[])[]): string {
  return all.map((sentences) => sentences.join(" ")).join("\n\n");
}

/** Codes with which errors of this end. */
function errors(...codes: readonly ErrorCode[]): readonly string[] {
  return [`Its errors end with a code: ${codes.map((code) => `\`${code}\``).join(", ")}.`];
}

function see(page: string): readonly string[] {
  return [`See https://documentation.ubuntu.com/lxd/latest/${page}`];
}
