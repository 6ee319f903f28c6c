import { Body } from "./body";
import type { ApiReply, ApiRequest, Host } from "./protocol";
import { ApiError, checkIfMatch, type Entitlement, may, notAllowed, ok } from "./protocol";
import type { Identity } from "./state";
import { certificateOf, checkGroups, checkNew, find, shown, typeOf } from "./tls-clients";

/** PUT sets all groups; PATCH only some, so that it cannot clear them. The name stays, whatever the body says. */
export function changeIdentity(host: Host, request: ApiRequest, nameOrId: string): ApiReply {
  const { identity, mayAll } = identityToChange(host, request, nameOrId, "can_edit_identities");
  const put = Body.parse(request.text, "IdentityPut");
  const groups = [...new Set(put.strings("groups"))].sort();
  const certificate = put.string("tls_certificate");
  if (certificate !== "" && identity.pending)
    throw new ApiError(
      400,
      'Cannot update certificate for identities of type "Client certificate (pending)"',
    );
  if (!mayAll) {
    if (certificate === "") throw new ApiError(400, "Must provide a certificate");
    if (put.strings("groups").join("\n") !== identity.groups.join("\n"))
      throw new ApiError(403, "Only the certificate may be changed");
  }
  checkGroups(host, groups);
  const isCleared = request.method === "PUT" && mayAll;
  if (groups.length > 0 || isCleared) identity.groups = groups;
  if (certificate === "") return ok({});
  const rotated = certificateOf(certificate);
  identity.identifier = checkNew(host, rotated);
  identity.certificate = rotated.toString();
  return ok({});
}

/** Everyone may remove itself, whatever its groups allow. */
export function deleteIdentity(host: Host, request: ApiRequest, nameOrId: string): ApiReply {
  const { identity, isOwn, mayAll } = identityToChange(host, request, nameOrId, "can_delete_identities");
  if (!mayAll && !isOwn) throw notAllowed(host, request.caller);
  host.state.identities = host.state.identities.filter((other) => other !== identity);
  return ok({});
}

/** The identity, and whether the caller may change all of it or it is its own; certificates are changed elsewhere. */
function identityToChange(
  host: Host,
  request: ApiRequest,
  nameOrId: string,
  entitlement: Entitlement,
): { identity: Identity; isOwn: boolean; mayAll: boolean } {
  const { caller } = request;
  // Who has no fine-grained rights has none here.
  if (caller.trust?.restricted) throw notAllowed(host, caller);
  const client = find(host, caller, nameOrId);
  if (client.isCertificate)
    throw new ApiError(501, `Identities of type "${typeOf(client)}" cannot be modified via this API`);
  checkIfMatch(host, request, shown(client, caller));
  const mayAll = may(caller, entitlement);
  const isOwn = client.entry === caller.identity;
  if (!mayAll && !isOwn) throw notAllowed(host, caller);
  return { identity: client.entry, isOwn, mayAll };
}
