/** A plugin as the engine sees it: called by gRPC, with the SDK's own protocol. */
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { answer as answerOf, type WireProperties } from "./provider-process";

/** A mistake that a check found. */
export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** A path that differs, as the engine shows it. */
export interface DetailedPath {
  readonly kind: number;
  readonly isInput: boolean;
}

/** A call failed; `id` and `properties` are what is to be recorded in spite of it. */
export class PluginError extends Error {
  constructor(
    message: string,
    /** Of gRPC: by it the engine knows whether something may be half-done. */
    readonly code: number,
    readonly id?: string,
    readonly properties?: WireProperties,
  ) {
    super(message);
  }
}

export class PluginClient {
  private readonly client: ResourceProviderClient;

  constructor(port: number) {
    this.client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  async version(): Promise<string> {
    return (await answer<PluginInfo>((done) => this.client.getPluginInfo(new Empty(), done))).getVersion();
  }

  async schema(version = 0): Promise<unknown> {
    const request = new messages.GetSchemaRequest().setVersion(version);
    const response = await answer<messages.GetSchemaResponse>((done) => this.client.getSchema(request, done));
    return JSON.parse(response.getSchema());
  }

  /** Tells it where the engine is. */
  async handshake(engineAddress: string): Promise<messages.ProviderHandshakeResponse.AsObject> {
    const request = new messages.ProviderHandshakeRequest().setEngineAddress(engineAddress);
    const response = await answer<messages.ProviderHandshakeResponse>((done) =>
      this.client.handshake(request, done),
    );
    return response.toObject();
  }

  async configure(inputs: WireProperties = {}): Promise<messages.ConfigureResponse.AsObject> {
    const request = new messages.ConfigureRequest().setArgs(struct(inputs));
    const response = await answer<messages.ConfigureResponse>((done) => this.client.configure(request, done));
    return response.toObject();
  }

  async checkConfig(inputs: WireProperties): Promise<{ inputs: WireProperties; failures: Failure[] }> {
    const request = new messages.CheckRequest().setUrn(urnOf("provider", "pulumi:providers:lxd-access"));
    request.setNews(struct(inputs));
    return checked(await answer((done) => this.client.checkConfig(request, done)));
  }

  async diffConfig(before: WireProperties, after: WireProperties): Promise<messages.DiffResponse.AsObject> {
    const request = new messages.DiffRequest().setOldInputs(struct(before)).setNews(struct(after));
    return (await answer<messages.DiffResponse>((done) => this.client.diffConfig(request, done))).toObject();
  }

  /** `name` is the resource's in the program. */
  async check(
    resource: string,
    inputs: WireProperties,
    name = "it",
  ): Promise<{ inputs: WireProperties; failures: Failure[] }> {
    const request = new messages.CheckRequest().setUrn(urnOf(name, resource)).setNews(struct(inputs));
    return checked(await answer((done) => this.client.check(request, done)));
  }

  async diff(
    resource: string,
    {
      id = "id",
      outputs,
      before,
      inputs,
      ignored = [],
    }: {
      id?: string;
      outputs: WireProperties;
      before: WireProperties;
      inputs: WireProperties;
      ignored?: string[];
    },
  ): Promise<{
    changes: boolean;
    replaces: string[];
    deleteBeforeReplace: boolean;
    stables: string[];
    detail: Record<string, DetailedPath>;
  }> {
    const request = new messages.DiffRequest().setUrn(urnOf("it", resource)).setId(id);
    request.setOlds(struct(outputs)).setOldInputs(struct(before)).setNews(struct(inputs));
    request.setIgnorechangesList(ignored);
    const response = await answer<messages.DiffResponse>((done) => this.client.diff(request, done));
    const detail: Record<string, DetailedPath> = {};
    response.getDetaileddiffMap().forEach((found, path) => {
      detail[path] = { kind: found.getKind(), isInput: found.getInputdiff() };
    });
    return {
      changes: response.getChanges() === messages.DiffResponse.DiffChanges.DIFF_SOME,
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      stables: response.getStablesList(),
      detail,
    };
  }

  async create(
    resource: string,
    inputs: WireProperties,
    { preview = false, seconds = 0 } = {},
  ): Promise<{ id: string; properties: WireProperties }> {
    const request = new messages.CreateRequest().setUrn(urnOf("it", resource)).setProperties(struct(inputs));
    request.setPreview(preview).setTimeout(seconds);
    const response = await answer<messages.CreateResponse>((done) => this.client.create(request, done));
    return { id: response.getId(), properties: plain(response.getProperties()) };
  }

  /** The resource as it is now; without `recorded`, or the outputs in it, by its id alone. Undefined where there is none. */
  async read(
    resource: string,
    id: string,
    recorded?: { outputs?: WireProperties; inputs: WireProperties },
  ): Promise<{ id: string; properties: WireProperties; inputs: WireProperties } | undefined> {
    const request = new messages.ReadRequest().setUrn(urnOf("it", resource)).setId(id);
    if (recorded !== undefined) request.setInputs(struct(recorded.inputs));
    if (recorded?.outputs !== undefined) request.setProperties(struct(recorded.outputs));
    const response = await answer<messages.ReadResponse>((done) => this.client.read(request, done));
    if (response.getId() === "") return undefined;
    const [properties, inputs] = [plain(response.getProperties()), plain(response.getInputs())];
    return { id: response.getId(), properties, inputs };
  }

  async update(
    resource: string,
    { id, outputs, inputs }: { id: string; outputs: WireProperties; inputs: WireProperties },
    { preview = false, seconds = 0 } = {},
  ): Promise<WireProperties> {
    const request = new messages.UpdateRequest().setUrn(urnOf("it", resource)).setId(id);
    request.setOlds(struct(outputs)).setNews(struct(inputs)).setPreview(preview).setTimeout(seconds);
    const response = await answer<messages.UpdateResponse>((done) => this.client.update(request, done));
    return plain(response.getProperties());
  }

  async delete(resource: string, id: string, outputs: WireProperties): Promise<void> {
    const request = new messages.DeleteRequest().setUrn(urnOf("it", resource)).setId(id);
    request.setProperties(struct(outputs));
    await answer((done) => this.client.delete(request, done));
  }

  async invoke(name: string, inputs: WireProperties): Promise<WireProperties> {
    const request = new messages.InvokeRequest().setTok(`lxd-access:index:${name}`).setArgs(struct(inputs));
    const response = await answer<messages.InvokeResponse>((done) => this.client.invoke(request, done));
    return plain(response.getReturn());
  }

  async cancel(): Promise<void> {
    await answer((done) => this.client.cancel(new Empty(), done));
  }
}

/** The URN of a resource of this package, or of another type where one is given whole. */
function urnOf(name: string, resource: string): string {
  const type = resource.includes(":") ? resource : `lxd-access:index:${resource}`;
  return `urn:pulumi:test::test::${type}::${name}`;
}

function checked(response: messages.CheckResponse): { inputs: WireProperties; failures: Failure[] } {
  const failures = response
    .getFailuresList()
    .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
  return { inputs: plain(response.getInputs()), failures };
}

function struct(given: WireProperties): Struct {
  return Struct.fromJavaScript(given);
}

function plain(given: Struct | undefined): WireProperties {
  return given?.toJavaScript() ?? {};
}

async function answer<Response>(call: Parameters<typeof answerOf<Response>>[0]): Promise<Response> {
  try {
    return await answerOf(call);
  } catch (error) {
    throw asPluginError(error as ServiceError);
  }
}

function asPluginError(error: ServiceError): PluginError {
  const [packed] = error.metadata.get("grpc-status-details-bin");
  if (packed === undefined) return new PluginError(error.details, error.code);
  const [detail] = Status.deserializeBinary(new Uint8Array(Buffer.from(packed))).getDetailsList();
  const done = detail?.unpack(
    (bytes) => messages.ErrorResourceInitFailed.deserializeBinary(bytes),
    "pulumirpc.ErrorResourceInitFailed",
  );
  return new PluginError(error.details, error.code, done?.getId(), plain(done?.getProperties()));
}
