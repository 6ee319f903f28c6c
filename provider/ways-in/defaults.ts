/**
 * The connection that stack config and the environment give for resources that have none of their own. It is checked as
 * one in a program would be; an error names the setting or the variable and never shows a value.
 */
import { z } from "zod";
import {
  configNames,
  type Connection,
  connection,
  connectionRules,
  connectionVariables,
  type ProviderConfig,
} from "../connection";
import { waysIn } from "../connection-rules";
import { refuse } from "../errors";
import type { CheckFailure } from "../handler";
import { timeouts } from "../properties";
import { checkInputs } from "../schema";

/** Values by their path in a connection: `address`, `ssh.host`. */
type Values = ReadonlyMap<string, unknown>;

const variables: Readonly<Record<string, string | undefined>> = connectionVariables;
const variablePaths = Object.keys(connectionVariables);

/** The ways in by the path that names each, and the paths of all that goes with it. */
const ways: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(waysIn).map(([way, others]) =>
    way === "ssh"
      ? ["ssh.host", variablePaths.filter((path) => path.startsWith("ssh."))]
      : [way, [way, ...others]],
  ),
);

/** Of these one is enough: where config has one, the environment's others are left alone. */
const alternatives: readonly (readonly string[])[] = [
  ["serverFingerprint", "serverCertificate"],
  ["ssh.privateKey", "ssh.privateKeyPath", "ssh.agent"],
  ["ssh.hostKeyFingerprint", "ssh.knownHostsPath"],
];

const inputs = {
  args: z.strictObject({ connection: connection.optional() }),
  rules: (given: Readonly<Record<string, unknown>>): CheckFailure[] =>
    "connection" in given ? connectionRules(given["connection"]) : [],
};
const settings = { args: z.strictObject({ timeouts: timeouts.optional() }), rules: () => [] };

/**
 * The connection that they give; undefined where they name none. The way in is that of the config if it names one, else
 * that of the environment; what config lacks of that way comes from the environment.
 * @throws AccessError CONFIG_INVALID where what they give is no connection.
 */
export function defaultConnection(
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
): Connection | undefined {
  const configured = readConfig(config);
  const used = usedOf(readEnvironment(environment), configured);
  if (configured.size + used.size === 0) return undefined;
  const given = { connection: nested(new Map([...used, ...configured])) };
  const mistakes = checkInputs(inputs, given);
  if (mistakes.length === 0) return inputs.args.parse(given).connection;
  const list = mistakes.map((mistake) => describeMistake(mistake, configured, used)).join("; ");
  return used.size === 0
    ? refuse(
        "CONFIG_INVALID",
        `The stack's configuration of the server connection cannot be used: ${list}. ` +
          "Set or remove it with `pulumi config`",
      )
    : refuse(
        "CONFIG_INVALID",
        `The server connection of stack config and environment cannot be used: ${list}. ` +
          "Set or remove it with `pulumi config`, or in the environment",
      );
}

/**
 * The timeouts of stack config, which hold for every way in.
 * @throws AccessError CONFIG_INVALID
 */
export function defaultTimeoutsOf(config: ProviderConfig): Connection["timeouts"] {
  const text = config["timeouts"];
  if (text === undefined) return undefined;
  const given = { timeouts: numbersIn(parseJson(text)) };
  const mistakes = checkInputs(settings, given);
  if (mistakes.length === 0) return settings.args.parse(given).timeouts;
  const list = mistakes.map(({ property, reason }) => `lxd-access:${property}: ${reason}`).join("; ");
  return refuse("CONFIG_INVALID", `${list}. Set or remove it with \`pulumi config\``);
}

function readConfig(config: ProviderConfig): Values {
  const values = new Map<string, unknown>();
  for (const name of configNames) {
    const text = config[name];
    if (text === undefined || name === "onUnreachable" || name === "timeouts") continue;
    const ssh: unknown = name === "ssh" ? parseJson(text) : undefined;
    if (typeof ssh !== "object" || ssh === null || Array.isArray(ssh)) {
      values.set(name, name === "ssh" ? ssh : text);
      continue;
    }
    for (const [key, value] of Object.entries(ssh)) values.set(`ssh.${key}`, asText(key, value));
    if (Object.keys(ssh).length === 0) values.set("ssh", {});
  }
  return values;
}

/** `pulumi config set --path` makes a number of whatever looks like one, in the bastion's settings too. */
function asText(key: string, value: unknown): unknown {
  if (key === "proxyJump" && typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, one]: [string, unknown]) => [name, asText(name, one)]),
    );
  return typeof value === "number" && key !== "port" ? String(value) : value;
}

/** ... but only of whole ones. */
function numbersIn(given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]: [string, unknown]) => [key, asNumber(value)]),
  );
}

function asNumber(value: unknown): unknown {
  return typeof value === "string" && /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : value;
}

/** Variables that are set but empty count as not set. */
function readEnvironment(environment: NodeJS.ProcessEnv): Values {
  const values = new Map<string, unknown>();
  for (const path of variablePaths) {
    const text = environment[variables[path] ?? ""];
    if (text === undefined || text === "") continue;
    if (path === "ssh.port") values.set(path, asNumber(text));
    else values.set(path, path === "ssh.agent" && /^(true|false)$/.test(text) ? text === "true" : text);
  }
  return values;
}

/** What is taken of the environment beside what is configured. */
function usedOf(environment: Values, configured: Values): Values {
  const named = waysNamed(configured);
  const taken = named.length > 0 ? named : waysNamed(environment);
  // Without any way in there is something left over of one: it is shown to be too little, rather than passed over.
  const paths = taken.length > 0 ? taken.flatMap((way) => ways[way] ?? []) : variablePaths;
  const isConfigured = (path: string): boolean =>
    configured.has(path) ||
    alternatives.some((group) => group.includes(path) && group.some((other) => configured.has(other))) ||
    (path === "ssh.privateKeyPassphrase" && configured.has("ssh.agent"));
  return new Map([...environment].filter(([path]) => paths.includes(path) && !isConfigured(path)));
}

/** `ssh` names its way in with any property. */
function waysNamed(values: Values): string[] {
  return Object.keys(ways).filter((way) =>
    way === "ssh.host"
      ? [...values.keys()].some((path) => path === "ssh" || path.startsWith("ssh."))
      : values.has(way),
  );
}

function nested(values: Values): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const ssh: Record<string, unknown> = {};
  for (const [path, value] of values) {
    if (path.startsWith("ssh.")) ssh[path.slice("ssh.".length)] = value;
    else object[path] = value;
  }
  return Object.keys(ssh).length === 0 ? object : { ...object, ssh };
}

function describeMistake({ property, reason }: CheckFailure, configured: Values, used: Values): string {
  if (property === "connection") return `it ${reason}`;
  const path = property.replace(/^connection\./, "");
  const variable = variables[path];
  if (variable !== undefined && used.has(path)) return `${variable}: ${reason}`;
  const isNowhere = variable !== undefined && !configured.has(path);
  return `lxd-access:${path}${isNowhere ? ` (or ${variable})` : ""}: ${reason}`;
}

/** What is no JSON stays text, which is then no object. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
