import { createHash, type X509Certificate } from "node:crypto";
import type { Host } from "./protocol";
import { ApiError } from "./protocol";
import type { CertificateType, Identity, TrustedCertificate } from "./state";

export function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

/** The type named in a request, or a 400. */
export function certificateType(type: string): CertificateType {
  if (type === "client" || type === "server" || type === "metrics") return type;
  throw new ApiError(400, "Invalid certificate type");
}

/** 400 for certificates that a server does not let in. */
export function checkCertificate(certificate: X509Certificate): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType === "rsa" && (asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new ApiError(400, "RSA key is too weak (minimum of 2048bit)");
  if (!isValidNow(certificate)) {
    const early = Date.parse(certificate.validFrom) > Date.now();
    throw new ApiError(400, `The provided certificate ${early ? "isn't valid yet" : "is expired"}`);
  }
}

function isValidNow(certificate: X509Certificate): boolean {
  return Date.parse(certificate.validFrom) <= Date.now() && Date.now() <= Date.parse(certificate.validTo);
}

/** The entry that makes this certificate a trusted client's; metrics certificates open nothing here. */
export function trustedEntry(host: Host, certificate: X509Certificate): TrustedCertificate | undefined {
  if (!isValidNow(certificate)) return undefined;
  const fingerprint = fingerprintOf(certificate);
  return host.state.certificates.find(
    (entry) => entry.fingerprint === fingerprint && entry.type !== "metrics",
  );
}

/** The same for a client with fine-grained rights. */
export function trustedIdentity(host: Host, certificate: X509Certificate): Identity | undefined {
  if (!isValidNow(certificate)) return undefined;
  const fingerprint = fingerprintOf(certificate);
  return host.state.identities.find(({ identifier }) => identifier === fingerprint);
}

/** 404 for a project that does not exist. */
export function checkProjects(host: Host, projects: string[]): void {
  if (projects.some((name) => !host.state.projects.has(name))) throw new ApiError(404, "Project not found");
}

/** Whether a client has this name, or is invited under it. */
export function isNameTaken({ state }: Host, name: string, except?: TrustedCertificate): boolean {
  return [...state.certificates, ...state.identities].some(
    (entry) => entry.name === name && entry !== except,
  );
}

/** 409 for a name in use, where names are unique. */
export function checkName(host: Host, name: string, except?: TrustedCertificate): void {
  if (isNameTaken(host, name, except) && host.profile.nameTaken !== undefined)
    throw new ApiError(409, host.profile.nameTaken);
}

/** Adds a client after the checks that every version makes, in their order. */
export function addCertificate(
  host: Host,
  certificate: X509Certificate,
  wanted: Pick<TrustedCertificate, "name" | "type" | "restricted" | "projects" | "description">,
): TrustedCertificate {
  checkCertificate(certificate);
  const fingerprint = fingerprintOf(certificate);
  if (host.state.certificates.some((entry) => entry.fingerprint === fingerprint))
    throw new ApiError(409, "Certificate already in trust store");
  if (trustedIdentity(host, certificate) && host.profile.nameTaken !== undefined)
    throw new ApiError(409, host.profile.nameTaken);
  const name = wanted.name || commonName(certificate);
  checkName(host, name);
  checkProjects(host, wanted.projects);
  const added = {
    ...wanted,
    id: host.state.nextId(),
    fingerprint,
    name,
    certificate: certificate.toString(),
  };
  host.state.certificates.push(added);
  return added;
}

function commonName(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "";
}

/** A certificate as the API shows it. */
export function shownCertificate(host: Host, entry: TrustedCertificate): Record<string, unknown> {
  const { name, type, restricted, projects, certificate, fingerprint, description } = entry;
  const shown = { name, type, restricted, projects, certificate, fingerprint };
  return host.profile.describesCertificates ? { ...shown, description } : shown;
}
