import { isGiven, resourceRule } from "./rule";

/** Clients are invited as TLS identities, whose rights come from groups. */
export const identityTokens = resourceRule({
  name: "identity-tokens",
  description:
    "The secret of a certificate token that waits can be read by other clients of the server, and its client gets all rights in a project or none. An identity's token is told only once, and its rights are those of its groups.",
  enforcementLevel: "advisory",
  severity: "medium",
  remediationSteps:
    "Give groups instead of projects or restricted, on LXD from 5.21.3 and 6.2 on. Incus and LXD 5.0 have no such identities: disable the rule there.",
  looksAt: {
    TrustToken({ props, report }) {
      const { kind } = props;
      if (kind === "identity" || (kind !== "certificate" && isGiven(props, "groups"))) return;
      report(
        `${kind === "certificate" ? 'kind is "certificate"' : "groups is not given"}: the client would be an entry of the trust store. ` +
          'Where the server has identities (LXD from 5.21.3 and 6.2 on), give groups instead, such as groups: ["operators"].',
      );
    },
  },
});
