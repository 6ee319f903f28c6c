import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { addressOf, hostOf, isInside, isWildcard, parseNetwork } from "./network";
import {
  forEachText,
  isGiven,
  known,
  partsOf,
  refuseConfiguration,
  resourceRule,
  shown,
  stackRule,
  texts,
} from "./rule";

interface Config {
  privateNetworks: string[];
  allowDnsNames: boolean;
}

const facts = {
  name: "no-public-address",
  description:
    "The API of a server lets whoever it trusts administer it, and lets everybody try. On a public address that is the whole internet.",
  enforcementLevel: "mandatory",
  severity: "high",
  remediationSteps:
    "Listen on an address in a private network and reach it through a VPN or SSH (connection.ssh). Add your own ranges to privateNetworks.",
  configuration: {
    privateNetworks: {
      ...texts,
      default: [
        // RFC 1918, shared addresses (RFC 6598) as VPNs use them, link-local, loopback.
        ...[
          "10.0.0.0/8",
          "172.16.0.0/12",
          "192.168.0.0/16",
          "100.64.0.0/10",
          "169.254.0.0/16",
          "127.0.0.0/8",
        ],
        ...["fc00::/7", "fe80::/10", "::1/128"],
      ],
      description: "Networks that are not public, each ADDRESS/LENGTH. The list takes the default's place.",
    },
    allowDnsNames: {
      type: "boolean",
      default: true,
      description:
        "Whether a DNS name may stand for an address. What it leads to is not looked up, so a name is let pass unless this is false.",
    },
  },
} as const;

const advice = "Choose one in a private network, or add yours to privateNetworks.";

const ofResource = resourceRule<Config>({
  ...facts,
  looksAt: {
    HttpsAddress({ props, config, report }) {
      const isPrivate = judgeFor(config);
      if (typeof props["address"] === "string" && !isWildcard(props["address"])) {
        const problem = describeProblem(props["address"], isPrivate, config);
        if (problem !== undefined) report(`address ${problem}. ${advice}`);
      }
      const { subnet } = props;
      const network = typeof subnet === "string" ? parseNetwork(subnet) : undefined;
      if (network !== undefined && !isPrivate(network))
        report(
          `subnet does not lie in a private network: the server's address in it may be public. ${advice}`,
        );
    },
    TrustToken({ props, config, report }) {
      const isPrivate = judgeFor(config);
      forEachText(props["addresses"], (address, index) => {
        const problem = describeProblem(address, isPrivate, config);
        if (problem !== undefined)
          report(`addresses[${index}], where the token's client looks for the server, ${problem}. ${advice}`);
      });
    },
  },
});

/** Which address an interface has is known only after the server was asked. */
const ofStack = stackRule<Config>({
  ...facts,
  validate({ resources, config, report }) {
    const isPrivate = judgeFor(config);
    for (const { kind, urn, props } of resources) {
      if (kind !== "HttpsAddress" || !isGiven(partsOf(known(props, "given")), "interface")) continue;
      const address = known(props, "resolvedAddress");
      if (typeof address !== "string") continue;
      const problem = describeProblem(address, isPrivate, config);
      if (problem !== undefined)
        report(
          `interface has an address that ${problem}. Name another interface, or a private subnet of the server.`,
          urn,
        );
    }
  },
});

/** No server is offered on an address that the whole internet reaches. */
export const noPublicAddress: ResourceValidationPolicy & StackValidationPolicy = {
  ...ofStack,
  ...ofResource,
};

type IsPrivate = (network: NonNullable<ReturnType<typeof addressOf>>) => boolean;

function judgeFor({ privateNetworks }: Config): IsPrivate {
  const networks = privateNetworks.map(
    (text) =>
      parseNetwork(text) ??
      refuseConfiguration(
        facts.name,
        `in privateNetworks ${shown(text)} is no network, such as "10.0.0.0/8"`,
      ),
  );
  return (network) => isInside(network, networks);
}

/** Why a server must not be reached at an address, as a phrase that follows it; undefined where it may. */
function describeProblem(text: string, isPrivate: IsPrivate, { allowDnsNames }: Config): string | undefined {
  const host = hostOf(text);
  const address = addressOf(host);
  if (address !== undefined)
    return isPrivate(address) ? undefined : "is in no private network: whoever reaches it can try to get in";
  if (allowDnsNames || /^localhost\.?$/i.test(host)) return undefined;
  return "is a DNS name, which may lead to any address";
}
