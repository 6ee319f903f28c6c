/**
 * The report of `lxd-access drift`: what every format shows, and as JSON a file for other programs and for `--new-since`.
 * Nothing in it is secret. Its version changes when something is taken out of it or means something else; what is added
 * does not change it, so whoever reads it should pass over what they do not know.
 */
import * as z from "zod";

/** How a resource of the stack stands to the world. */
const statuses = ["in-sync", "changed", "gone", "unreachable", "failed"] as const;

/**
 * What can be found. `changed`, `gone` and the unmanaged ones are drift; `unreachable` and `failed` mean that it could not be told;
 * `expiring` is neither.
 */
const kinds = [
  "changed",
  "gone",
  "unreachable",
  "failed",
  "expiring",
  "unmanaged-client",
  "unmanaged-token",
  "unmanaged-listener",
] as const;

const time = z.iso.datetime({ offset: true });

const finding = z.object({
  key: z.string().meta({
    description: "The same for the same finding in every report, so that two can be compared. SHA-256, hex.",
  }),
  kind: z.enum(kinds).meta({ description: "What was found." }),
  stack: z
    .string()
    .optional()
    .meta({ description: "The stack of the resource, PROJECT/STACK. Absent for what nobody manages." }),
  urn: z
    .string()
    .optional()
    .meta({ description: "The resource in the stack. Absent for what nobody manages." }),
  name: z.string().meta({
    description: "The resource's name in the program; else the client's, token's or listener's own.",
  }),
  type: z.string().meta({
    description:
      "HttpsAddress, TrustToken, Remote or ClientCertificate; else client, token or listener, or server where that could not be looked at.",
  }),
  server: z.string().optional().meta({ description: "The server that it is about, as in `servers`." }),
  property: z.string().optional().meta({ description: "Of a change, the property." }),
  expected: z
    .json()
    .optional()
    .meta({ description: "Of a change, the value that the stack has; `[secret]` for a secret." }),
  found: z.json().optional().meta({ description: "Of a change, the value that was found." }),
  reason: z
    .string()
    .optional()
    .meta({ description: "Of a change, what is wrong, where its values do not say it." }),
  expiresAt: time.optional().meta({ description: "Of what expires, when." }),
  code: z
    .string()
    .optional()
    .meta({ description: "Where it could not be told, the error's code, such as LXD_UNREACHABLE." }),
  message: z.string().meta({ description: "All of it in one sentence, for people." }),
  source: z.object({ file: z.string(), line: z.int() }).optional().meta({
    description:
      "Where the program declares the resource: a path relative to the project's folder, and a line from 1.",
  }),
  ignored: z
    .object({ reason: z.string(), until: z.iso.date().optional() })
    .optional()
    .meta({ description: "That a rule says to pass over it, why, and the last day on which it does (UTC)." }),
  isNew: z
    .boolean()
    .meta({ description: "Whether the report before did not have it. Always true without one." }),
});

const resource = z.object({
  stack: z.string().meta({ description: "PROJECT/STACK." }),
  urn: z.string(),
  name: z.string().meta({ description: "Its name in the program." }),
  type: z.string().meta({ description: "HttpsAddress, TrustToken, Remote or ClientCertificate." }),
  id: z.string(),
  server: z
    .string()
    .optional()
    .meta({ description: "The server that it is on, as in `servers`; a ClientCertificate is on none." }),
  status: z.enum(statuses),
  notes: z.array(z.string()).meta({ description: "What was told while it was looked at." }),
});

const server = z.object({
  name: z
    .string()
    .meta({ description: "Where it is, as in https://10.0.0.11:8443; what findings and resources name." }),
  serverName: z.string().optional().meta({ description: "What it calls itself." }),
  type: z.enum(["lxd", "incus"]).optional(),
  version: z.string().optional(),
  status: z.enum(["seen", "unreachable", "failed"]).meta({
    description:
      "Whether it could be told what on it nobody manages; where only Remotes lead to it, whether it answers.",
  }),
  clients: z
    .int()
    .optional()
    .meta({ description: "How many clients it trusts. Absent where only Remotes lead to it." }),
});

const expiry = z.object({
  what: z.enum(["token", "client certificate", "server certificate"]),
  name: z.string().meta({ description: "Whose: the client's name, or the server's." }),
  fingerprint: z.string().optional().meta({ description: "SHA-256 of the certificate, hex." }),
  server: z.string().optional(),
  urns: z.array(z.string()).meta({ description: "The resources that have it." }),
  expiresAt: time,
  isDue: z.boolean().meta({ description: "Whether it expires within the days asked for, or has expired." }),
});

export const driftReport = z
  .object({
    version: z.literal(1),
    generatedAt: time,
    outcome: z.enum(["in-sync", "drift", "unknown"]).meta({
      description:
        "What is new and not ignored: nothing, drift, or that something could not be told. Drift wins.",
    }),
    exitCode: z.union([z.literal(0), z.literal(1), z.literal(2)]).meta({
      description:
        "0 in sync, 2 drift (or what expires, with --fail-expiring), 1 where it could not be told.",
    }),
    expiringDays: z
      .number()
      .meta({ description: "Within how many days something expires to be told of it." }),
    failExpiring: z
      .boolean()
      .optional()
      .meta({ description: "Whether it was asked that what expires fails, too (--fail-expiring)." }),
    newSince: time
      .optional()
      .meta({ description: "When the report was made that this one is compared with." }),
    stacks: z.array(
      z.object({
        name: z.string().meta({ description: "PROJECT/STACK." }),
        resources: z.int().meta({ description: "How many resources of this provider it has." }),
      }),
    ),
    resources: z.array(resource),
    servers: z.array(server),
    expiries: z.array(expiry).meta({ description: "All that expires, the next one first." }),
    findings: z.array(finding),
    remembered: z.array(finding).meta({
      description:
        "Findings of earlier reports about what could not be looked at this time, so that they are not new when they are seen again.",
    }),
    notes: z
      .array(z.string())
      .meta({ description: "What else is to be known, such as rules that are out of date." }),
  })
  .meta({ id: "DriftReport", description: "What `lxd-access drift` found." });

export type DriftReport = z.infer<typeof driftReport>;
export type Finding = z.infer<typeof finding>;
export type ResourceReport = z.infer<typeof resource>;
export type ServerReport = z.infer<typeof server>;
export type Expiry = z.infer<typeof expiry>;

/** A finding as it was made, not yet compared with rules and earlier reports. */
export type RawFinding = Omit<Finding, "key" | "ignored" | "isNew">;

/** What was seen. */
export interface Observation extends Pick<
  DriftReport,
  "stacks" | "resources" | "servers" | "expiries" | "notes"
> {
  readonly findings: readonly RawFinding[];
}

/** Whether a finding counts: it is new, and no rule says to pass over it. */
export function counts({ isNew, ignored }: Finding): boolean {
  return isNew && ignored === undefined;
}

/** Whether a kind of finding is drift. */
export function isDrift({ kind }: Finding): boolean {
  return kind === "changed" || kind === "gone" || kind.startsWith("unmanaged-");
}
