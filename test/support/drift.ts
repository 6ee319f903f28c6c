/** Stacks as Pulumi exports them, and what `lxd-access drift` sees of them. */
import { observe } from "../../cli/drift/observe";
import type { Observation, RawFinding } from "../../cli/drift/report";
import { readStack } from "../../cli/drift/stack";
import { asExported } from "../../provider/secrets";
import type { Recorded } from "./stack";
import type { FrontName } from "./stack-front";

type Properties = Readonly<Record<string, unknown>>;

/** A resource in an exported stack. */
export interface ExportedResource {
  readonly name: string;
  readonly of: Pick<Recorded, "name" | "id" | "inputs" | "stored">;
  /** Members of its entry beside the usual ones. */
  readonly more?: Properties;
}

const types = { dynamic: "pulumi-nodejs:dynamic/lxd-access:", plugin: "lxd-access:index:" };
const providers = {
  dynamic: { type: "pulumi:providers:pulumi-nodejs", prefix: "lxd-access:" },
  plugin: { type: "pulumi:providers:lxd-access", prefix: "" },
};

/** The stack `test` of the project `fleet`, with one provider. `config` is by name, as in `socketPath`. */
export function exported(
  front: FrontName,
  resources: readonly ExportedResource[],
  { config = {}, stack = "test", more = {} }: { config?: Properties; stack?: string; more?: Properties } = {},
): unknown {
  const start = `urn:pulumi:${stack}::fleet`;
  const { type, prefix } = providers[front];
  const provider = {
    ...{ urn: `${start}::${type}::default`, custom: true, id: "01234567", type },
    inputs: Object.fromEntries(Object.entries(config).map(([name, value]) => [`${prefix}${name}`, value])),
  };
  const ours = resources.map(({ name, of, more: others = {} }) => ({
    ...{ urn: `${start}::${types[front]}${of.name}::${name}`, custom: true, id: of.id },
    ...{ type: `${types[front]}${of.name}`, provider: `${provider.urn}::${provider.id}` },
    inputs: front === "dynamic" ? { ...of.inputs, __provider: "exports.handler=…" } : of.inputs,
    outputs: asExported(JSON.parse(of.stored)),
    ...others,
  }));
  const top = {
    urn: `${start}::pulumi:pulumi:Stack::fleet-${stack}`,
    custom: false,
    type: "pulumi:pulumi:Stack",
  };
  return { version: 3, deployment: { manifest: {}, resources: [top, provider, ...ours], ...more } };
}

/** Looks at exported stacks. */
export async function seeDrift(
  stacks: unknown,
  {
    directory,
    ...options
  }: {
    directory: string;
    now?: () => Date;
    expiringDays?: number;
    environment?: NodeJS.ProcessEnv;
    onProgress?: (done: number, total: number, doing: string) => void;
  },
): Promise<Observation> {
  const {
    now = () => new Date(),
    expiringDays = 0,
    environment = {},
    onProgress = () => undefined,
  } = options;
  const world = {
    ...{ environment, directory, now, out: () => undefined, err: () => undefined },
    isTerminal: { out: false, err: false },
  };
  const read = (Array.isArray(stacks) ? stacks : [stacks]).map((one) => ({
    stack: readStack(one),
    directory,
  }));
  return observe(read, { expiringDays }, world, onProgress);
}

/** A finding in short: "changed server address", "unmanaged-client admin". */
export function short({ kind, name, property }: RawFinding): string {
  return [kind, name, property].filter((part) => part !== undefined).join(" ");
}
