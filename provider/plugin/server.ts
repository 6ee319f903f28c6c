/** The plugin's gRPC service: messages of Pulumi's protocol to calls of {@link PluginProvider}, and back. */
import { isDeepStrictEqual } from "node:util";
import { Metadata, type sendUnaryData, type ServerUnaryCall, type ServiceError, status } from "@grpc/grpc-js";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { type PluginAttach, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { asAccessError, isAccessError, refuse } from "../errors";
import type { CheckFailure } from "../handler";
import type { Engine } from "./engine";
import type { PathDifference } from "./detailed-diff";
import { HalfDoneError, type PluginProvider, type Recorded } from "./plugin-provider";
import type { WireProperties } from "./wire-values";

/** What the service needs beside the provider. */
export interface Package {
  readonly version: string;
  /** Text of the package's schema. */
  readonly schema: () => Promise<string>;
}

/** The service, whose calls are those of the provider. What it does not have, gRPC answers with UNIMPLEMENTED. */
export function providerService(
  provider: PluginProvider,
  engine: Engine,
  { version, schema }: Package,
): UntypedServiceImplementation {
  return {
    handshake: answering((request: messages.ProviderHandshakeRequest) => {
      engine.connect(request.getEngineAddress());
      const response = new messages.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    }),

    // Of an engine that did not start this process (PULUMI_DEBUG_PROVIDERS).
    attach: answering((request: PluginAttach) => {
      provider.beginRun();
      engine.connect(request.getAddress());
      return new Empty();
    }),

    getPluginInfo: answering(() => new PluginInfo().setVersion(version)),

    getSchema: answering(async (request: messages.GetSchemaRequest) => {
      if (request.getVersion() !== 0)
        refuse("INPUT_INVALID", `There is no schema of version ${request.getVersion()}, only of 0`);
      return new messages.GetSchemaResponse().setSchema(await schema());
    }),

    checkConfig: answering((request: messages.CheckRequest) =>
      checked(provider.checkConfig(properties(request.getNews()))),
    ),

    diffConfig: answering((request: messages.DiffRequest) => {
      const names = provider.diffConfig(properties(request.getOldInputs()), properties(request.getNews()));
      return differing(names.map((path) => ({ path, kind: "update", replaces: false, isInput: true })));
    }),

    configure: answering((request: messages.ConfigureRequest) => {
      provider.configure(properties(request.getArgs()));
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),

    check: answering((request: messages.CheckRequest) =>
      checked(provider.check({ urn: request.getUrn(), inputs: properties(request.getNews()) })),
    ),

    diff: answering((request: messages.DiffRequest) => {
      const { paths, deleteBeforeReplace, stables } = provider.diff({
        ...{ urn: request.getUrn(), id: request.getId(), outputs: properties(request.getOlds()) },
        before: properties(request.getOldInputs()),
        inputs: properties(request.getNews()),
        ignored: request.getIgnorechangesList(),
      });
      const response = differing(paths);
      response.setDeletebeforereplace(deleteBeforeReplace);
      response.setStablesList([...stables]);
      return response;
    }),

    create: answering(async (request: messages.CreateRequest) => {
      const asked = { urn: request.getUrn(), inputs: properties(request.getProperties()) };
      const response = new messages.CreateResponse();
      if (request.getPreview()) return response.setProperties(struct(provider.previewCreate(asked)));
      const { id, outputs } = await provider.create({ ...asked, seconds: request.getTimeout() });
      return response.setId(id).setProperties(struct(outputs));
    }),

    read: answering(async (request: messages.ReadRequest) => {
      const response = new messages.ReadResponse();
      // The oldest SDKs that will do know no limit of a read.
      const seconds = "getTimeout" in request ? request.getTimeout() : 0;
      const asked = { urn: request.getUrn(), id: request.getId(), seconds };
      const [inputs, outputs] = [properties(request.getInputs()), properties(request.getProperties())];
      // Of what is to be imported the engine knows nothing, and of what is to be got only what the program says, which it may
      // send as the outputs, too.
      if (!request.hasProperties() || isDeepStrictEqual(inputs, outputs)) {
        const found = await provider.import(asked);
        if (found === undefined) return response;
        response.setId(found.id).setInputs(struct(found.inputs));
        return response.setProperties(struct(found.outputs));
      }
      const now = await provider.read({ ...asked, inputs, outputs });
      if (now === undefined) return response;
      return response.setId(request.getId()).setInputs(struct(inputs)).setProperties(struct(now));
    }),

    update: answering(async (request: messages.UpdateRequest) => {
      const asked = { ...recorded(request, request.getOlds()), inputs: properties(request.getNews()) };
      const outputs = request.getPreview()
        ? provider.previewUpdate(asked)
        : await provider.update({ ...asked, seconds: request.getTimeout() });
      return new messages.UpdateResponse().setProperties(struct(outputs));
    }),

    delete: answering(async (request: messages.DeleteRequest) => {
      const asked = recorded(request, request.getProperties());
      await provider.delete({ ...asked, seconds: request.getTimeout() });
      return new Empty();
    }),

    invoke: answering(async (request: messages.InvokeRequest) => {
      const result = await provider.invoke(request.getTok(), properties(request.getArgs()));
      return new messages.InvokeResponse().setReturn(struct(result));
    }),

    cancel: answering(() => {
      provider.cancel();
      return new Empty();
    }),
  };
}

/** A call of the service. Whatever is thrown becomes an error of gRPC: an exception would show as "Unknown error". */
function answering<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
): (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => void {
  return (call, done) => {
    void (async () => answer(call.request))().then(
      (response) => {
        done(null, response);
      },
      (error: unknown) => {
        done(asServiceError(error));
      },
    );
  };
}

/** An error, with what was done in spite of it in the place where the engine looks for that. */
function asServiceError(error: unknown): Partial<ServiceError> {
  if (error instanceof HalfDoneError)
    return { ...said(error.message, status.UNKNOWN), metadata: recordOf(error) };
  const told = asAccessError("lxd-access", error);
  // By this code the engine knows that nothing is half-done.
  const isRefusal = !isAccessError(told, "BUG", "PARTIAL");
  return said(told.message, isRefusal ? status.FAILED_PRECONDITION : status.UNKNOWN);
}

function said(message: string, code: status): Partial<ServiceError> {
  return { code, details: message, message };
}

function recordOf({ message, id, outputs }: HalfDoneError): Metadata {
  const detail = new messages.ErrorResourceInitFailed();
  detail.setId(id).setProperties(struct(outputs)).setReasonsList([message]);
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const details = new Status().setCode(status.UNKNOWN).setMessage(message);
  details.addDetails(packed);
  const metadata = new Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(details.serializeBinary()));
  return metadata;
}

function recorded(request: { getUrn(): string; getId(): string }, outputs: Struct | undefined): Recorded {
  return { urn: request.getUrn(), id: request.getId(), outputs: properties(outputs) };
}

function checked({
  inputs,
  failures,
}: {
  inputs: WireProperties;
  failures: readonly CheckFailure[];
}): messages.CheckResponse {
  const list = failures.map(({ property, reason }) =>
    new messages.CheckFailure().setProperty(property).setReason(reason),
  );
  return new messages.CheckResponse().setInputs(struct(inputs)).setFailuresList(list);
}

const kinds = {
  add: [messages.PropertyDiff.Kind.ADD, messages.PropertyDiff.Kind.ADD_REPLACE],
  delete: [messages.PropertyDiff.Kind.DELETE, messages.PropertyDiff.Kind.DELETE_REPLACE],
  update: [messages.PropertyDiff.Kind.UPDATE, messages.PropertyDiff.Kind.UPDATE_REPLACE],
} as const;

function differing(paths: readonly PathDifference[]): messages.DiffResponse {
  const response = new messages.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
  response.setChanges(paths.length === 0 ? DIFF_NONE : DIFF_SOME);
  const names = (list: readonly PathDifference[]): string[] => [
    ...new Set(list.map(({ path }) => /^[^.[]*/.exec(path)?.[0] ?? path)),
  ];
  response.setDiffsList(names(paths));
  response.setReplacesList(names(paths.filter(({ replaces }) => replaces)));
  response.setHasdetaileddiff(true);
  for (const { path, kind, replaces, isInput } of paths) {
    const detail = new messages.PropertyDiff().setKind(kinds[kind][replaces ? 1 : 0]).setInputdiff(isInput);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

function properties(given: Struct | undefined): WireProperties {
  return given?.toJavaScript() ?? {};
}

function struct(given: WireProperties): Struct {
  return Struct.fromJavaScript(given as Record<string, JavaScriptValue>);
}
