/** What the SDK's classes send to the engine: the very request, of which Pulumi's mocks show only a part. */
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

export interface Registration {
  readonly type: string;
  readonly name: string;
  /** Name of the resource it belongs to; empty for one of the stack's own. */
  readonly parent: string;
  /** What has to be there first, each `TYPE::NAME`. */
  readonly dependencies: readonly string[];
  /** Properties on the wire, secrets in their wire form. */
  readonly properties: Record<string, unknown>;
  /** Where in the program it is made, a URL. */
  readonly source: string;
  /** Outputs that are secret whatever the provider says, sorted. */
  readonly secretOutputs: string[];
}

/** An engine that answers each registration with the inputs and some outputs. */
const engine: pulumi.runtime.Mocks = {
  newResource: ({ type, inputs }) => ({
    id: "id",
    state: { ...(inputs as object), ...answered, ...answeredBy[type.replace(/^.*:/, "")] },
  }),
  call: () => ({}),
};
let answered: Record<string, unknown> = {};
let answeredBy: Record<string, object> = {};

class RecordingMonitor extends MockMonitor {
  readonly requests: RegisterResourceRequest[] = [];

  override registerResource(...args: Parameters<MockMonitor["registerResource"]>): Promise<void> {
    this.requests.push(args[0] as RegisterResourceRequest);
    return super.registerResource(...args);
  }
}

/** Registers a resource, and waits until the engine has answered, with these outputs besides the inputs. */
export async function register<Resource extends pulumi.CustomResource>(
  make: () => Resource,
  outputs: Record<string, unknown> = {},
): Promise<{ resource: Resource; registration: Registration }> {
  const { made, registrations } = await registerAll(make, outputs);
  await valueOf(made.urn);
  const [registration] = registrations;
  if (registration === undefined) throw new Error("nothing was registered");
  return { resource: made, registration };
}

/**
 * Runs a program, and answers what it made and what was registered, in the order in which it was. Resources of some classes
 * may have outputs of their own.
 */
export async function registerAll<Made>(
  program: () => Made,
  outputs: Record<string, unknown> = {},
  outputsOf: Record<string, object> = {},
): Promise<{ made: Made; registrations: Registration[] }> {
  const monitor = new RecordingMonitor(engine);
  setMockOptions(monitor);
  answered = outputs;
  answeredBy = outputsOf;
  const made: Made[] = [];
  // As a program does, which first asks the engine what it is able to do, such as keeping secrets.
  await pulumi.runtime.runInPulumiStack(() => Promise.resolve(void made.push(program())));
  const [result] = made;
  if (result === undefined) throw new Error("nothing was made");
  // A stack waits for all that its program has begun.
  await pulumi.runtime.disconnect();
  const requests = monitor.requests.filter((request) => request.getType() !== "pulumi:pulumi:Stack");
  const registrations = requests.map((request) => ({
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent().split("::").at(-1) ?? "",
    dependencies: request.getDependenciesList().map((urn) => urn.split("::").slice(-2).join("::")),
    source: request.getSourceposition()?.getUri() ?? "",
    properties: request.getObject()?.toJavaScript() ?? {},
    secretOutputs: request.getAdditionalsecretoutputsList().sort(),
  }));
  return { made: result, registrations };
}

/** The value of an output, once it is known. */
export function valueOf<Value>(output: pulumi.Output<Value>): Promise<unknown> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}
