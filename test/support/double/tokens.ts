import { randomBytes } from "node:crypto";
import { announcedAddresses } from "./address";
import type { Body } from "./body";
import { expiryAfter } from "./expiry";
import type { ApiReply, ApiRequest, Caller, Host } from "./protocol";
import { accepted, ApiError, created, isTrusted } from "./protocol";
import { pendingTokens, requestorOf, shownOperation } from "./operations";
import { addCertificate } from "./trust-store";

/** Makes a certificate add token; the client puts the token's text together from the operation's metadata. */
export function issueToken(
  host: Host,
  caller: Caller,
  wanted: { name: string; restricted: boolean; projects: string[]; description: string },
  post: Body,
): ApiReply {
  const { profile, state, identity } = host;
  const { name, restricted, projects, description } = wanted;
  checkListening(host);
  if (profile.checksTokenNames) checkTokenName(name);
  const expiresAt = tokenExpiry(host);
  const secret = randomBytes(32).toString("hex");
  const blank = Object.fromEntries(profile.tokenRequestKeys.map((key) => [key, post.string(key)]));
  const operation = state.addOperation({
    class: "token",
    description: profile.tokenDescription,
    metadata: {
      addresses: announcedAddresses(state.announcedAddress),
      ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
      fingerprint: identity.fingerprint,
      request: { name, type: "client", restricted, projects, ...blank, token: true },
      secret,
    },
    token: {
      secret,
      name,
      restricted,
      projects,
      description,
      expiresAt,
      issuer: (caller.trust ?? caller.identity)?.id,
    },
    requestor: requestorOf(caller),
  });
  return accepted(shownOperation(host, operation));
}

/** 400 where no client could redeem a token. */
export function checkListening({ profile, state }: Host): void {
  if ((state.config["core.https_address"] ?? "") === "") throw new ApiError(400, profile.notListening);
}

/** When a token that is issued now expires. */
export function tokenExpiry({ profile, state }: Host): Date | undefined {
  return expiryAfter(new Date(), state.config["core.remote_token_expiry"] ?? profile.defaultTokenExpiry);
}

function checkTokenName(name: string): void {
  if (name === "") throw new ApiError(400, "Client name must not be empty");
  if (name.startsWith("-") || name.includes("/"))
    throw new ApiError(
      400,
      `Invalid certificate name "${name}", name must not start with a hyphen or contain forward slashes`,
    );
}

/**
 * Lets the TLS client of this request in, if it presents a pending token.
 * From the moment the token is found it is spent, whatever comes of it.
 */
export function redeemToken(host: Host, { caller }: ApiRequest, presented: string): ApiReply {
  const { profile, state } = host;
  const alreadyTrusted = isTrusted(caller);
  if (alreadyTrusted && profile.sparesTokenOfTrusted) throw new ApiError(400, "Client is already trusted");
  const decoded = decodeToken(presented);
  if (decoded === undefined) throw new ApiError(403, profile.forbidden);
  const { secret } = decoded;
  if (decoded.isForIdentity && profile.hasIdentities)
    throw new ApiError(
      alreadyTrusted ? 500 : 400,
      "Failed during search for certificate add token operation: TLS Identity token detected (you must update your client)",
    );
  const pending = pendingTokens(host).find(({ token }) => token.secret === secret);
  if (!pending) throw new ApiError(403, "No matching certificate add operation found");
  const { operation, token } = pending;
  state.endOperation(operation, "Cancelled");
  if (token.expiresAt && token.expiresAt.getTime() < Date.now())
    throw new ApiError(
      alreadyTrusted ? 500 : profile.expiredTokenStatus,
      "Failed during search for certificate add token operation: Token has expired",
    );
  if (alreadyTrusted) throw new ApiError(409, "Client is already trusted");
  if (!caller.certificate) throw new ApiError(400, "No client certificate provided");
  const { name, restricted, projects, description } = token;
  const wanted = { name, type: "client", restricted, projects, description } as const;
  const added = addCertificate(host, caller.certificate, wanted);
  return created(`/1.0/certificates/${added.fingerprint}`);
}

/** The secret inside a token, and what it is for; undefined for what is not one. All else in it is for the client. */
export function decodeToken(presented: string): { secret: string; isForIdentity: boolean } | undefined {
  try {
    const token: unknown = JSON.parse(Buffer.from(presented, "base64").toString("utf8"));
    if (typeof token !== "object" || token === null) return undefined;
    const { client_name, fingerprint, addresses, secret, type } = { ...token } as Record<string, unknown>;
    const complete = Boolean(client_name) && Boolean(fingerprint) && Array.isArray(addresses);
    if (!complete || typeof secret !== "string" || secret === "") return undefined;
    return { secret, isForIdentity: type === "Client certificate" };
  } catch {
    return undefined;
  }
}
