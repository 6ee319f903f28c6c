import { X509Certificate } from "node:crypto";
import { Body } from "./body";
import type { ApiReply, ApiRequest, Host, Route } from "./protocol";
import { ApiError, checkIfMatch, Crash, created, isAdmin, isTrusted, may, ok, tagged } from "./protocol";
import type { TrustedCertificate } from "./state";
import { issueToken, redeemToken } from "./tokens";
import { addCertificate, certificateType, checkCertificate, checkName, checkProjects } from "./trust-store";
import { fingerprintOf, shownCertificate } from "./trust-store";

const ONE = /^\/1\.0\/certificates\/([^/]+)$/;
const ALL = /^\/1\.0\/certificates$/;

export const certificateRoutes: Route[] = [
  { method: "GET", path: ALL, handle: listCertificates },
  { method: "POST", path: ALL, untrusted: true, handle: postCertificate },
  { method: "GET", path: ONE, handle: getCertificate },
  { method: "PUT", path: ONE, handle: changeCertificate },
  { method: "PATCH", path: ONE, handle: changeCertificate },
  { method: "DELETE", path: ONE, handle: deleteCertificate },
];

function visible(host: Host, { caller }: ApiRequest): TrustedCertificate[] {
  if (may(caller, "can_view_identities") || host.profile.restrictedSeesAllCertificates)
    return host.state.certificates;
  return host.state.certificates.filter((entry) => entry === caller.trust);
}

function listCertificates(host: Host, request: ApiRequest): ApiReply {
  const entries = visible(host, request);
  if (request.query.get("recursion") === "1")
    return ok(entries.map((entry) => shownCertificate(host, entry)));
  return ok(entries.map(({ fingerprint }) => `/1.0/certificates/${fingerprint}`));
}

/** The one entry whose fingerprint starts so. */
function find(host: Host, entries: TrustedCertificate[], prefix: string): TrustedCertificate {
  const [entry, another] = entries.filter(({ fingerprint }) => fingerprint.startsWith(prefix));
  if (!entry) throw new ApiError(404, "Certificate not found");
  if (another) throw new ApiError(host.profile.ambiguousPrefixStatus, "More than one certificate matches");
  return entry;
}

function getCertificate(host: Host, request: ApiRequest, prefix: string): ApiReply {
  return tagged(shownCertificate(host, find(host, visible(host, request), prefix)));
}

/** The one POST behind three different things: adding a client, issuing a token, redeeming one. */
function postCertificate(host: Host, request: ApiRequest): ApiReply {
  const { profile } = host;
  const { caller } = request;
  const post = Body.parse(request.text, "CertificatesPost");
  const wanted = {
    name: post.string("name"),
    restricted: post.boolean("restricted"),
    projects: post.strings("projects"),
    description: post.string("description"),
  };
  const certificate = post.string("certificate");
  const asksForToken = post.boolean("token");
  if (profile.refusesPassword && post.string("password") !== "")
    throw new ApiError(501, "Password authentication is no longer supported, please update your client");
  if (profile.refusesProjectsOfUnrestricted && wanted.projects.length > 0 && !wanted.restricted)
    throw new ApiError(
      400,
      "Projects can only be specified for restricted certificates. Set restricted=true or remove projects",
    );
  if (asksForToken && certificate !== "") throw new ApiError(400, profile.tokenAndCertificate);
  if (asksForToken && post.string("type") !== "client")
    throw new ApiError(400, "Tokens can only be issued for client certificates");

  const presented = profile.tokenFields.map((field) => post.string(field)).find((value) => value !== "");
  if (presented !== undefined) return redeemToken(host, request, presented);
  if (!isTrusted(caller)) throw new ApiError(403, profile.forbidden);
  if (!asksForToken && certificate === "") throw new ApiError(400, "Client is already trusted");
  if (!may(caller, "can_create_identities")) throw new ApiError(403, profile.forbidden);
  if (asksForToken) return issueToken(host, caller, wanted, post);
  const added = addCertificate(host, decodeDer(certificate), {
    ...wanted,
    type: certificateType(post.string("type")),
  });
  return created(`/1.0/certificates/${added.fingerprint}`);
}

function decodeDer(base64: string): X509Certificate {
  const illegal = base64.search(/[^A-Za-z0-9+/=\r\n]/);
  if (illegal >= 0) throw new ApiError(400, `illegal base64 data at input byte ${illegal}`);
  try {
    return new X509Certificate(Buffer.from(base64, "base64"));
  } catch {
    throw new ApiError(400, "Invalid certificate material: x509: malformed certificate");
  }
}

/** PUT and PATCH: a PATCH starts from what is there, a PUT from nothing. */
function changeCertificate(host: Host, request: ApiRequest, prefix: string): ApiReply {
  const { profile } = host;
  const entry = find(host, visible(host, request), prefix);
  checkIfMatch(host, request, shownCertificate(host, entry));
  const put = Body.parse(request.text, "CertificatePut");
  const keeps = (key: string) => request.method === "PATCH" && !put.has(key);
  const wanted = {
    name: keeps("name") ? entry.name : put.string("name"),
    restricted: keeps("restricted") ? entry.restricted : put.boolean("restricted"),
    projects: keeps("projects") ? entry.projects : put.strings("projects"),
    description: keeps("description") ? entry.description : put.string("description"),
  };
  const type = keeps("type") ? entry.type : put.string("type");
  if (profile.typeIsValidatedFirst && !["client", "server", "metrics"].includes(type))
    throw new ApiError(400, "Invalid certificate type: Invalid certificate type");
  if (type !== entry.type)
    throw new ApiError(profile.typeChangeStatus, "The certificate type cannot be changed");
  const rotated = put.string("certificate");
  const rotates = rotated !== "" && rotated !== entry.certificate;
  if (!isAdmin(request.caller)) checkOwnChange(host, request, entry, wanted, rotates);
  if (profile.refusesProjectsOfUnrestricted && !wanted.restricted && wanted.projects.length > 0)
    throw new ApiError(400, "Projects can only be specified for restricted certificates");
  if (wanted.name !== entry.name) checkName(host, wanted.name, entry);
  checkProjects(host, wanted.projects);
  if (rotates) rotate(host, entry, rotated);
  Object.assign(entry, wanted);
  return ok({});
}

/** A restricted client may change its own certificate and nothing else. */
function checkOwnChange(
  host: Host,
  { caller }: ApiRequest,
  entry: TrustedCertificate,
  wanted: Pick<TrustedCertificate, "name" | "restricted" | "projects">,
  rotates: boolean,
): void {
  const sameProjects =
    wanted.projects.length === entry.projects.length &&
    (host.profile.restrictedMaySwapProjects ||
      wanted.projects.every((project) => entry.projects.includes(project)));
  if (wanted.name !== entry.name || wanted.restricted !== entry.restricted || !sameProjects)
    throw new ApiError(403, "Only the certificate can be changed");
  if (rotates && caller.trust !== entry) throw new ApiError(403, "Certificate cannot be changed");
}

function rotate(host: Host, entry: TrustedCertificate, pem: string): void {
  let certificate: X509Certificate;
  try {
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("not PEM");
    certificate = new X509Certificate(pem);
  } catch {
    if (host.profile.crashesOnBadPem) throw new Crash("no PEM block");
    throw new ApiError(400, "Invalid PEM encoded certificate");
  }
  checkCertificate(certificate);
  const fingerprint = fingerprintOf(certificate);
  if (host.state.certificates.some((other) => other !== entry && other.fingerprint === fingerprint))
    throw new ApiError(
      host.profile.rotationCollisionStatus,
      'Update "certificates" entry failed: UNIQUE constraint failed: certificates.fingerprint',
    );
  entry.fingerprint = fingerprint;
  entry.certificate = certificate.toString();
}

function deleteCertificate(host: Host, { caller }: ApiRequest, prefix: string): ApiReply {
  const entry = find(host, host.state.certificates, prefix);
  const own = entry === caller.trust && host.profile.restrictedMayRemoveItself;
  if (!may(caller, "can_delete_identities") && !own) throw new ApiError(403, host.profile.cannotRemove);
  host.state.certificates = host.state.certificates.filter((other) => other !== entry);
  return ok({});
}
