/** The SDK's own process for dynamic resources, driven as the engine drives it: by gRPC, with the SDK's own protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

/** Properties as they are on the wire, secrets in their wire form. */
export type WireProperties = Record<string, JavaScriptValue>;

const { DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN } = messages.DiffResponse.DiffChanges;
const changes = { [DIFF_NONE]: false, [DIFF_SOME]: true, [DIFF_UNKNOWN]: undefined };

export class ProviderProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly client: ResourceProviderClient,
  ) {}

  /** Starts it in a folder, which is where it looks for packages; `flags` are for Node. */
  static async start(folder: string, flags: readonly string[] = []): Promise<ProviderProcess> {
    const program = require.resolve("@pulumi/pulumi/cmd/dynamic-provider/index.js");
    // It wants the engine's address and makes no use of it.
    const child = spawn(process.execPath, [...flags, program, "127.0.0.1:1"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const { stdout } = child;
    if (stdout === null) throw new Error("the provider process has no output");
    const [port] = (await once(createInterface({ input: stdout }), "line")) as [string];
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
    const request = new messages.ConfigureRequest();
    request.setArgs(Struct.fromJavaScript({}));
    await answer((done) => client.configure(request, done));
    return new ProviderProcess(child, client);
  }

  /** What `check` makes of new inputs: those to use, and the mistakes. */
  async check(
    inputs: WireProperties,
  ): Promise<{ inputs: WireProperties; failures: { property: string; reason: string }[] }> {
    const request = new messages.CheckRequest();
    request.setOlds(Struct.fromJavaScript({}));
    request.setNews(Struct.fromJavaScript(inputs));
    const response = await answer<messages.CheckResponse>((done) => this.client.check(request, done));
    return {
      inputs: response.getInputs()?.toJavaScript() ?? {},
      failures: response
        .getFailuresList()
        .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
    };
  }

  /** What `diff` says: whether something changes (undefined where it does not say), and what replaces the resource. */
  async diff(
    outputs: WireProperties,
    inputs: WireProperties,
  ): Promise<{ changes: boolean | undefined; replaces: string[] }> {
    const request = new messages.DiffRequest();
    request.setId("id");
    request.setOlds(Struct.fromJavaScript(outputs));
    request.setNews(Struct.fromJavaScript(inputs));
    const response = await answer<messages.DiffResponse>((done) => this.client.diff(request, done));
    return { changes: changes[response.getChanges()], replaces: response.getReplacesList() };
  }

  async create(inputs: WireProperties): Promise<WireProperties> {
    const request = new messages.CreateRequest();
    request.setProperties(Struct.fromJavaScript(inputs));
    const response = await answer<messages.CreateResponse>((done) => this.client.create(request, done));
    return response.getProperties()?.toJavaScript() ?? {};
  }

  /** The resource as it is now; undefined where it is gone. */
  async read(outputs: WireProperties): Promise<WireProperties | undefined> {
    const request = new messages.ReadRequest();
    request.setId("id");
    request.setProperties(Struct.fromJavaScript(outputs));
    const response = await answer<messages.ReadResponse>((done) => this.client.read(request, done));
    return response.getId() === "" ? undefined : (response.getProperties()?.toJavaScript() ?? {});
  }

  async delete(outputs: WireProperties): Promise<void> {
    const request = new messages.DeleteRequest();
    request.setId("id");
    request.setProperties(Struct.fromJavaScript(outputs));
    await answer((done) => this.client.delete(request, done));
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  /** Asks what `--import` has loaded into the process and listens for messages. */
  async ask(question: string): Promise<unknown> {
    const answered = once(this.child, "message") as Promise<[unknown]>;
    this.child.send(question);
    return (await answered)[0];
  }

  async stop(): Promise<void> {
    this.client.close();
    const ended = once(this.child, "exit");
    this.child.kill();
    await ended;
  }
}

/** What a call of gRPC answers. */
export async function answer<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}
