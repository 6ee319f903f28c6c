/**
 * `connection` of resources on a server, for a client that it trusts.
 * @param {import("./pairs.mjs").Pair} pair
 * @param {import("./traffic.mjs").Site} site
 */
export function administeredBy({ certificate, privateKey }, { server, proxy }) {
  return {
    ...{ address: proxy.address, serverFingerprint: server.fingerprint },
    ...{ clientCertificate: certificate, clientKey: privateKey },
  };
}
