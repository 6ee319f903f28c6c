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
  if ((state.config["core.https_address"] ?? "") === "") throw new ApiError(400, profile.notListening);
  if (profile.checksTokenNames) checkTokenName(name);
  const expiry = state.config["core.remote_token_expiry"] ?? profile.defaultTokenExpiry;
  const expiresAt = expiryAfter(new Date(), expiry);
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
    token: { secret, name, restricted, projects, description, expiresAt, issuer: caller.trust?.id },
    requestor: requestorOf(caller),
  });
  return accepted(shownOperation(host, operation));
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
  const secret = decodeToken(presented);
  if (secret === undefined) throw new ApiError(403, profile.forbidden);
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

/** The secret inside a token; undefined for what is not one. Everything else in it is for the client. */
function decodeToken(presented: string): string | undefined {
  try {
    const token: unknown = JSON.parse(Buffer.from(presented, "base64").toString("utf8"));
    if (typeof token !== "object" || token === null) return undefined;
    const { client_name, fingerprint, addresses, secret } = { ...token } as Record<string, unknown>;
    const complete = Boolean(client_name) && Boolean(fingerprint) && Array.isArray(addresses);
    return complete && typeof secret === "string" && secret !== "" ? secret : undefined;
  } catch {
    return undefined;
  }
}
