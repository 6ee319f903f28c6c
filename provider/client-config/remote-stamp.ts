import { statSync } from "node:fs";
import { pairFilesOf } from "./client-pair";
import { configFileOf } from "./config-file";
import { pinFileOf } from "./server-entries";

/**
 * What changes with anything that a client directory (an absolute path) holds of a remote: its entry, its pin, and the pairs that
 * its client may use. Undefined where that cannot be told.
 */
export function remoteStamp(directory: string, name: string): string | undefined {
  try {
    const pairs = pairFilesOf({ directory, flavor: "incus", name });
    const files = [
      ...[configFileOf(directory), pinFileOf(directory, name)],
      ...pairs.flatMap(({ certificate, key }) => [certificate, key]),
    ];
    return files.map(stampOf).join(" ");
  } catch {
    return undefined;
  }
}

function stampOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? "none" : [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(".");
}
