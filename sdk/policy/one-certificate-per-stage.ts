import { createHash, X509Certificate } from "node:crypto";
import { hostOf } from "./network";
import { matchesWord } from "./pattern";
import { known, partsOf, type Props, type StackResource, shown, stackRule, texts } from "./rule";

interface Config {
  stages: Record<string, string[]>;
}

/** A client's certificate that a resource uses on a server. */
interface Use {
  readonly resource: StackResource;
  /** Its fingerprint, or before it is known the URN of its ClientCertificate. */
  readonly certificate: string;
}

/** A client that gets into one stage does not thereby get into another one. */
export const oneCertificatePerStage = stackRule<Config>({
  name: "one-certificate-per-stage",
  description:
    "A client certificate that is used in several stages joins them: whoever takes the key from a test machine is let into production.",
  enforcementLevel: "advisory",
  severity: "high",
  remediationSteps:
    "Make a ClientCertificate for each stage, and give each Remote that of its own. If the rule takes something for the wrong stage, say in stages how yours are named.",
  configuration: {
    stages: {
      type: "object",
      additionalProperties: texts,
      default: {
        production: ["prod", "production", "prd", "live"],
        staging: ["staging", "stage", "stg", "preprod"],
        testing: ["test", "testing", "tst", "qa"],
        development: ["dev", "development", "sandbox"],
      },
      description:
        "How to know a stage: patterns for names of servers, hosts, projects, remotes, clients and resources. Without `*` a pattern is a word in the name, with it all of the name. The object takes the default's place.",
    },
  },
  validate({ resources, config: { stages }, report }) {
    const uses = resources.flatMap((resource) => usesOf(resource, resources));
    for (const certificate of new Set(uses.map((use) => use.certificate))) {
      const own = uses.filter((use) => use.certificate === certificate).map(({ resource }) => resource);
      const found = Object.keys(stages)
        .map((stage) => ({
          stage,
          members: own.filter((resource) => stagesOf(resource, stages).includes(stage)),
        }))
        .filter(({ members }) => members.length > 0);
      if (found.length < 2) continue;
      const maker = resources.find((resource) => isMaker(resource) && identityOf(resource) === certificate);
      const places = found.map(({ stage, members }) => `${stage} (${members.map(describe).join(", ")})`);
      report(
        `${maker === undefined ? `The client certificate ${certificate.slice(0, 12)}…` : describe(maker)} is used in ${places.join(" and in ")}. ` +
          "Whoever takes its key from one of these is let into the others. Make a certificate for each of them; where these are one stage, say so in stages.",
        maker?.urn ?? own[0]?.urn,
      );
    }
  },
});

function isMaker({ kind }: StackResource): boolean {
  return kind === "ClientCertificate";
}

/** What tells a ClientCertificate from others. */
function identityOf({ props, urn }: StackResource): string {
  return fingerprint(known(props, "fingerprint")) ?? urn;
}

/** The certificates with which a resource has a client on a server. */
function usesOf(resource: StackResource, resources: readonly StackResource[]): Use[] {
  const { props, sourcesOf } = resource;
  const connection = connectionOf(resource);
  const certificates = [
    fingerprint(known(props, "clientFingerprint")) ?? fingerprintOf(known(props, "clientCertificate")),
    fingerprintOf(known(connection, "clientCertificate")),
    // In a preview a new certificate is not known yet, but which resource makes it.
    ...["clientCertificate", "clientFingerprint", "connection"].map((property) => {
      const makers = resources.filter((one) => isMaker(one) && sourcesOf(property).includes(one.urn));
      return makers.length === 1 ? makers.map(identityOf)[0] : undefined;
    }),
  ];
  const used = certificates.filter((certificate) => certificate !== undefined);
  return [...new Set(used)].map((certificate) => ({ resource, certificate }));
}

/** The stages of what a resource is about: as its server says, or else its projects, or else its names. */
function stagesOf(resource: StackResource, stages: Config["stages"]): string[] {
  for (const names of namesOf(resource)) {
    const found = names.flatMap((name) => stagesIn(name, stages));
    if (found.length > 0) return found;
  }
  return [];
}

/** The stages that a name tells. The end of a host's, as in prod.example.dev, tells one only where nothing else in it does. */
function stagesIn(name: string, stages: Config["stages"]): string[] {
  const matching = (matches: (pattern: string) => boolean): string[] =>
    Object.keys(stages).filter((stage) => stages[stage]?.some(matches));
  const start = name.replace(/\.\p{L}+\.?$/u, "");
  const told = matching((pattern) => matchesWord(pattern.includes("*") ? name : start, pattern));
  return told.length > 0 ? told : matching((pattern) => matchesWord(name, pattern));
}

/** How a resource reaches the server that it administers; a provider is that itself. */
function connectionOf({ kind, props }: StackResource): Props {
  return kind === "Provider" ? props : partsOf(known(props, "connection"));
}

/** Names that tell the stage, those that tell it best first. */
function namesOf(resource: StackResource): string[][] {
  const { name, props } = resource;
  const connection = connectionOf(resource);
  const addresses = [
    ...["address", "resolvedAddress"].map((property) => known(props, property)),
    ...listOf(props, "addresses"),
    known(connection, "address"),
    known(partsOf(known(connection, "ssh")), "host"),
  ];
  const server = [known(props, "serverName"), known(partsOf(known(props, "server")), "name")];
  // The outputs of a joined Remote list all projects that its client may see; which it is for is what was given.
  const inputs = partsOf(known(props, "given") ?? props);
  return [
    [...server, ...addresses.filter(isText).map(hostOf), known(connection, "remote")].filter(isText),
    [known(inputs, "project"), ...listOf(inputs, "projects")].filter(isText),
    [known(props, "name"), known(inputs, "clientName"), name].filter(isText),
  ];
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** The members of a list, those that are known. */
function listOf(props: Props, property: string): unknown[] {
  const list = known(props, property);
  if (!Array.isArray(list)) return [];
  return Array.from({ length: list.length }, (_, index) => known(list as unknown as Props, String(index)));
}

function describe({ kind, name }: StackResource): string {
  return `${kind} ${shown(name)}`;
}

/** A fingerprint, however it is written. */
function fingerprint(value: unknown): string | undefined {
  return isText(value) ? value.replaceAll(":", "").toLowerCase() : undefined;
}

/** The fingerprint of a certificate, PEM; undefined where it is none. */
function fingerprintOf(pem: unknown): string | undefined {
  if (!isText(pem)) return undefined;
  try {
    return createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
  } catch {
    return undefined;
  }
}
