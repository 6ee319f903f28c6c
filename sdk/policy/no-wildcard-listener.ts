import { isWildcard } from "./network";
import { resourceRule } from "./rule";

/** A server listens on addresses that were chosen, never on whatever interface it has or will get. */
export const noWildcardListener = resourceRule({
  name: "no-wildcard-listener",
  description:
    "A server that listens on every interface can be reached from each network that it is or will be connected to, also from those that nobody thought of.",
  enforcementLevel: "mandatory",
  severity: "high",
  remediationSteps:
    "Name one address in the network that the clients are in (address), or have the server's own address looked up (subnet, interface).",
  looksAt: {
    HttpsAddress({ props, report }) {
      const { address } = props;
      if (typeof address !== "string" || address === "" || !isWildcard(address)) return;
      report(
        "address names no interface: the server would listen on all that it has. " +
          'Name the address of the network that its clients are in, such as "10.0.0.11:8443", or use subnet or interface instead of address.',
      );
    },
  },
});
