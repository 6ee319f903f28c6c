import { isGiven, type Looked, resourceRule } from "./rule";

/** What a program let in it puts out again, when it is taken out of the program. */
export const revokeOnDelete = resourceRule({
  name: "revoke-on-delete",
  description:
    "A client that stays trusted after its resource was deleted is in no program any more: nobody reviews its access, and nobody takes it away.",
  enforcementLevel: "advisory",
  severity: "medium",
  remediationSteps:
    "Leave revokeClientOnDelete and revokeOnDelete out, or make them true. A client that was imported stays trusted in any case, since it was there before: except it, and remove it on the server when its time has come.",
  looksAt: {
    TrustToken: (token) => {
      const isKnown = isGiven(token.props, "clientFingerprint");
      const imported =
        " One that was imported stays trusted in any case: except it from the rule, and remove it on the server when its time has come.";
      judge(token, "revokeClientOnDelete", isKnown ? imported : "");
    },
    Remote: (remote) => {
      judge(remote, "revokeOnDelete", "");
    },
  },
});

function judge({ props, report }: Looked<object>, property: string, more: string): void {
  if (props[property] !== false) return;
  report(
    `${property} is false: after a destroy the client is still trusted by the server, and no program knows of it. Leave ${property} out, or make it true.${more}`,
  );
}
