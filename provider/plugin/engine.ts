/** The engine that started this plugin: what is told to the user goes through it, and without it there is nothing to do. */
import { connectivityState, credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type { Level } from "./plugin-provider";

const severities = { info: LogSeverity.INFO, warning: LogSeverity.WARNING, status: LogSeverity.INFO };

/** The engine is on this machine, where no proxy leads. By default gRPC would send even that through the environment's. */
const direct = { "grpc.enable_http_proxy": 0 };

export class Engine {
  private client: EngineClient | undefined;
  private address = "";

  /** `gone` is called when the engine has ended; left out where this process is to outlive it. */
  constructor(private readonly gone?: () => void) {}

  /** `address` is host:port; empty where there is none. Another one takes the place of the one before. */
  connect(address: string): void {
    if (address === "" || address === this.address) return;
    this.address = address;
    this.client?.close();
    this.client = new EngineClient(address, credentials.createInsecure(), direct);
    if (this.gone !== undefined) watch(this.client, this.gone);
  }

  /** Shows a message beside a resource; beside the stack where the URN is empty. */
  log(level: Level, message: string, urn: string): void {
    const request = new LogRequest().setSeverity(severities[level]).setMessage(message).setUrn(urn);
    request.setEphemeral(level === "status");
    // Of a run that ends, nobody reads it any more.
    this.client?.log(request, () => undefined);
  }
}

/** Keeps a connection to the engine, and tells when that cannot be had any more. */
function watch(client: EngineClient, gone: () => void): void {
  const channel = client.getChannel();
  const look = (): void => {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.TRANSIENT_FAILURE) gone();
    else if (state !== connectivityState.SHUTDOWN) channel.watchConnectivityState(state, Infinity, look);
  };
  look();
}
