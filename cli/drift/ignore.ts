/**
 * Rules that say which findings to pass over: from the command line, or from a file in which each has a reason and may have a last
 * day, so that what is passed over is known and does not stay so by accident.
 */
import { parse } from "yaml";
import * as z from "zod";
import { messageOf, quoted, refuse } from "../../provider/errors";
import type { Finding, RawFinding } from "./report";

/** What a rule may say of findings; all of it has to fit. `*` stands for any characters. */
const marks = {
  resource: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Name of the resource, or its URN; of what nobody manages, its own name." }),
  type: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "HttpsAddress, TrustToken, Remote, ClientCertificate, client, token or listener." }),
  property: z.string().min(1).optional().meta({ description: "The property that differs." }),
  server: z.string().min(1).optional().meta({ description: "The server, as the report names it." }),
};
type Mark = keyof typeof marks;
const names = Object.keys(marks) as Mark[];

const ruleInFile = z
  .strictObject({
    ...marks,
    reason: z.string().trim().min(1, "must say why"),
    until: z.iso.date("must be a day, as in 2027-01-31").optional(),
  })
  .refine((rule) => names.some((name) => rule[name] !== undefined), {
    message: `must name what to ignore: ${names.join(", ")}`,
  });

const ignoreFile = z.strictObject({ ignore: z.array(ruleInFile) });

/** A rule. `until` is the last day on which it holds, in UTC. */
export type IgnoreRule = z.infer<typeof ruleInFile>;

/** A rule of the command line, as in `type=TrustToken,property=projects`. INPUT_INVALID where it is none. */
export function parseIgnoreOption(text: string): IgnoreRule {
  const pairs = text.split(",").map((part) => {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    return [name.trim(), value.trim()] as const;
  });
  const wrong = pairs.find(([name, value]) => !isMark(name) || value === "");
  if (wrong !== undefined || new Set(pairs.map(([name]) => name)).size < pairs.length)
    refuse(
      "INPUT_INVALID",
      `--ignore ${JSON.stringify(text)} is no rule. Give ${names.map((name) => `${name}=…`).join(", ")}, one or several with commas ` +
        "between them, each once. For values that hold a comma use --ignore-file",
    );
  return { ...Object.fromEntries(pairs), reason: "--ignore" };
}

/** The rules of a file, by its content. INPUT_INVALID names what is wrong in it. */
export function parseIgnoreFile(path: string, text: string): IgnoreRule[] {
  const parsed = ignoreFile.safeParse(readYaml(path, text));
  if (parsed.success) return parsed.data.ignore;
  const mistakes = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`,
  );
  return refuse(
    "INPUT_INVALID",
    `${path} holds no rules to ignore by: ${mistakes.join("; ")}. It is YAML: a list \`ignore\`, each of whose entries has a reason, ` +
      `may have \`until\`, and has one or several of ${names.join(", ")}`,
  );
}

/** The first rule that fits a finding on a day. */
export function ruleFor(finding: RawFinding, rules: readonly IgnoreRule[], now: Date): Finding["ignored"] {
  const rule = rules.find((one) => !hasEnded(one, now) && fits(one, finding));
  return rule && { reason: rule.reason, until: rule.until };
}

/** Rules that have ended, as sentences. */
export function describeEnded(rules: readonly IgnoreRule[], now: Date): string[] {
  return rules
    .filter((rule) => hasEnded(rule, now))
    .map((rule) => {
      const what = names.flatMap((name) => (rule[name] === undefined ? [] : [`${name}=${rule[name]}`]));
      return `The rule to ignore ${quoted([what.join(",")])} (${rule.reason}) ended on ${String(rule.until)} and is not followed any more`;
    });
}

function hasEnded({ until }: IgnoreRule, now: Date): boolean {
  return until !== undefined && now.toISOString().slice(0, 10) > until;
}

function fits(rule: IgnoreRule, { name, urn, type, property, server }: RawFinding): boolean {
  return (
    matches(rule.resource, name, urn) &&
    matches(rule.type, type) &&
    matches(rule.property, property) &&
    matches(rule.server, server)
  );
}

function matches(pattern: string | undefined, ...values: (string | undefined)[]): boolean {
  if (pattern === undefined) return true;
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const wanted = new RegExp(`^${parts.join(".*")}$`, "su");
  return values.some((value) => value !== undefined && wanted.test(value));
}

function isMark(name: string): name is Mark {
  return Object.hasOwn(marks, name);
}

function readYaml(path: string, text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (error) {
    return refuse("INPUT_INVALID", `${path} is no YAML: ${messageOf(error)}`);
  }
}
