/** What a stack remembers, as `pulumi stack export --show-secrets` writes it: the resources of this package, and all its secrets. */
import * as z from "zod";
import { configNames, configurationOf, connection, type ProviderConfig } from "../../provider/connection";
import { messageOf, quoted, refuse } from "../../provider/errors";
import type { RawInputs } from "../../provider/handler";
import { parseJson } from "../../provider/json";
import { secretsOf } from "../../provider/lxd/trust-token";
import { handlers, type ResourceName } from "../../provider/registry";
import { describedProperties, secretPaths } from "../../provider/schema";
import { fromExported, valueAt } from "../../provider/secrets";
import { typeOf } from "../../sdk/dynamic-type";

/** Where a program declares something: a path relative to the project's folder, and a line from 1. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** A resource of this package in a stack. Inputs and outputs are plain, secrets included. */
export interface StackResource {
  readonly urn: string;
  /** In the program. */
  readonly name: string;
  /** As in `HttpsAddress`; one that this release does not know, too. */
  readonly type: string;
  readonly id: string;
  readonly inputs: RawInputs;
  readonly outputs: RawInputs;
  /** The configuration of its provider, of the last update. */
  readonly config: ProviderConfig;
  readonly source: SourceLine | undefined;
}

export interface Stack {
  /** PROJECT/STACK. */
  readonly name: string;
  readonly resources: readonly StackResource[];
  /** Those that a run has still to delete, and those that a program only reads. */
  readonly others: readonly StackResource[];
  /** What is to be known of it. */
  readonly notes: readonly string[];
  /** Texts that nobody may be shown. */
  readonly secrets: ReadonlySet<string>;
}

const properties = z.record(z.string(), z.unknown()).nullish();
const position = z.string().nullish();
/** A resource, as far as it is read. */
const resource = z.object({
  urn: z.string().startsWith("urn:pulumi:"),
  type: z.string(),
  id: z.string().nullish(),
  custom: z.boolean().nullish(),
  delete: z.boolean().nullish(),
  external: z.boolean().nullish(),
  provider: z.string().nullish(),
  inputs: properties,
  outputs: properties,
  sourcePosition: position,
  stackTrace: z.array(z.object({ sourcePosition: position })).nullish(),
});
type Exported = z.infer<typeof resource>;

/** Version 4 is version 3, and tells what it makes use of, which is no matter here. */
const exportedStack = z.object({
  version: z.union([z.literal(3), z.literal(4)]),
  deployment: z.object({
    resources: z.array(resource).nullish(),
    pending_operations: z
      .array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) }))
      .nullish(),
  }),
});

/**
 * Reads an exported stack. One that is empty does not tell its name: it is `named` then.
 * @throws AccessError CONFIG_INVALID where it is none.
 */
export function readStack(exported: unknown, named = "(empty)"): Stack {
  const parsed = exportedStack.safeParse(exported);
  if (!parsed.success) {
    const where = parsed.error.issues.map(({ path }) => path.join(".") || "all of it").join(", ");
    return refuse(
      "CONFIG_INVALID",
      `Reading the stack ${named}: this is no stack as Pulumi exports it, or one of a newer Pulumi (${where})`,
    );
  }
  const { resources, pending_operations: pending } = parsed.data.deployment;
  const all = resources ?? [];
  const secrets = new Secrets();
  const configs = configurations(all, secrets);
  const [first] = all;
  const ours: { isOther: boolean; read: StackResource }[] = [];
  for (const one of all) {
    const type = ourType(one);
    if (type === undefined) collect(one, secrets);
    else {
      const isOther = one.delete === true || one.external === true;
      ours.push({ isOther, read: readResource(one, type, configs, secrets) });
    }
  }
  return {
    name: first === undefined ? named : stackOf(first.urn),
    resources: ours.filter(({ isOther }) => !isOther).map(({ read }) => read),
    others: ours.filter(({ isOther }) => isOther).map(({ read }) => read),
    notes: describePending(pending ?? []),
    secrets: secrets.texts,
  };
}

function readResource(
  exported: Exported,
  type: string,
  configs: Configurations,
  secrets: Secrets,
): StackResource {
  const { urn, id, provider, sourcePosition, stackTrace } = exported;
  const { inputs, outputs } = plain(exported, type, secrets);
  const positions = [sourcePosition, ...(stackTrace ?? []).map((frame) => frame.sourcePosition)];
  return {
    ...{ urn, type, id: id ?? "", inputs, outputs, name: nameIn(urn) },
    config: configs.get(provider ?? "") ?? {},
    source: positions.map(sourceLine).find((line) => line !== undefined),
  };
}

/** Inputs and outputs as handlers take them. Their secrets are kept in mind. */
function plain(
  exported: Exported,
  type: string,
  secrets: Secrets,
): Pick<StackResource, "inputs" | "outputs"> {
  const handler = isKnown(type) ? handlers[type] : undefined;
  const told: readonly string[] = handler === undefined ? [] : describedProperties(handler.state);
  const part = (
    properties: Exported["inputs"],
    isHidden: (key: string) => boolean,
  ): Record<string, unknown> =>
    Object.assign(
      {},
      ...Object.entries(given(properties ?? {})).map(([key, value]) => {
        // Where a connection is an output of something, all of it is marked. What is secret in it the schema says.
        const isMoreThanSecret =
          isHidden(key) || (key === "connection" && isObject(value) && "plaintext" in value);
        return revealed(exported.urn, { [key]: value }, isMoreThanSecret ? new Secrets() : secrets);
      }),
    ) as Record<string, unknown>;
  const inputs = given(part(exported.inputs, () => false));
  // Outputs that the schema does not tell of are marked as a whole where any input is, which then is where the secret is.
  const outputs = given(part(exported.outputs, (key) => handler !== undefined && !told.includes(key)));
  for (const path of handler === undefined ? [] : secretPaths(handler.args))
    secrets.add(valueAt(inputs, path));
  for (const path of handler === undefined ? [] : secretPaths(handler.state))
    secrets.add(valueAt(outputs, path));
  return { inputs, outputs };
}

/** Without what the fronts keep for themselves, and what is null, which was left out. */
function given(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).filter(([key, value]) => key !== "__provider" && value !== null),
  );
}

function collect({ urn, inputs, outputs }: Exported, secrets: Secrets): void {
  for (const part of [inputs, outputs]) revealed(urn, part, secrets);
}

function revealed(urn: string, value: Exported["inputs"], secrets: Secrets): Record<string, unknown> {
  try {
    return fromExported(value ?? {}, (secret) => {
      secrets.add(secret);
    }) as Record<string, unknown>;
  } catch (error) {
    const why = error instanceof SyntaxError ? "a secret in it is damaged" : messageOf(error);
    return refuse("CONFIG_INVALID", `Reading ${urn} in its stack: ${why}`);
  }
}

/** Configurations of providers by what resources name them by: the provider's URN and id. */
type Configurations = ReadonlyMap<string, ProviderConfig>;

function configurations(all: readonly Exported[], secrets: Secrets): Configurations {
  const found = new Map<string, ProviderConfig>();
  for (const { urn, type, id, inputs } of all) {
    const prefix = prefixes[type];
    if (prefix === undefined) continue;
    const values = revealed(urn, inputs, secrets);
    const config = configurationOf(
      Object.fromEntries(configNames.map((name) => [name, values[`${prefix}${name}`]])),
    );
    const parts = { ...config, ssh: parseJson(config["ssh"] ?? "") };
    for (const path of secretPaths(connection)) secrets.add(valueAt(parts, path));
    found.set(`${urn}::${id ?? ""}`, config);
  }
  return found;
}

/** What stands before the names of the configuration, by the type of provider. */
const prefixes: Readonly<Record<string, string | undefined>> = {
  "pulumi:providers:pulumi-nodejs": "lxd-access:",
  "pulumi:providers:lxd-access": "",
};

/** The name of a resource's type, where it is one of this package. */
function ourType({ type, custom }: Exported): string | undefined {
  if (custom !== true) return undefined;
  return [typeOf(""), "lxd-access:index:"]
    .filter((prefix) => type.startsWith(prefix))
    .map((prefix) => type.slice(prefix.length))[0];
}

/** Whether this release has such a resource. */
export function isKnown(type: string | undefined): type is ResourceName {
  return type !== undefined && Object.hasOwn(handlers, type);
}

/** PROJECT/STACK of `urn:pulumi:STACK::PROJECT::TYPES::NAME`. */
function stackOf(urn: string): string {
  const [start = "", project = ""] = urn.split("::");
  return `${project}/${start.replace("urn:pulumi:", "")}`;
}

/** A name may hold "::" too. */
function nameIn(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** From `project:///index.ts#2,1`. Undefined for what is outside of the project, or of a package that it uses. */
function sourceLine(position: string | null | undefined): SourceLine | undefined {
  const [, path = "", line = ""] = /^project:\/\/\/([^#]+)#(\d+)/.exec(position ?? "") ?? [];
  const steps = path.split("/");
  if (path === "" || ["..", "node_modules"].some((step) => steps.includes(step))) return undefined;
  const file = URL.canParse(`file:///${path}`) ? decoded(path) : undefined;
  return file === undefined || Number(line) < 1 ? undefined : { file, line: Number(line) };
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function describePending(pending: readonly { type: string; resource: { urn: string } }[]): string[] {
  if (pending.length === 0) return [];
  const list = pending.map(({ type, resource: { urn } }) => `${type} ${urn}`);
  const stack = stackOf(pending[0]?.resource.urn ?? "");
  return [
    `${stack}: a run is at work on ${quoted(list)}, or was cut off while it was, so it is not known what came of that. Where none is, ` +
      "`pulumi refresh` settles it",
  ];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Shorter ones are in too many words; Pulumi shows them, too. */
const shortestSecret = 3;

/** Secret texts, however deep they are in what is secret. */
class Secrets {
  readonly texts = new Set<string>();

  add(value: unknown): void {
    if (typeof value === "string") {
      for (const text of secretsOf(value)) if (text.length >= shortestSecret) this.texts.add(text);
    } else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) this.add(inner);
    }
  }
}
