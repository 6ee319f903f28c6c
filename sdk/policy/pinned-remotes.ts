import { hostOf } from "./network";
import { matchesAll } from "./pattern";
import { forEachText, isGiven, resourceRule, shown, texts } from "./rule";

interface Config {
  trustedHosts: string[];
}

/**
 * A server is known by its certificate: the one that its token names, or one that the program names. A server that is to be
 * joined without either is refused by the provider too; an image server is not, and this rule asks for its pin.
 */
export const pinnedRemotes = resourceRule<Config>({
  name: "pinned-remotes",
  description:
    "Without a pin any authority that this machine trusts, and whoever gets a certificate from one, can pass for the server, and what an image server hands out runs on your hosts.",
  enforcementLevel: "advisory",
  severity: "medium",
  remediationSteps:
    "Give serverCertificate, or serverFingerprint where the server is LXD or Incus itself. Where authorities are enough, name the host in trustedHosts.",
  configuration: {
    trustedHosts: {
      ...texts,
      default: [],
      description:
        "Hosts, without port, for which the system's authorities are enough, such as a public image server's. `*` stands for any text.",
    },
  },
  looksAt: {
    Remote({ props, config, report }) {
      const isKnown = ["token", "serverFingerprint", "serverCertificate"].some((name) =>
        isGiven(props, name),
      );
      if (isKnown) return;
      const untrusted: string[] = [];
      if (config.trustedHosts.length > 0) {
        let count = 0;
        forEachText(props["addresses"], (address) => {
          count += 1;
          const host = hostOf(address);
          if (!config.trustedHosts.some((pattern) => matchesAll(host, pattern))) untrusted.push(host);
        });
        if (count > 0 && untrusted.length === 0) return;
      }
      const which = untrusted.length === 0 ? "" : ` (${untrusted.map(shown).join(", ")})`;
      const pin =
        props["protocol"] === "simplestreams"
          ? "serverCertificate"
          : "serverFingerprint or serverCertificate";
      report(
        `Neither token nor serverFingerprint nor serverCertificate is given: the server${which} is whoever has a certificate for its name. ` +
          `Give ${pin}, or name the host in trustedHosts.`,
      );
    },
  },
});
