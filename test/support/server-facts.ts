import type { ProfileName } from "./double/profiles";
import { addressFacts } from "./facts/address-facts";
import type { Case } from "./facts/exchanges";
import { identityFacts } from "./facts/identity-facts";
import { redemptionFacts } from "./facts/redemption-facts";
import { tokenFacts } from "./facts/token-facts";
import { trustFacts } from "./facts/trust-facts";
import { visibilityFacts } from "./facts/visibility-facts";

/**
 * What is known about a server of this version, as cases that are played against the double and against the real
 * server alike: a double is believed as far as both pass.
 */
export function serverFacts(server: ProfileName): Case[] {
  const facts = {
    ...{ ...addressFacts, ...visibilityFacts, ...trustFacts },
    ...{ ...tokenFacts, ...redemptionFacts, ...identityFacts },
  };
  return Object.entries(facts)
    .map(([name, steps]): Case => ({ name, needs: needsOf(name, server), steps: steps(server) }))
    .filter(({ steps }) => steps.length > 0);
}

function needsOf(name: string, server: ProfileName): Case["needs"] {
  if (!/wildcard|all interfaces/.test(name)) return [];
  return server === "lxd-6" ? ["IPv6", "port 8443"] : ["IPv6"];
}
