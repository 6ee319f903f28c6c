/** TLS connections to the pinned server only: the pin is compared before anybody gets the socket. */
import { createHash, X509Certificate } from "node:crypto";
import type { buildConnector } from "undici";
import { AccessError, messageOf } from "../errors";

/** How the server proves who it is: the SHA-256 (hex) of its certificate, or the PEM of its certificate or its CA's. */
export type Pin = { readonly fingerprint: string } | { readonly certificate: string };

/** The server, and the client certificate (PEM) to show it; the key is secret. `name` names it in messages. */
export interface PinnedServer {
  readonly name: string;
  readonly pin: Pin;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

/** A connector that hands out a TLS socket only after the server's certificate has been compared with the pin. */
export function pinned(
  { name, pin, clientCertificate, clientKey }: PinnedServer,
  timeout: number,
  build: typeof buildConnector,
  onCertificate: (pem: string) => void,
): buildConnector.connector {
  const authority = authorityOf(pin);
  const connect = build({
    timeout,
    minVersion: "TLSv1.3",
    // With a resumed session Node does not say which certificate the server has, so there would be nothing to compare.
    maxCachedSessions: 0,
    rejectUnauthorized: false, // judged below, where what was wrong can be told
    ca: authority,
    cert: clientCertificate,
    key: clientKey,
  });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      // Asked once: Node 20 gives the certificate only to the first caller.
      const peer = "getPeerX509Certificate" in socket ? socket.getPeerX509Certificate() : undefined;
      const isVouchedFor = authority !== undefined && "authorized" in socket && socket.authorized;
      const verdict = "authorizationError" in socket ? messageOf(socket.authorizationError) : "no TLS";
      const problem = isVouchedFor ? undefined : comparePin(peer, name, pin, verdict);
      if (problem !== undefined) {
        socket.destroy();
        callback(problem, null);
        return;
      }
      onCertificate(peer?.toString() ?? "");
      callback(null, socket);
    });
  };
}

/** What speaks against the certificate a server showed; `verdict` is what TLS says where the pin is a CA's. */
function comparePin(
  peer: X509Certificate | undefined,
  name: string,
  pin: Pin,
  verdict: string,
): AccessError | undefined {
  const expected = pinnedFingerprint(pin);
  const actual = peer === undefined ? "no certificate" : fingerprintOf(peer);
  if (actual === expected) return undefined;
  const doing = `Connecting to ${name}`;
  if (authorityOf(pin) !== undefined) {
    return new AccessError(
      "LXD_SERVER_IDENTITY",
      `${doing}: the certificate ${actual} is not one that serverCertificate vouches for: ${verdict}. Nothing was sent. ` +
        "Give the server's own certificate or its authority's, and an address that the server's certificate names",
    );
  }
  return new AccessError(
    "LXD_SERVER_IDENTITY",
    `${doing}: this is not the pinned server. Expected the certificate ${expected}, ` +
      `it showed ${actual}. Nothing was sent. If the server's certificate was replaced on purpose, ` +
      "give its new fingerprint (serverFingerprint) or a new token",
  );
}

/** The pin as CA certificate, or undefined where it names the server's own certificate. */
function authorityOf(pin: Pin): string | undefined {
  return "certificate" in pin && new X509Certificate(pin.certificate).ca ? pin.certificate : undefined;
}

function pinnedFingerprint(pin: Pin): string {
  return "fingerprint" in pin
    ? pin.fingerprint.toLowerCase()
    : fingerprintOf(new X509Certificate(pin.certificate));
}

/** SHA-256 of a certificate, lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}
