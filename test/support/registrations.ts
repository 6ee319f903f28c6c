/** What the SDK's classes send to the engine: the very request, of which Pulumi's mocks show only a part. */
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";

export interface Registration {
  readonly type: string;
  /** Properties on the wire, secrets in their wire form. */
  readonly properties: Record<string, unknown>;
  /** Outputs that are secret whatever the provider says, sorted. */
  readonly secretOutputs: string[];
}

/** An engine that answers each registration with the inputs and some outputs. */
const engine: pulumi.runtime.Mocks = {
  newResource: ({ inputs }) => ({ id: "id", state: { ...(inputs as object), ...answered } }),
  call: () => ({}),
};
let answered: Record<string, unknown> = {};

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
  const monitor = new RecordingMonitor(engine);
  setMockOptions(monitor);
  answered = outputs;
  const made: Resource[] = [];
  // As a program does, which first asks the engine what it is able to do, such as keeping secrets.
  await pulumi.runtime.runInPulumiStack(() => Promise.resolve(made.push(make())));
  const [resource] = made;
  if (resource === undefined) throw new Error("nothing was made");
  await valueOf(resource.urn);
  const request = monitor.requests.find((candidate) => candidate.getType() !== "pulumi:pulumi:Stack");
  if (request === undefined) throw new Error("nothing was registered");
  const registration = {
    type: request.getType(),
    properties: request.getObject()?.toJavaScript() ?? {},
    secretOutputs: request.getAdditionalsecretoutputsList().sort(),
  };
  return { resource, registration };
}

/** The value of an output, once it is known. */
export function valueOf<Value>(output: pulumi.Output<Value>): Promise<unknown> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}
