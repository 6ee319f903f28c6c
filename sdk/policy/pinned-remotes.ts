import { hostOf } from "./network";
import { matchesAll } from "./pattern";
import { forEachText, isGiven, resourceRule, texts } from "./rule";

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
      if (config.trustedHosts.length > 0) {
        const hosts: string[] = [];
        forEachText(props["addresses"], (address) => hosts.push(hostOf(address)));
        const isTrusted = (host: string): boolean =>
          config.trustedHosts.some((pattern) => matchesAll(host, pattern));
        if (hosts.length > 0 && hosts.every(isTrusted)) return;
      }
      const pin =
        props["protocol"] === "simplestreams"
          ? "serverCertificate"
          : "serverFingerprint or serverCertificate";
      report(
        `Neither token nor serverFingerprint nor serverCertificate is given: whoever has a certificate for its name is taken for the server. ` +
          `Give ${pin}, or name the host in trustedHosts.`,
      );
    },
  },
});
