/** The mistakes in a Remote's inputs that no single property shows. */
import { describeRemoteNameProblem } from "../client-config/remote-name";
import type { CheckFailure, RawInputs } from "../handler";
import { decodeTrustToken } from "../lxd/trust-token";
import { describePairProblem } from "../properties";
import { unknownValue } from "../unknown";

/** Called with whatever was given, so it doubts every type. */
export function remoteRules(inputs: RawInputs): CheckFailure[] {
  return [...nameRules(inputs), ...pinRules(inputs), ...pairRules(inputs), ...configRules(inputs)];
}

/** Which names the clients keep for themselves depends on the client. */
function nameRules({ name, configFlavor }: RawInputs): CheckFailure[] {
  if (typeof name !== "string" || name === unknownValue || configFlavor === unknownValue) return [];
  const reason = describeRemoteNameProblem(name, configFlavor === "incus" ? "incus" : "lxd");
  return reason === undefined ? [] : [{ property: "name", reason }];
}

/**
 * The mistakes in the token and the pin: there must be a way to know the server. A pin beside a token goes before the
 * fingerprint inside it, because after a rotation of the server's certificate the token still names the old one.
 */
function pinRules({ token, serverFingerprint, serverCertificate, addresses }: RawInputs): CheckFailure[] {
  const mistakes: CheckFailure[] = [];
  const pins = [serverFingerprint, serverCertificate];
  if (pins.every((pin) => pin !== undefined && pin !== unknownValue)) {
    const reason = "is one pin too many beside serverCertificate; keep one of them";
    mistakes.push({ property: "serverFingerprint", reason });
  }
  if (token === undefined) {
    if (pins.every((pin) => pin === undefined)) {
      const reason =
        "is required; without a token give serverFingerprint or serverCertificate: a server is never trusted on first use";
      mistakes.push({ property: "token", reason });
    }
    if (addresses === undefined)
      mistakes.push({ property: "addresses", reason: "is required without a token" });
  }
  const problem = describeTokenProblem(token);
  if (problem !== undefined) mistakes.push({ property: "token", reason: problem });
  return mistakes;
}

function describeTokenProblem(token: unknown): string | undefined {
  if (typeof token !== "string" || token === unknownValue) return undefined;
  const decoded = decodeTrustToken(token);
  if (decoded === undefined) return "is not a trust token as servers issue them";
  return decoded.kind === "identity"
    ? "is for a TLS identity, which this release cannot redeem; use a certificate add token"
    : undefined;
}

function pairRules({ clientCertificate, clientKey }: RawInputs): CheckFailure[] {
  if (clientCertificate !== undefined && clientKey !== undefined) {
    const reason = describePairProblem(clientCertificate, clientKey);
    return reason === undefined ? [] : [{ property: "clientKey", reason }];
  }
  if (clientCertificate === clientKey) return [];
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
