import { resourceRule } from "./rule";

/** No token makes its client an administrator of the server. */
export const noUnrestrictedToken = resourceRule({
  name: "no-unrestricted-token",
  description:
    "Whoever redeems an unrestricted token administers the server, and with it everything that runs there: on LXD and Incus that is as good as root on the host.",
  enforcementLevel: "mandatory",
  severity: "critical",
  remediationSteps:
    "Give the projects that the client works in (projects), or on servers that have them groups with the rights it needs (groups).",
  looksAt: {
    TrustToken({ props, report }) {
      if (props["restricted"] !== false) return;
      report(
        "restricted is false: the client would be a full administrator of the server. " +
          'Name the projects that it works in instead, such as projects: ["ci"], or groups. Where it has to be an administrator, except this token from the rule.',
      );
    },
  },
});
