import { resourceRule } from "./rule";

interface Config {
  minDays: number;
}

/** Certificates are replaced before they end, by an ordinary update. */
export const clientCertificateRotation = resourceRule<Config>({
  name: "client-certificate-rotation",
  description:
    "A certificate that nobody replaces in time locks its clients out on the day it expires, on every server at once, and only an administrator of each server gets them in again.",
  enforcementLevel: "advisory",
  severity: "medium",
  remediationSteps:
    "Give rotateBeforeDays, at least as many days as lie between two updates. Remotes follow by themselves. A client directory of lxc has one pair for good: leave the pair to it, without a ClientCertificate, or except the certificate.",
  configuration: {
    minDays: {
      type: "integer",
      minimum: 1,
      default: 7,
      description: "Days before its end from which on a certificate has to be replaced, at least.",
    },
  },
  looksAt: {
    ClientCertificate({ props, config: { minDays }, report }) {
      const days = props["rotateBeforeDays"];
      if (days === undefined || days === null)
        report(
          `rotateBeforeDays is not given: the certificate is never replaced, and its clients are locked out when it expires. Give at least ${minDays}.`,
        );
      else if (typeof days === "number" && days < minDays)
        report(
          `rotateBeforeDays is less than ${minDays}: no update may run in so short a time before the certificate expires. Give ${minDays} or more.`,
        );
    },
  },
});
