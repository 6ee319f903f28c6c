/** The plugin's service in this process, and an engine that hears what it tells the user. */
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ClientPool } from "../../provider/lxd/pool";
import { Engine } from "../../provider/plugin/engine";
import { PluginProvider } from "../../provider/plugin/plugin-provider";
import { providerService } from "../../provider/plugin/server";
import { PluginClient } from "./plugin-client";

/** What the user was told. */
export interface Told {
  readonly urn: string;
  readonly message: string;
  readonly severity: number;
  readonly isStatus: boolean;
}

export class PluginServer {
  readonly told: Told[] = [];
  /** Emits "told" after each message. */
  readonly events = new EventEmitter();

  private constructor(
    readonly client: PluginClient,
    private readonly servers: readonly Server[],
    private readonly pool: ClientPool,
  ) {}

  /** Starts it as the engine does, up to the handshake. Its environment is empty unless one is given. */
  static async start(environment: NodeJS.ProcessEnv = {}): Promise<PluginServer> {
    const pool = new ClientPool();
    const engine = new Engine();
    const surroundings = { environment, programDirectory: "/nonexistent", now: () => new Date() };
    const provider = new PluginProvider(surroundings, pool, engine.log.bind(engine));
    const schema = (): Promise<string> => readFile(resolve(__dirname, "../../schema.json"), "utf8");
    const service = new Server();
    service.addService(
      ResourceProviderService,
      providerService(provider, engine, { version: "1.2.3", schema }),
    );
    const host = new Server();
    const client = new PluginClient(await listening(service));
    const started = new PluginServer(client, [service, host], pool);
    const log: UntypedServiceImplementation = {
      log: (call: { request: LogRequest }, done: (error: null, answer: Empty) => void) => {
        const { request } = call;
        const told = { urn: request.getUrn(), message: request.getMessage() };
        started.told.push({ ...told, severity: request.getSeverity(), isStatus: request.getEphemeral() });
        started.events.emit("told");
        done(null, new Empty());
      },
    };
    host.addService(EngineService, log);
    await client.handshake(`127.0.0.1:${await listening(host)}`);
    return started;
  }

  async stop(): Promise<void> {
    this.client.close();
    for (const server of this.servers) server.forceShutdown();
    await this.pool.close();
  }
}

async function listening(server: Server): Promise<number> {
  return new Promise((bound, failed) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) bound(port);
      else failed(error);
    });
  });
}
