import { resourceRule, shown } from "./rule";

interface Config {
  algorithms: string[];
  maxValidityDays: number;
}

/** Kinds of key that a ClientCertificate can have. */
const keyAlgorithms = ["ECDSA-P384", "ECDSA-P256", "Ed25519", "RSA-4096"];

/** What a ClientCertificate is made with where the program does not say. */
const byDefault = { keyAlgorithm: "ECDSA-P384", validityDays: 3650 };

/** Keys are of a kind that is allowed, and their certificates end in foreseeable time. */
export const clientCertificateLimits = resourceRule<Config>({
  name: "client-certificate-limits",
  description:
    "A key that was copied lets its holder in until its certificate expires, or somebody notices. By default that is ten years.",
  enforcementLevel: "advisory",
  severity: "medium",
  remediationSteps:
    "Give validityDays, and rotateBeforeDays with it; give keyAlgorithm. Both replace the certificate.",
  configuration: {
    algorithms: {
      type: "array",
      items: { type: "string", enum: keyAlgorithms },
      minItems: 1,
      default: keyAlgorithms,
      description: "Kinds of key that are allowed.",
    },
    maxValidityDays: {
      type: "integer",
      minimum: 1,
      default: 366,
      description: "Days for which a certificate may be valid.",
    },
  },
  looksAt: {
    ClientCertificate({ props, config: { algorithms, maxValidityDays }, report }) {
      const keyAlgorithm = props["keyAlgorithm"] ?? byDefault.keyAlgorithm;
      if (typeof keyAlgorithm === "string" && !algorithms.includes(keyAlgorithm))
        report(
          `keyAlgorithm${saidBy(props["keyAlgorithm"], byDefault.keyAlgorithm)} is not a kind of key that is allowed: allowed are ${algorithms.map(shown).join(", ")}. Give one of these.`,
        );
      const validityDays = props["validityDays"] ?? byDefault.validityDays;
      if (typeof validityDays === "number" && validityDays > maxValidityDays)
        report(
          `validityDays${saidBy(props["validityDays"], byDefault.validityDays)} is more than the ${maxValidityDays} that are allowed: whoever copies the key is let in for as long. ` +
            "Give a smaller number, with rotateBeforeDays so that the certificate is replaced in time.",
        );
    },
  },
});

function saidBy(given: unknown, byDefault: unknown): string {
  return given === undefined || given === null ? ` (${String(byDefault)} by default)` : "";
}
