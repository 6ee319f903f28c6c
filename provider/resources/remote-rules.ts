/** The mistakes in a Remote's inputs that no single property shows. */
import type { CheckFailure, RawInputs } from "../handler";
import { decodeTrustToken } from "../lxd/trust-token";
import { unknownValue } from "../unknown";

/** Called with whatever was given, so it doubts every type. */
export function remoteRules(inputs: RawInputs): CheckFailure[] {
  return [...pinRules(inputs), ...pairRules(inputs), ...configRules(inputs)];
}

/**
 * The mistakes in the token and the pin: there must be a way to know the server. A pin beside a token goes before the
 * fingerprint inside it, because after a rotation of the server's certificate the token still names the old one.
 */
function pinRules(inputs: RawInputs): CheckFailure[] {
  const { token, serverFingerprint, serverCertificate, addresses } = inputs;
  if (serverFingerprint !== undefined && serverCertificate !== undefined) {
    return [
      { property: "serverFingerprint", reason: "give one pin, serverFingerprint or serverCertificate" },
    ];
  }
  if (token === undefined) {
    const missing: CheckFailure[] = [];
    if (serverFingerprint === undefined && serverCertificate === undefined) {
      const reason =
        "is required; without a token give serverFingerprint or serverCertificate: a server is never trusted on first use";
      missing.push({ property: "token", reason });
    }
    if (addresses === undefined)
      missing.push({ property: "addresses", reason: "is required without a token" });
    return missing;
  }
  if (typeof token !== "string" || token === unknownValue) return [];
  const decoded = decodeTrustToken(token);
  if (decoded === undefined)
    return [{ property: "token", reason: "is not a trust token as servers issue them" }];
  if (decoded.kind === "identity") {
    const reason = "is for a TLS identity, which this release cannot redeem; use a certificate add token";
    return [{ property: "token", reason }];
  }
  return [];
}

function pairRules({ clientCertificate, clientKey }: RawInputs): CheckFailure[] {
  if ((clientCertificate === undefined) === (clientKey === undefined)) return [];
  const [present, missing] =
    clientKey === undefined ? ["clientCertificate", "clientKey"] : ["clientKey", "clientCertificate"];
  return [{ property: missing, reason: `is required beside ${present}` }];
}

function configRules(inputs: RawInputs): CheckFailure[] {
  if (inputs["configDir"] !== undefined) return [];
  return ["setDefault", "configFlavor"]
    .filter((property) => inputs[property] !== undefined)
    .map((property) => ({ property, reason: "needs configDir" }));
}
