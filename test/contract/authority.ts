/** A certificate authority made with openssl, for listeners whose certificates it signs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openssl } from "../unit/pki/openssl";

/** A certificate and its key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** An authority's own pair, which may sign others. */
export interface Authority extends Pair {
  /** A server's pair, for names such as "DNS:localhost" or "IP:127.0.0.1". */
  issue(...names: string[]): Pair;
}

/** Makes an authority and any number of certificates signed by it. */
export function makeAuthority(): Authority {
  const own = selfSigned("an authority", "basicConstraints=critical,CA:TRUE");
  return {
    ...own,
    issue: (...names) =>
      inDirectory((directory) => {
        const [key, request, authority, authorityKey, extensions] = ["key", "csr", "ca", "ca.key", "ext"].map(
          (file) => join(directory, file),
        ) as [string, string, string, string, string];
        writeFileSync(authority, own.certificate);
        writeFileSync(authorityKey, own.privateKey);
        writeFileSync(extensions, `subjectAltName=${names.join(",")}\n`);
        openssl(["req", "-new", ...newKey, "-subj", "/CN=a server", "-keyout", key, "-out", request]);
        const signing = ["-CA", authority, "-CAkey", authorityKey, "-days", "30", "-extfile", extensions];
        const certificate = openssl(["x509", "-req", "-in", request, ...signing]);
        return { certificate, privateKey: readFileSync(key, "utf8") };
      }),
  };
}

/** A pair as LXD makes for itself: self-signed, no authority, for names that nobody dials. */
export function makeServerPair(): Pair {
  return selfSigned("a server", "basicConstraints=critical,CA:FALSE");
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes"];

function selfSigned(name: string, extension: string): Pair {
  return inDirectory((directory) => {
    const key = join(directory, "key");
    const about = ["-subj", `/CN=${name}`, "-days", "30", "-addext", extension];
    const certificate = openssl(["req", "-x509", ...newKey, ...about, "-keyout", key]);
    return { certificate, privateKey: readFileSync(key, "utf8") };
  });
}

function inDirectory<Result>(work: (directory: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), "lxa-authority-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
