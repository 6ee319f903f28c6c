import { once } from "node:events";
import { connect, createServer } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";

import type { KeyPair } from "../../../provider/pki/certificate";

/** What a TLS server saw of a client. */
export interface SeenClient {
  /** Whether the server's OpenSSL accepts the certificate for client authentication. */
  authorized: boolean;
  /** The fingerprint as Node prints it: upper-case pairs with colons. */
  fingerprint256: string | undefined;
  protocol: string | null;
}

/**
 * Connects to a TLS 1.3 server on loopback that asks for a client certificate and trusts `trusted`; returns what the
 * server saw. The server's own pair only has to exist, the client does not check it.
 */
export async function shakeHands(
  serverPair: KeyPair,
  trusted: string,
  client: ConnectionOptions,
): Promise<SeenClient> {
  const server = createServer({
    cert: serverPair.certificate,
    key: serverPair.privateKey,
    ca: trusted,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  const socket = connect({ ...client, host: "127.0.0.1", port: address.port, rejectUnauthorized: false });
  try {
    const [[accepted]] = (await Promise.all([
      once(server, "secureConnection"),
      once(socket, "secureConnect"),
    ])) as [[TLSSocket], unknown];
    return {
      authorized: accepted.authorized,
      fingerprint256: accepted.getPeerX509Certificate()?.fingerprint256,
      protocol: accepted.getProtocol(),
    };
  } finally {
    socket.destroy();
    server.close();
  }
}
