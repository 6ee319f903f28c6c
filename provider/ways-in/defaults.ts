/**
 * The connection that stack config and the environment give for resources that have none of their own. It is checked as
 * one in a program would be; an error names the setting or the variable and never shows a value.
 */
import * as z from "zod";
import {
  configNames,
  type Connection,
  connection,
  connectionRules,
  connectionVariables,
  onUnreachableVariable,
  type ProviderConfig,
  timeoutVariables,
} from "../connection";
import { waysIn } from "../connection-rules";
import { refuse } from "../errors";
import type { CheckFailure } from "../handler";
import { timeouts } from "../properties";
import { RecentTexts } from "../recent";
import { checkInputs } from "../schema";

/** Values by their path in a connection: `address`, `ssh.host`. */
type Values = ReadonlyMap<string, unknown>;

const variables: Readonly<Record<string, string | undefined>> = {
  ...connectionVariables,
  ...timeoutVariables,
};
const connectionPaths = Object.keys(connectionVariables);
const timeoutPaths = Object.keys(timeoutVariables);

/** Variables that give no property of a connection. */
const otherVariables = [onUnreachableVariable];
/** What the tests of this provider are told by. */
const testPrefix = "LXD_ACCESS_TEST_";

/** The ways in by the path that names each, and the paths of all that goes with it. */
const ways: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(waysIn).map(([way, others]) =>
    way === "ssh"
      ? ["ssh.host", connectionPaths.filter((path) => path.startsWith("ssh."))]
      : [way, [way, ...others]],
  ),
);

/** Of these one is enough: where config has one, the environment's others are left alone. */
const alternatives: readonly (readonly string[])[] = [
  ["serverFingerprint", "serverCertificate"],
  ...["ssh", "ssh.proxyJump"].flatMap((hop) => [
    [`${hop}.privateKey`, `${hop}.privateKeyPath`, `${hop}.agent`],
    [`${hop}.hostKeyFingerprint`, `${hop}.knownHostsPath`],
  ]),
];

const inputs = {
  args: z.strictObject({ connection: connection.optional() }),
  rules: (given: Readonly<Record<string, unknown>>): CheckFailure[] =>
    "connection" in given ? connectionRules(given["connection"]) : [],
};
const settings = { args: z.strictObject({ timeouts: timeouts.optional() }), rules: () => [] };

// Each look at each resource asks again, and mostly finds the same.
const recentConnections = new RecentTexts<{ readonly given?: Connection }>(100);
const recentTimeouts = new RecentTexts<{ readonly given?: Connection["timeouts"] }>(100);

/** All that is looked at. */
function textOf(config: ProviderConfig, environment: NodeJS.ProcessEnv): string {
  const variablesSet = Object.entries(environment).filter(([name]) => name.startsWith("LXD_ACCESS_"));
  return JSON.stringify([config, variablesSet]);
}

/**
 * The connection that they give; undefined where they name none. The way in is that of the config if it names one, else
 * that of the environment; what config lacks of that way comes from the environment.
 * @throws AccessError CONFIG_INVALID where what they give is no connection, or the environment something unknown.
 */
export function defaultConnection(
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
): Connection | undefined {
  const read = (): { given?: Connection } => ({ given: readConnection(config, environment) });
  return recentConnections.of(textOf(config, environment), read).given;
}

function readConnection(config: ProviderConfig, environment: NodeJS.ProcessEnv): Connection | undefined {
  const configured = readConfig(config);
  if (waysNamed(configured).length === 0) requireKnownVariables(environment);
  const used = usedOf(readEnvironment(environment, connectionPaths), configured);
  if (configured.size + used.size === 0) return undefined;
  const all = new Map([...used, ...configured]);
  const given = { connection: nested(all, ["ssh", "proxyJump"]) };
  // What is too little of one way in is no matter where another one is meant.
  const mistakes = waysNamed(all).length > 1 ? connectionRules(given.connection) : checkInputs(inputs, given);
  if (mistakes.length === 0) return inputs.args.parse(given).connection;
  const list = mistakes.map((mistake) => describeMistake(mistake, configured, used)).join("; ");
  const whose =
    used.size === 0
      ? "The stack's configuration of the server connection"
      : "The server connection of stack config and environment";
  return refuse("CONFIG_INVALID", `${whose} cannot be used: ${list}. ${nextStep(used)}`);
}

/**
 * The timeouts of stack config and environment, which hold for every way in.
 * @throws AccessError CONFIG_INVALID
 */
export function defaultTimeoutsOf(
  config: ProviderConfig,
  environment: NodeJS.ProcessEnv,
): Connection["timeouts"] {
  const read = (): { given?: Connection["timeouts"] } => ({ given: readTimeouts(config, environment) });
  return recentTimeouts.of(textOf(config, environment), read).given;
}

function readTimeouts(config: ProviderConfig, environment: NodeJS.ProcessEnv): Connection["timeouts"] {
  const text = config["timeouts"];
  const configured = new Map(
    text === undefined
      ? []
      : properties("timeouts", parseJson(text)).map(([path, value]) => [path, asNumber(value)] as const),
  );
  const variablesSet = [...readEnvironment(environment, timeoutPaths)];
  const used = new Map(variablesSet.filter(([path]) => !configured.has(path)));
  const given = nested(new Map([...used, ...configured]), ["timeouts"]);
  const mistakes = checkInputs(settings, given);
  if (mistakes.length === 0) return settings.args.parse(given).timeouts;
  const list = mistakes.map((mistake) => describeMistake(mistake, configured, used)).join("; ");
  return refuse("CONFIG_INVALID", `${list}. ${nextStep(used)}`);
}

/** A mistyped variable would leave the connection to the next source, and that may be another server. */
function requireKnownVariables(environment: NodeJS.ProcessEnv): void {
  const known = [...Object.values(variables), ...otherVariables];
  const unknown = Object.keys(environment).filter(
    (name) =>
      name.startsWith("LXD_ACCESS_") &&
      !name.startsWith(testPrefix) &&
      environment[name] !== "" &&
      !known.includes(name),
  );
  if (unknown.length === 0) return;
  refuse(
    "CONFIG_INVALID",
    `The environment has ${unknown.join(", ")}, which is nothing that a server connection has. Correct or unset it. ` +
      `There are ${known.join(", ")}`,
  );
}

function readConfig(config: ProviderConfig): Values {
  const values = new Map<string, unknown>();
  for (const name of configNames) {
    const text = config[name];
    if (text === undefined || name === "onUnreachable" || name === "timeouts") continue;
    const found = name === "ssh" ? properties(name, parseJson(text)) : [[name, text] as const];
    for (const [path, value] of found) values.set(path, asText(path, value));
  }
  return values;
}

/** The properties of an object and of a bastion in it, each with its path; anything else, or an empty one, as it is. */
function properties(path: string, value: unknown): (readonly [path: string, value: unknown])[] {
  const found = isObject(value) ? Object.entries(value) : [];
  if (found.length === 0) return [[path, value]];
  return found.flatMap(([key, one]) =>
    key === "proxyJump" && path === "ssh"
      ? properties(`${path}.${key}`, one)
      : [[`${path}.${key}`, one] as const],
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `pulumi config set --path` makes a number of whatever looks like one, ... */
function asText(path: string, value: unknown): unknown {
  if (path.endsWith(".port")) return asNumber(value);
  return typeof value === "number" ? String(value) : value;
}

/** ... but only of whole ones. In the environment everything is text. */
function asNumber(value: unknown): unknown {
  return typeof value === "string" && /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : value;
}

/** What the variables of these paths say. Those that are set but empty count as not set. */
function readEnvironment(environment: NodeJS.ProcessEnv, paths: readonly string[]): Values {
  const values = new Map<string, unknown>();
  for (const path of paths) {
    const text = environment[variables[path] ?? ""];
    if (text !== undefined && text !== "") values.set(path, fromText(path, text));
  }
  return values;
}

function fromText(path: string, text: string): unknown {
  if (path.endsWith(".port") || path.startsWith("timeouts.")) return asNumber(text);
  return path.endsWith(".agent") && /^(true|false)$/.test(text) ? text === "true" : text;
}

/** What is taken of the environment beside what is configured. */
function usedOf(environment: Values, configured: Values): Values {
  const named = waysNamed(configured);
  const taken = named.length > 0 ? named : waysNamed(environment);
  // Without any way in there is something left over of one: it is shown to be too little, rather than passed over.
  const paths = taken.length > 0 ? taken.flatMap((way) => ways[way] ?? []) : connectionPaths;
  // `agent: false` says only what is not to be used.
  const isSaid = (path: string): boolean => configured.has(path) && configured.get(path) !== false;
  const isConfigured = (path: string): boolean =>
    configured.has(path) ||
    alternatives.some((group) => group.includes(path) && group.some(isSaid)) ||
    (path.endsWith(".privateKeyPassphrase") && isSaid(path.replace(/privateKeyPassphrase$/, "agent")));
  // The rest of a bastion is nothing without its host, and may be meant for others.
  const isOfNoBastion = (path: string): boolean =>
    path.startsWith("ssh.proxyJump.") &&
    ![configured, environment].some((values) => values.has("ssh.proxyJump.host"));
  return new Map(
    [...environment].filter(([path]) => paths.includes(path) && !isConfigured(path) && !isOfNoBastion(path)),
  );
}

/** `ssh` names its way in with any property. */
function waysNamed(values: Values): string[] {
  return Object.keys(ways).filter((way) =>
    way === "ssh.host"
      ? [...values.keys()].some((path) => path === "ssh" || path.startsWith("ssh."))
      : values.has(way),
  );
}

/** The object that has these properties. `objects` are the names of those inside, from the outermost on. */
function nested(values: Values, [name, ...objects]: readonly string[]): Record<string, unknown> {
  const isInside = (path: string): boolean => path.startsWith(`${name ?? ""}.`);
  const inside = [...values].filter(([path]) => isInside(path));
  const own: Record<string, unknown> = Object.fromEntries([...values].filter(([path]) => !isInside(path)));
  // What is said to be something else than an object stays, so that it is found fault with.
  if (name === undefined || inside.length === 0 || !isObject(own[name] ?? {})) return own;
  const content = inside.map(([path, value]) => [path.slice(name.length + 1), value] as const);
  return { ...own, [name]: nested(new Map(content), objects) };
}

function describeMistake({ property, reason }: CheckFailure, configured: Values, used: Values): string {
  if (property === "connection") return `it ${reason}`;
  const path = property.replace(/^connection\./, "");
  const variable = variables[path];
  if (variable !== undefined && used.has(path)) return `${variable}: ${reason}`;
  const isNowhere = variable !== undefined && !configured.has(path);
  return `lxd-access:${path}${isNowhere ? ` (or ${variable})` : ""}: ${reason}`;
}

function nextStep(used: Values): string {
  return `Set or remove it with \`pulumi config\`${used.size === 0 ? "" : ", or in the environment"}`;
}

/** What is no JSON stays text, which is then no object. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
