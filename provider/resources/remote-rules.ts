/** The mistakes in a Remote's inputs that no single property shows. Called with whatever was given, they doubt every type. */
import { describeRemoteNameProblem } from "../client-config/remote-name";
import type { CheckFailure, RawInputs } from "../handler";
import { describeServerAddressProblem } from "../lxd/address";
import { decodeTrustToken } from "../lxd/trust-token";
import { describePairProblem } from "../properties";
import { unknownValue } from "../unknown";
import { pkcs12Rules } from "./pkcs12";
import { describeImageServerProblem, isImageServer } from "./remote-schema";

export function remoteRules(inputs: RawInputs): CheckFailure[] {
  return [
    ...nameRules(inputs),
    ...kindRules(inputs),
    ...pairRules(inputs),
    ...configRules(inputs),
    ...pkcs12Rules(inputs),
  ];
}

/** Which names the clients keep for themselves depends on the client. */
function nameRules({ name, configFlavor }: RawInputs): CheckFailure[] {
  if (typeof name !== "string" || name === unknownValue || configFlavor === unknownValue) return [];
  const reason = describeRemoteNameProblem(name, configFlavor === "incus" ? "incus" : "lxd");
  return reason === undefined ? [] : [{ property: "name", reason }];
}

/** An image server and one that is joined have other inputs. Until it is known which of them it is, none is wrong. */
function kindRules(inputs: RawInputs): CheckFailure[] {
  const { token, protocol } = inputs;
  const bothPins = pinsOf(inputs).every((pin) => pin !== undefined && pin !== unknownValue);
  const reason = "is one pin too many beside serverCertificate; keep one of them";
  const mistakes = bothPins ? [{ property: "serverFingerprint", reason }] : [];
  if (isImageServer(inputs)) return [...mistakes, ...imageServerRules(inputs)];
  const problem = describeTokenProblem(token);
  if (problem !== undefined) mistakes.push({ property: "token", reason: problem });
  if (inputs["public"] === unknownValue || protocol === unknownValue) return mistakes;
  mistakes.push(...joiningRules(inputs));
  if (protocol !== undefined) {
    const reason =
      "is for image servers, with public: true; a server that is joined says itself what it speaks";
    mistakes.push({ property: "protocol", reason });
  }
  return mistakes;
}

/**
 * There must be a way to know the server. A pin beside a token goes before the fingerprint inside it, because after a
 * rotation of the server's certificate the token still names the old one.
 */
function joiningRules(inputs: RawInputs): CheckFailure[] {
  const { token, addresses } = inputs;
  const mistakes: CheckFailure[] = [];
  if (token === undefined) {
    if (pinsOf(inputs).every((pin) => pin === undefined)) {
      const reason =
        "is required; without a token give serverFingerprint or serverCertificate: a server is never trusted on first use";
      mistakes.push({ property: "token", reason });
    }
    if (addresses === undefined)
      mistakes.push({ property: "addresses", reason: "is required without a token" });
  }
  return [...mistakes, ...addressRules(addresses, describeServerAddressProblem)];
}

/** Only the client directory is written. Without a pin the system's CAs vouch for the server, as they do for the client. */
function imageServerRules(inputs: RawInputs): CheckFailure[] {
  const { addresses, protocol } = inputs;
  const isSimplestreams = protocol === "simplestreams";
  const mistakes = notOfImageServers
    .filter((property) => inputs[property] !== undefined)
    .map((property) => ({ property, reason: "has no meaning for an image server, which nobody joins" }));
  if (isSimplestreams && inputs["public"] === false)
    mistakes.push({ property: "public", reason: "must be true or left out with protocol simplestreams" });
  if (addresses === undefined)
    mistakes.push({ property: "addresses", reason: "is required for an image server" });
  if (Array.isArray(addresses) && addresses.length > 1)
    mistakes.push({ property: "addresses", reason: "must be one address for an image server" });
  if (isSimplestreams) {
    mistakes.push(...addressRules(addresses, describeImageServerProblem));
    if (inputs["serverFingerprint"] !== undefined) {
      const reason =
        "cannot be looked up with protocol simplestreams; give serverCertificate, or none for the system's CAs";
      mistakes.push({ property: "serverFingerprint", reason });
    }
  } else if (protocol !== unknownValue) {
    mistakes.push(...addressRules(addresses, describeServerAddressProblem));
  }
  if (inputs["configDir"] === undefined)
    mistakes.push({
      property: "configDir",
      reason: "is required for an image server: it is written there only",
    });
  return mistakes;
}

const notOfImageServers = [
  ...["token", "clientCertificate", "clientKey", "project", "pkcs12Password", "pkcs12Encryption"],
  "revokeOnDelete",
];

function addressRules(
  addresses: unknown,
  describeProblem: (text: string) => string | undefined,
): CheckFailure[] {
  if (!Array.isArray(addresses)) return [];
  return addresses.flatMap((address: unknown, index) => {
    if (typeof address !== "string" || address === unknownValue) return [];
    const reason = describeProblem(address);
    return reason === undefined ? [] : [{ property: `addresses[${index}]`, reason }];
  });
}

function pinsOf({ serverFingerprint, serverCertificate }: RawInputs): unknown[] {
  return [serverFingerprint, serverCertificate];
}

function describeTokenProblem(token: unknown): string | undefined {
  if (typeof token !== "string" || token === unknownValue) return undefined;
  return decodeTrustToken(token) === undefined ? "is not a trust token as servers issue them" : undefined;
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
  if (inputs["configDir"] !== undefined || isImageServer(inputs)) return [];
  return ["setDefault", "configFlavor"]
    .filter((property) => inputs[property] !== undefined)
    .map((property) => ({ property, reason: "needs configDir" }));
}
