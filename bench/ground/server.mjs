/** Real servers, each listening on loopback, and what is done to them by hand. They log every request, so that they count. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../scripts/daemon.mjs";
import { atEnd } from "../../scripts/ending.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { requestLxd } from "../../scripts/lxd-request.mjs";

/** How many are started at the same time. */
const atOnce = 10;

/**
 * @typedef {object} Server
 * @property {string} socketPath
 * @property {string} address of its listener, `127.0.0.1:PORT`
 * @property {string} certificate PEM
 * @property {string} fingerprint SHA-256 of its certificate, hex
 * @property {(name: string, address: string) => Promise<string>} issueToken a token as text, which leads to this address
 * @property {(name: string, certificate: string) => Promise<void>} trust
 * @property {(fingerprint: string) => Promise<void>} trustOnly takes every other client out of the trust store
 * @property {() => { client: string, request: string }[]} takeRequests what came over its listener since it was asked last:
 *   who asked (a fingerprint, or empty for a stranger) and for what
 * @property {() => Promise<void>} stop
 */

/**
 * @param {number} count
 * @param {import("../../scripts/daemon.mjs").Flavor} [flavor]
 * @returns {Promise<Server[]>}
 */
export async function startServers(count, flavor = "lxd") {
  /** @type {Server[]} */
  const servers = [];
  while (servers.length < count) {
    const next = Math.min(atOnce, count - servers.length);
    servers.push(...(await Promise.all(Array.from({ length: next }, () => startServer(flavor)))));
  }
  return servers;
}

/**
 * @param {import("../../scripts/daemon.mjs").Flavor} [flavor]
 * @returns {Promise<Server>}
 */
export async function startServer(flavor = "lxd") {
  const { directory, socketPath, stop } = await startDaemon({ flavor, args: ["--debug"] });
  let isStopped = false;
  const stopOnce = async () => {
    if (!isStopped) await stop();
    isStopped = true;
  };
  atEnd("stopping a server", stopOnce);
  const address = `127.0.0.1:${await freePort()}`;
  await requestLxd({ socketPath }, "PATCH", "/1.0", { config: { "core.https_address": address } });
  const { environment } = await requestLxd({ socketPath }, "GET", "/1.0");
  const log = join(directory, "daemon.log");
  let seen = 0;
  return {
    socketPath,
    address,
    certificate: environment.certificate,
    fingerprint: environment.certificate_fingerprint,
    stop: stopOnce,
    async issueToken(name, leadsTo) {
      const body = { name, type: "client", token: true, restricted: false };
      const { metadata } = await requestLxd({ socketPath }, "POST", "/1.0/certificates", body);
      const { fingerprint, secret, expiresAt: expires_at } = metadata;
      const token = { client_name: name, fingerprint, addresses: [leadsTo], secret, expires_at };
      return Buffer.from(JSON.stringify(token)).toString("base64");
    },
    async trust(name, certificate) {
      const der = new X509Certificate(certificate).raw.toString("base64");
      await requestLxd({ socketPath }, "POST", "/1.0/certificates", {
        name,
        type: "client",
        certificate: der,
      });
    },
    async trustOnly(fingerprint) {
      // One after the other: LXD may go on trusting one of several that it is told to forget at the same time.
      for (const url of await requestLxd({ socketPath }, "GET", "/1.0/certificates"))
        if (!url.endsWith(`/${fingerprint}`)) await requestLxd({ socketPath }, "DELETE", url);
    },
    takeRequests() {
      const text = readFileSync(log, "utf8");
      const fresh = text.slice(seen);
      seen = text.length;
      return fresh.split("\n").flatMap((line) => requestIn(line) ?? []);
    },
  };
}

/** @param {string} line of a daemon's log */
function requestIn(line) {
  const isTrusted = line.includes('"Handling API request"');
  if (!isTrusted && !/"Allowing untrusted (GET|POST)"/.test(line)) return undefined;
  const field = (/** @type {string} */ name) => new RegExp(` ${name}="?([^" ]*)`).exec(line)?.[1] ?? "";
  if (field("protocol") === "unix" || field("ip") === "@") return undefined;
  const method = field("method") || (/untrusted (GET|POST)/.exec(line)?.[1] ?? "");
  return { client: field("username"), request: `${method} ${field("url")}` };
}
