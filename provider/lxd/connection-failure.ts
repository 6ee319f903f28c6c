/** What went wrong on the way to a server, in this provider's terms. */
import { AccessError, codeOf, isAccessError, messageOf } from "../errors";
import { hintForHost, hintForSilence } from "./host-hints";
import type { Endpoint, Timeouts } from "./transport";

/** The error of a request that got no reply. `doing` names request and server. */
export function connectionFailure(
  error: unknown,
  doing: string,
  { kind }: Endpoint,
  timeouts: Timeouts,
): AccessError {
  if (isAccessError(error, "LXD_SERVER_IDENTITY")) return error;
  if (isAccessError(error))
    return new AccessError(error.errorCode, `${doing}: ${messageOf(error)}`, { cause: error });
  const code = codeOf(error);
  if (code === "UND_ERR_DESTROYED")
    return new AccessError("LXD_UNREACHABLE", `${doing}: the connection was closed from here`, {
      cause: error,
    });
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    const hint = kind === "unix" ? "Does the server hang?" : hintForSilence;
    const message = `${doing}: no connection within ${timeouts.connect} s. ${hint}`;
    return new AccessError("LXD_TIMEOUT", message, { cause: error });
  }
  if (tlsBreaks.test(code)) {
    const message = `${doing}: TLS broke off (${reasonOf(error, code)}). Does the server refuse the client certificate, or does something on the way change what is sent? Its log says`;
    return new AccessError("LXD_PROTOCOL", message, { cause: error });
  }
  const foreign = foreignProtocol(error, code);
  if (foreign !== undefined) {
    const message = `${doing}: ${foreign}. Is another service on this address?`;
    return new AccessError("LXD_PROTOCOL", message, { cause: error });
  }
  const message = `${doing}: ${messageOf(error) || code}. ${hintFor(code, kind)}`;
  return new AccessError("LXD_UNREACHABLE", message, { cause: error });
}

/** What OpenSSL says of a connection on which TLS 1.3 is spoken, and fails. */
const tlsBreaks = /^ERR_SSL_(TLSV13_|DECRYPTION_FAILED|BAD_RECORD)/;

function reasonOf(error: unknown, code: string): string {
  return error instanceof Error && "reason" in error ? String(error.reason) : code;
}

/** What is wrong where somebody answers, but not as LXD or Incus do; undefined where that is not the matter. */
function foreignProtocol(error: unknown, code: string): string | undefined {
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    return `TLS 1.3 is not spoken there (${reasonOf(error, code)})`;
  }
  // Node's parser of HTTP gives its errors a code only now and then.
  const isUnreadable = error instanceof Error && error.name === "HTTPParserError";
  return isUnreadable || code === "UND_ERR_HEADERS_OVERFLOW"
    ? `the reply is not HTTP: ${messageOf(error)}`
    : undefined;
}

const noServer = "No server runs with this socket: is LXD or Incus installed and started on this machine?";

const hintsForSockets: Readonly<Record<string, string | undefined>> = {
  ENOENT: noServer,
  ECONNREFUSED: noServer, // a server that was killed leaves its socket
  EACCES: "This user may not use the socket: add it to the group of the server (lxd or incus-admin)",
};

/** Whatever broke off may have been a server that restarts. */
const brokenOff = "Does the server restart, or fail? Its log says";

function hintFor(code: string, kind: Endpoint["kind"]): string {
  if (kind === "unix") return hintsForSockets[code] ?? brokenOff;
  if (code === "ECONNREFUSED")
    return "Nothing listens there. Where the same program exposes the server, make this resource depend on its HttpsAddress";
  return hintForHost(code) ?? brokenOff;
}
