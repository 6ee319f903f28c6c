/**
 * What all rules have in common: which resources they look at, how they are configured, and how they tell what they found.
 *
 * Resources are known by the text of their type, so that programs of every language are judged. What a program marks as secret
 * arrives here without its mark, and the engine masks nothing of it afterwards. So rules show no text of a program, only
 * properties and the names of resources, which are never secret.
 */
import type {
  EnforcementLevel,
  PolicyConfigSchema,
  ResourceValidationPolicy,
  Severity,
  StackValidationPolicy,
} from "@pulumi/policy";
import { typeOf } from "../dynamic-type";
import { matchesExactly } from "./pattern";

/** Resources of this package. Provider is the configuration that they share, the default connection. */
export type ResourceName = "ClientCertificate" | "HttpsAddress" | "Provider" | "Remote" | "TrustToken";

type Schemas = PolicyConfigSchema["properties"];

/** Inputs of a resource, or its outputs where a whole stack is looked at. What is unknown yet throws when it is read. */
export type Props = Readonly<Record<string, unknown>>;

/** A resource that a rule looks at. */
export interface Looked<Config> {
  readonly props: Props;
  readonly config: Config;
  /** Tells of a violation: which property, what is wrong with it, why that is a risk, what to do. */
  readonly report: (message: string) => void;
}

/** What a rule is, whatever it looks at. */
interface RuleFacts {
  readonly name: string;
  /** The risk. It is printed above each violation. */
  readonly description: string;
  readonly enforcementLevel: EnforcementLevel;
  readonly severity: Severity;
  readonly remediationSteps: string;
  /** What can be configured, with its defaults. */
  readonly configuration?: Readonly<Schemas>;
}

/** A list of texts, as JSON schema. */
export const texts = { type: "array", items: { type: "string" } } as const;

const common = {
  except: {
    ...texts,
    default: [],
    description:
      "Names of resources, in the program, that the rule does not look at. `*` stands for any text.",
  },
} satisfies Schemas;

/** A configuration that makes no sense. The run ends with it, since a rule that is half configured protects nobody. */
class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    // It is printed instead of the message, and where in this package it was found helps nobody.
    this.stack = message;
  }
}

/** Refuses the rule's configuration. */
export function refuseConfiguration(rule: string, problem: string): never {
  throw new ConfigurationError(`The configuration of the policy "${rule}": ${problem}.`);
}

/** A rule about single resources, each looked at before it is created or changed. */
export function resourceRule<Config = object>(
  facts: RuleFacts & {
    readonly looksAt: Partial<Record<ResourceName, (resource: Looked<Config>) => void>>;
  },
): ResourceValidationPolicy {
  const { looksAt, configuration, ...rest } = facts;
  return {
    ...rest,
    configSchema: { properties: schemaOf(configuration) },
    validateResource(args, report) {
      const kind = kinds.get(args.type);
      const look = kind && looksAt[kind];
      if (look === undefined)
        return args.notApplicable(`It is about ${Object.keys(looksAt).join(", ")} of lxd-access.`);
      const config = configOf(facts, args.getConfig());
      if (isExcepted(args.name, config)) return args.notApplicable(`${args.name} is excepted.`);
      look({ props: args.props, config: config as Config, report });
    },
  };
}

/** A resource of the stack, with the outputs that it has in the end. */
export interface StackResource {
  readonly kind: ResourceName;
  readonly name: string;
  readonly urn: string;
  readonly props: Props;
  /** URNs of the resources that a property comes from, also where its value is not known yet. */
  readonly sourcesOf: (property: string) => string[];
}

/** A stack that a rule looks at. */
export interface LookedStack<Config> {
  readonly resources: readonly StackResource[];
  readonly config: Config;
  /** Tells of a violation, by a resource if one is named. */
  readonly report: (message: string, urn?: string) => void;
}

/** A rule about all resources of a stack, looked at in the end. */
export function stackRule<Config = object>(
  facts: RuleFacts & { readonly validate: (stack: LookedStack<Config>) => void },
): StackValidationPolicy {
  const { validate, configuration, ...rest } = facts;
  return {
    ...rest,
    configSchema: { properties: schemaOf(configuration) },
    validateStack(args, report) {
      const config = configOf(facts, args.getConfig());
      const resources = args.resources.flatMap((resource): StackResource[] => {
        const { type, name, urn, props, propertyDependencies } = resource;
        const kind = kinds.get(type);
        if (kind === undefined || isExcepted(name, config)) return [];
        const sourcesOf = (property: string): string[] =>
          (propertyDependencies[property] ?? []).map((source) => source.urn);
        return [{ kind, name, urn, props, sourcesOf }];
      });
      validate({ resources, config: config as Config, report });
    },
  };
}

const kinds = new Map<string, ResourceName>([
  ...(["ClientCertificate", "HttpsAddress", "Remote", "TrustToken"] as const).flatMap((name) =>
    [typeOf(name), `lxd-access:index:${name}`].map((type) => [type, name] as const),
  ),
  ["pulumi:providers:pulumi-nodejs", "Provider"],
  ["pulumi:providers:lxd-access", "Provider"],
]);

/** Whether a property was given, also where its value is not known yet. It is not read for that. */
export function isGiven(props: Props, name: string): boolean {
  const value: unknown = Object.getOwnPropertyDescriptor(props, name)?.value;
  return value !== undefined && value !== null;
}

/** A property's value; undefined also where it is not known yet. */
export function known(props: Props, name: string): unknown {
  try {
    return props[name] ?? undefined;
  } catch {
    return undefined;
  }
}

/** The members of a value that is an object; of any other, none. */
export function partsOf(value: unknown): Props {
  return typeof value === "object" && value !== null ? (value as Props) : {};
}

/**
 * Looks at each text of a list. One that is not known yet keeps none of the others from being looked at; that it could not be
 * is told in the end.
 */
export function forEachText(list: unknown, look: (text: string, index: number) => void): void {
  if (!Array.isArray(list)) return;
  let unknown: unknown;
  for (let index = 0; index < list.length; index += 1) {
    let value: unknown;
    try {
      value = list[index];
    } catch (error) {
      unknown = error;
    }
    if (typeof value === "string") look(value, index);
  }
  if (unknown !== undefined) throw unknown as Error;
}

/** A name, or what a configuration says, as a message shows it: on one line, and steering no terminal. */
export function shown(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function schemaOf(configuration: RuleFacts["configuration"]): Schemas {
  return { ...configuration, ...common };
}

/** The configuration with its defaults. A key that there is not would leave the rule as it is, and nobody would know. */
function configOf({ name, configuration }: RuleFacts, given: object): { except: string[] } {
  const schema = schemaOf(configuration);
  const stranger = Object.keys(given).find((key) => !(key in schema));
  if (stranger !== undefined)
    refuseConfiguration(name, `there is no ${shown(stranger)}, only ${Object.keys(schema).join(", ")}`);
  const defaults = Object.entries(schema).map(([key, { default: value }]) => [key, value] as const);
  return { except: [], ...Object.fromEntries(defaults), ...given };
}

function isExcepted(name: string, { except }: { except: string[] }): boolean {
  return except.some((pattern) => matchesExactly(name, pattern));
}
