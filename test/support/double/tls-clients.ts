import { X509Certificate } from "node:crypto";
import type { Caller, Host } from "./protocol";
import { ApiError, may } from "./protocol";
import type { Identity, TrustedCertificate } from "./state";
import { checkCertificate, fingerprintOf } from "./trust-store";

/** A client as the API of identities shows it: one of its own, or a certificate of the trust store. */
export type TlsClient =
  | { readonly id: string; readonly entry: Identity; readonly isCertificate: false }
  | { readonly id: string; readonly entry: TrustedCertificate; readonly isCertificate: true };

/** The clients that the caller may see: all, or itself. */
export function visible({ state }: Host, caller: Caller): TlsClient[] {
  const clients: TlsClient[] = [
    ...state.certificates.map((entry) => ({ id: entry.fingerprint, entry, isCertificate: true as const })),
    ...state.identities.map((entry) => ({ id: entry.identifier, entry, isCertificate: false as const })),
  ];
  if (may(caller, "can_view_identities")) return clients;
  return clients.filter(({ entry }) => entry === caller.trust || entry === caller.identity);
}

/** The client of this id or, where there is none, of this name; no part of an id will do. */
export function find(host: Host, caller: Caller, nameOrId: string): TlsClient {
  const clients = visible(host, caller);
  const found =
    clients.find(({ id }) => id === nameOrId) ?? clients.find(({ entry }) => entry.name === nameOrId);
  if (found === undefined) throw new ApiError(404, host.profile.notFound);
  return found;
}

export function typeOf(client: TlsClient): string {
  if (!client.isCertificate) return `Client certificate${client.entry.pending ? " (pending)" : ""}`;
  const { type, restricted } = client.entry;
  if (type !== "client") return type === "metrics" ? "Metrics certificate" : "Server certificate";
  return `Client certificate (${restricted ? "restricted" : "unrestricted"})`;
}

/** A client as the API shows it to a caller: only the groups that this one may see, nothing of its token, nor when that expires. */
export function shown(client: TlsClient, caller: Caller) {
  const { id, entry, isCertificate } = client;
  return {
    authentication_method: "tls",
    type: typeOf(client),
    id,
    name: entry.name,
    groups: isCertificate ? [] : entry.groups.filter((name) => maySeeGroup(caller, name)),
    tls_certificate: entry.certificate,
  };
}

/** The same in a list. */
export function listed({ profile }: Host, client: TlsClient, caller: Caller) {
  const one = shown(client, caller);
  return client.isCertificate ? { ...one, groups: profile.listedGroupsOfCertificates } : one;
}

/** A client without the right to see all groups sees its own. */
export function maySeeGroup(caller: Caller, name: string): boolean {
  return may(caller, "can_view_groups") || caller.identity?.groups.includes(name) === true;
}

/** 404 for groups that there are not. */
export function checkGroups(
  { state }: Host,
  groups: string[],
  failed = (reason: string): string => reason,
): void {
  const unknown = groups.filter((name) => !state.groups.has(name)).map((name) => `"${name}"`);
  if (unknown.length > 0)
    throw new ApiError(404, failed(`One or more groups were not found: ${unknown.join(", ")}`));
}

export function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new ApiError(400, "Failed to parse certificate");
  }
}

/** The fingerprint of a certificate that a server lets in; 409 where it knows it already. */
export function checkNew({ state }: Host, certificate: X509Certificate): string {
  checkCertificate(certificate);
  const fingerprint = fingerprintOf(certificate);
  const isKnown =
    state.certificates.some((entry) => entry.fingerprint === fingerprint) ||
    state.identities.some(({ identifier }) => identifier === fingerprint);
  if (isKnown) throw new ApiError(409, "Identity already exists");
  return fingerprint;
}
