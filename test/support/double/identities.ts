import { randomBytes, randomUUID } from "node:crypto";
import { announcedAddresses } from "./address";
import { Body } from "./body";
import { changeIdentity, deleteIdentity } from "./identity-changes";
import type { ApiReply, ApiRequest, Caller, Host, Route } from "./protocol";
import { ApiError, created, isTrusted, may, notAllowed, ok, tagged } from "./protocol";
import { type Identity, isOver } from "./state";
import { checkListening, decodeToken, tokenExpiry } from "./tokens";
import { certificateOf, checkGroups, checkNew, find, listed, shown, visible } from "./tls-clients";
import { isNameTaken } from "./trust-store";

const ofIdentities = true;
const AUTH = "/1.0/auth/identities";
const ALL = /^\/1\.0\/auth\/identities(?:\/tls)?$/;
const ONE = /^\/1\.0\/auth\/identities\/tls\/([^/]+)$/;

export const identityRoutes: Route[] = [
  { method: "GET", path: ALL, ofIdentities, handle: listIdentities },
  { method: "GET", path: /^\/1\.0\/auth\/identities\/current$/, ofIdentities, handle: getCurrent },
  {
    method: "POST",
    path: /^\/1\.0\/auth\/identities\/tls$/,
    untrusted: true,
    ofIdentities,
    handle: postIdentity,
  },
  { method: "GET", path: ONE, ofIdentities, handle: getIdentity },
  { method: "PUT", path: ONE, ofIdentities, handle: changeIdentity },
  { method: "PATCH", path: ONE, ofIdentities, handle: changeIdentity },
  { method: "DELETE", path: ONE, ofIdentities, handle: deleteIdentity },
];

function listIdentities(host: Host, request: ApiRequest): ApiReply {
  const clients = visible(host, request.caller);
  if (request.query.get("recursion") === "1")
    return ok(clients.map((client) => listed(host, client, request.caller)));
  return ok(clients.map(({ id }) => `${AUTH}/tls/${id}`));
}

function getIdentity(host: Host, { caller }: ApiRequest, nameOrId: string): ApiReply {
  return tagged(shown(find(host, caller, nameOrId), caller));
}

/** Who the client of this connection is; a certificate without fine-grained rights is told as well. */
function getCurrent(host: Host, { caller }: ApiRequest): ApiReply {
  const { certificate, trust, identity, permissions } = caller;
  const own = visible(host, { ...caller, permissions: [] }).find(
    ({ entry }) => entry === trust || entry === identity,
  );
  if (certificate === undefined || own === undefined)
    throw new ApiError(400, "Current identity information must be requested via the HTTPS API");
  const isFine = identity !== undefined;
  return ok({
    ...shown(own, caller),
    effective_groups: isFine ? identity.groups : host.profile.effectiveGroupsOfCertificates,
    effective_permissions: permissions,
    fine_grained: isFine,
    ...(host.profile.tellsOwnExpiry ? { expires_at: new Date(certificate.validTo).toISOString() } : {}),
  });
}

/** The one POST behind three different things: activating an identity, inviting one, making one of a certificate. */
function postIdentity(host: Host, request: ApiRequest): ApiReply {
  const { caller } = request;
  const post = Body.parse(request.text, "IdentitiesTLSPost");
  const token = post.string("trust_token");
  if (!isTrusted(caller)) return activate(host, caller, token, post);
  if (!may(caller, "can_create_identities")) throw notAllowed(host, caller);
  const name = post.string("name");
  const certificate = post.string("certificate");
  if (name === "") throw new ApiError(400, "Identity name must be provided");
  if (token !== "") throw new ApiError(409, "Client already trusted");
  if (post.boolean("token")) {
    if (certificate !== "") throw new ApiError(400, host.profile.tokenAndCertificate);
    return invite(host, name, post.strings("groups"));
  }
  if (certificate === "") throw new ApiError(400, "Must provide a certificate");
  return addIdentity(host, name, certificate, post.strings("groups"));
}

function invite(host: Host, name: string, groups: string[]): ApiReply {
  const { profile, state, identity } = host;
  const failed = (reason: string): string =>
    `${profile.failedTo("create", "pending TLS identity")}: ${reason}`;
  if (isNameTaken(host, name)) throw new ApiError(409, `An identity with name "${name}" already exists`);
  const known = [...new Set(groups)];
  checkGroups(host, known, failed);
  if (known.length < groups.length) {
    const object = "expected number of rows to identity auth group association table";
    const counts = `(expected ${groups.length}, got ${known.length})`;
    throw new ApiError(500, failed(`${profile.failedTo("write", object)} ${counts}`));
  }
  try {
    checkListening(host);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const message = `${profile.failedTo("create", "certificate add token")}: ${error.message}`;
    throw new ApiError(error.status, message);
  }
  const pending = { secret: randomBytes(32).toString("hex"), expiresAt: tokenExpiry(host) };
  const invited: Identity = {
    ...{ id: state.nextId(), identifier: randomUUID(), certificate: "" },
    ...{ name, groups: known.sort(), pending },
  };
  state.identities.push(invited);
  return created(`${AUTH}/tls/${invited.identifier}`, {
    client_name: name,
    fingerprint: identity.fingerprint,
    addresses: announcedAddresses(state.announcedAddress),
    secret: pending.secret,
    expires_at: pending.expiresAt?.toISOString() ?? "0001-01-01T00:00:00Z",
    type: "Client certificate",
  });
}

function addIdentity(host: Host, name: string, pem: string, groups: string[]): ApiReply {
  const { state } = host;
  if (isNameTaken(host, name)) throw new ApiError(409, host.profile.identityExists(name));
  const certificate = certificateOf(pem);
  const identifier = checkNew(host, certificate);
  checkGroups(host, groups);
  const added = { id: state.nextId(), name, identifier, groups: [...groups].sort() };
  state.identities.push({ ...added, certificate: certificate.toString() });
  return created(`${AUTH}/tls/${identifier}`);
}

/** Lets the stranger of this connection in, if it presents a token and nothing else. */
function activate(host: Host, caller: Caller, presented: string, post: Body): ApiReply {
  const { profile, state } = host;
  if (presented === "") throw new ApiError(403, "Trust token required");
  if (post.keys().some((key) => key !== "trust_token" && post.has(key)))
    throw new ApiError(403, "Only trust token must be provided");
  const decoded = decodeToken(presented);
  if (decoded === undefined) throw new ApiError(403, profile.forbidden);
  if (!caller.certificate) throw new ApiError(400, "No client certificate provided");
  const search = "Failed during search for pending TLS identity:";
  const invited = state.identities.find(({ pending }) => pending?.secret === decoded.secret);
  if (invited === undefined) {
    const reason = profile.failedTo("find", "a matching pending identity");
    throw new ApiError(500, `${search} ${reason}: No pending identities found with given secret`);
  }
  if (isOver(invited.pending)) {
    state.identities = state.identities.filter((other) => other !== invited);
    throw new ApiError(500, `${search} Token has expired`);
  }
  const old = invited.identifier;
  invited.identifier = checkNew(host, caller.certificate);
  invited.certificate = caller.certificate.toString();
  delete invited.pending;
  return created(`${AUTH}/tls/${profile.activatedLocation === "old" ? old : invited.identifier}`);
}
