import { createClientCertificate } from "../../../provider/pki/certificate";
import type { KeyAlgorithm, KeyPair } from "../../../provider/pki/certificate";

const made = new Map<KeyAlgorithm, Promise<KeyPair>>();

/** One pair per algorithm, named edge-1 and valid now, made once for all specs: an RSA key takes seconds. */
export function pairOf(keyAlgorithm: KeyAlgorithm): Promise<KeyPair> {
  const pair =
    made.get(keyAlgorithm) ??
    createClientCertificate({ commonName: "edge-1", keyAlgorithm, now: new Date() });
  made.set(keyAlgorithm, pair);
  return pair;
}
