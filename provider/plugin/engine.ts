/** The engine that started this plugin: what is told to the user goes through it, and without it there is nothing to do. */
import { connectivityState, credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type { Level } from "./plugin-provider";

const severities = { info: LogSeverity.INFO, warning: LogSeverity.WARNING, status: LogSeverity.INFO };

export class Engine {
  private client: EngineClient | undefined;

  /** `gone` is called when the engine does not answer any more. */
  constructor(private readonly gone: () => void) {}

  /** `address` is host:port; empty where there is none. */
  connect(address: string): void {
    if (address === "" || this.client !== undefined) return;
    this.client = new EngineClient(address, credentials.createInsecure());
    this.watch(this.client);
  }

  /** Shows a message beside a resource; beside the stack where the URN is empty. */
  log(level: Level, message: string, urn: string): void {
    const request = new LogRequest().setSeverity(severities[level]).setMessage(message).setUrn(urn);
    request.setEphemeral(level === "status");
    // Of a run that ends, nobody reads it any more.
    this.client?.log(request, () => undefined);
  }

  private watch(client: EngineClient): void {
    const channel = client.getChannel();
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) this.gone();
      else channel.watchConnectivityState(state, Infinity, look);
    };
    look();
  }
}
