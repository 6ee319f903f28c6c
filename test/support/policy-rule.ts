/** A policy's rules as `@pulumi/policy` runs them, without a pack's process. */
import * as assert from "node:assert/strict";
import type { PolicyResource, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { typeOf } from "../../sdk/dynamic-type";

/** What `@pulumi/policy` has a rule find in the place of a value that is not known yet. */
export const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Both fronts' types of a resource, or of the provider that has their configuration. */
function typesOf(kind: string): string[] {
  return kind === "Provider"
    ? ["pulumi:providers:pulumi-nodejs", "pulumi:providers:lxd-access"]
    : [typeOf(kind), `lxd-access:index:${kind}`];
}

class NotApplicableError extends Error {}

function notApplicable(): never {
  throw new NotApplicableError();
}

/** As rules see properties: reading one that is not known throws. */
async function asSeen(inputs: object): Promise<Record<string, unknown>> {
  // Its types are kept for itself.
  const { unknownCheckingProxy } = (await import("@pulumi/policy/proxy.js")) as unknown as {
    unknownCheckingProxy: (inputs: object) => Record<string, unknown>;
  };
  return unknownCheckingProxy(inputs);
}

const options = {
  ...{ protect: false, ignoreChanges: [], aliases: [], additionalSecretOutputs: [] },
  customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
};

/** What a rule says about a resource, of both fronts alike; undefined where it is not about such a resource. */
export async function judge(
  rule: ResourceValidationPolicy,
  kind: string,
  inputs: object,
  { config = {}, name = "resource" }: { config?: object; name?: string } = {},
): Promise<string[] | undefined> {
  const verdicts = typesOf(kind).map((type) => judgeType(rule, type, inputs, { config, name }));
  const [ofDynamic, ofPlugin] = await Promise.all(verdicts);
  assert.deepEqual(ofDynamic, ofPlugin);
  return ofDynamic;
}

/** What a rule says about a resource of one type. What is not known ends up among it, as the CLI shows it. */
export async function judgeType(
  rule: ResourceValidationPolicy,
  type: string,
  inputs: object,
  { config = {}, name = "resource" }: { config?: object; name?: string } = {},
): Promise<string[] | undefined> {
  const validate = rule.validateResource;
  assert.ok(typeof validate === "function");
  const said: string[] = [];
  const args = {
    ...{ type, name, urn: urnOf(type, name), opts: options, stackTags: new Map<string, string>() },
    ...{ props: await asSeen(inputs), isType: () => false, asType: () => undefined, notApplicable },
    getConfig: () => config as never,
  };
  try {
    await validate(args, (message) => said.push(message));
  } catch (error) {
    if (error instanceof NotApplicableError) return undefined;
    const isUnknown = error instanceof Error && error.message.includes("can't be known during preview");
    if (!isUnknown) throw error;
    said.push(error.message);
  }
  return said;
}

/** A resource of a stack; `from` names the resources that a property comes from. */
export interface Member {
  kind: string;
  name: string;
  props: object;
  from?: Record<string, string[]>;
}

/** What a rule says about a whole stack, of both fronts alike: the resource that it names, and the message. */
export async function judgeStack(
  rule: StackValidationPolicy,
  members: readonly Member[],
  config: object = {},
): Promise<[name: string | undefined, message: string][]> {
  const [ofDynamic, ofPlugin] = await Promise.all(
    [0, 1].map(async (front) => {
      const resources: PolicyResource[] = await Promise.all(
        members.map(async ({ kind, name, props }) => ({
          ...{ type: typesOf(kind)[front] ?? "", name, urn: urnOf(kind, name), opts: options },
          ...{ props: await asSeen(props), dependencies: [], propertyDependencies: {} },
          ...{ isType: () => false, asType: () => undefined },
        })),
      );
      members.forEach(({ from = {} }, index) => {
        for (const [property, names] of Object.entries(from))
          Object.assign(resources[index]?.propertyDependencies ?? {}, {
            [property]: resources.filter(({ name }) => names.includes(name)),
          });
      });
      const said: [name: string | undefined, message: string][] = [];
      const args = {
        ...{ resources, stackTags: new Map<string, string>(), notApplicable },
        getConfig: () => config as never,
      };
      await rule.validateStack(args, (message, urn) =>
        said.push([resources.find((one) => one.urn === urn)?.name, message]),
      );
      return said;
    }),
  );
  assert.deepEqual(ofDynamic, ofPlugin);
  return ofDynamic ?? [];
}

function urnOf(type: string, name: string): string {
  return `urn:pulumi:test::test::${type}::${name}`;
}
