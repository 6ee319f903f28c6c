/** A client directory as `lxc` has one, in which servers are remotes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "../../scripts/ending.mjs";

/** @param {number} index of a server */
export const remoteNameOf = (index) => `server-${index}`;

/**
 * Writes a directory in which the client has each server as a remote, pinned, by the proxy's address.
 * @param {import("./pairs.mjs").Pair} pair
 * @param {readonly import("./traffic.mjs").Site[]} sites
 */
export function writeClientDirectory({ certificate, privateKey }, sites) {
  const directory = mkdtempSync(join(tmpdir(), "lxa-bench-"));
  atEnd(`removing ${directory}`, () => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, "servercerts"));
  writeFileSync(join(directory, "client.crt"), certificate);
  writeFileSync(join(directory, "client.key"), privateKey, { mode: 0o600 });
  const remotes = sites.map(({ server, proxy }, index) => {
    writeFileSync(join(directory, "servercerts", `${remoteNameOf(index)}.crt`), server.certificate);
    const entry = { addr: `https://${proxy.address}`, auth_type: "tls", protocol: "lxd", public: false };
    return [remoteNameOf(index), entry];
  });
  // JSON is YAML, too.
  const config = { "default-remote": remoteNameOf(0), remotes: Object.fromEntries(remotes) };
  writeFileSync(join(directory, "config.yml"), JSON.stringify(config));
  return directory;
}
