/** The least that a pinned connection can take: plain `node:tls`, with no part of the package. */
import { X509Certificate, createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";

/** @typedef {{ address: string, fingerprint: string, pair: import("./pairs.mjs").Pair }} Dialled */

/**
 * Dials, and compares the server's certificate.
 * @param {Dialled} options
 */
export async function dialPinned({ address, fingerprint, pair }) {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({
    ...{ host, port: Number(port), cert: pair.certificate, key: pair.privateKey },
    ...{ rejectUnauthorized: false, minVersion: "TLSv1.3" },
  });
  await once(socket, "secureConnect");
  const shown = socket.getPeerX509Certificate() ?? new X509Certificate(socket.getPeerCertificate().raw);
  if (createHash("sha256").update(shown.raw).digest("hex") !== fingerprint) throw new Error("another server");
  return socket;
}

/**
 * Sends reads over one connection without waiting for the replies of those before, takes the replies, and is done.
 * @param {Dialled & { paths: readonly string[] }} options
 */
export async function readLean({ paths, ...dialled }) {
  const socket = await dialPinned(dialled);
  const requests = paths.map((path, index) => {
    const isLast = index === paths.length - 1;
    return `GET ${path} HTTP/1.1\r\nHost: ${dialled.address}\r\n${isLast ? "Connection: close\r\n" : ""}\r\n`;
  });
  socket.write(requests.join(""));
  let replies = "";
  for await (const chunk of socket.setEncoding("utf8")) replies += chunk;
  const answered = replies.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
  if (answered !== paths.length) throw new Error(`${answered} of ${paths.length} reads were answered`);
}
