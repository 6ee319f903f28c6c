/** From what was seen to what it means: what is passed over, what is new, and the exit code. */
import { createHash } from "node:crypto";
import { describeEnded, type IgnoreRule, ruleFor } from "./ignore";
import { counts, type DriftReport, type Finding, isDrift, type Observation, type RawFinding } from "./report";

/** By what findings are judged. */
export interface Judgement {
  readonly rules: readonly IgnoreRule[];
  /** The report to compare with. */
  readonly previous: DriftReport | undefined;
  readonly expiringDays: number;
  /** Whether what expires is as bad as drift. */
  readonly failExpiring: boolean;
  readonly now: Date;
}

/** The report of what was seen. */
export function judge(seen: Observation, judgement: Judgement): DriftReport {
  const { rules, previous, expiringDays, failExpiring, now } = judgement;
  const before = previous === undefined ? [] : knownBy(previous);
  const known = new Set(before.map(({ key }) => key));
  const findings = seen.findings.map((raw) => {
    const key = keyOf(raw, now);
    return { ...raw, key, ignored: ruleFor(raw, rules, now), isNew: !known.has(key) };
  });
  return {
    version: 1,
    generatedAt: now.toISOString(),
    ...verdict(findings, judgement),
    expiringDays,
    failExpiring,
    newSince: previous?.generatedAt,
    ...seen,
    findings,
    remembered: before.filter((finding) => couldNotBeSeen(finding, seen)),
    notes: [...seen.notes, ...describeEnded(rules, now)],
  };
}

/** What was ignored then and is not any more is new. */
function knownBy({ findings, remembered }: DriftReport): Finding[] {
  return [...findings.filter(({ ignored }) => ignored === undefined), ...remembered];
}

/** A server that is down for once makes nothing new of what is known of it. */
function couldNotBeSeen({ kind, urn, server }: Finding, { resources, servers }: Observation): boolean {
  if (kind === "unreachable" || kind === "failed") return false;
  const isUnseen = (status: string | undefined): boolean => status === "unreachable" || status === "failed";
  return urn === undefined
    ? isUnseen(servers.find(({ name }) => name === server)?.status)
    : isUnseen(resources.find((resource) => resource.urn === urn)?.status);
}

function verdict(
  findings: readonly Finding[],
  { failExpiring }: Judgement,
): Pick<DriftReport, "outcome" | "exitCode"> {
  const alarms = findings.filter(counts);
  if (alarms.some(isDrift)) return { outcome: "drift", exitCode: 2 };
  if (alarms.some(({ kind }) => kind !== "expiring")) return { outcome: "unknown", exitCode: 1 };
  return { outcome: "in-sync", exitCode: failExpiring && alarms.length > 0 ? 2 : 0 };
}

/**
 * Another value is another finding, and so is a certificate that has expired since. What a server said when it did not answer may
 * differ each time.
 */
function keyOf(finding: RawFinding, now: Date): string {
  const { kind, stack, urn, type, name, server, property, found, code, expiresAt } = finding;
  const hasExpired = expiresAt !== undefined && new Date(expiresAt) <= now;
  const parts = [kind, stack, urn, type, name, server, property, found, code, expiresAt, hasExpired];
  return createHash("sha256")
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest("hex");
}
