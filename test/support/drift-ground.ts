/** A server with resources of an exported stack on it, for what `lxd-access drift` sees of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "../../cli/drift/report";
import { type Double, type ProfileName, startDouble } from "./double/double";
import { exported, type ExportedResource, seeDrift } from "./drift";
import { asInputs, makePair } from "./openssl-pair";
import { type AdminClient, openHttps, type ServerView, viewOf } from "./server-view";
import { type Recorded, Stack } from "./stack";

type Inputs = Record<string, unknown>;

/** The client of {@link Ground.overHttps}. */
export const admin = makePair("admin");
/** The client of {@link Ground.makeAll}. */
export const ci = makePair("ci");

/** A double that listens and trusts an administrator, and a stack that makes resources on it. */
export class Ground {
  readonly made: ExportedResource[] = [];
  readonly view: ServerView;

  private constructor(
    readonly directory: string,
    readonly server: Double,
    readonly stack: Stack,
    readonly https: AdminClient,
  ) {
    this.view = viewOf(server);
  }

  static async on(profile: ProfileName): Promise<Ground> {
    const folder = mkdtempSync(join(tmpdir(), "lxa-drift-"));
    const server = await startDouble(profile, { speed: 5 });
    return new Ground(folder, server, new Stack(folder, "plugin"), await openHttps(server, admin));
  }

  get overSocket(): Inputs {
    return { socketPath: this.server.socketPath };
  }

  get overHttps(): Inputs {
    return { ...this.https.connection, timeouts: { connect: 5, request: 0.3 } };
  }

  async make(name: string, type: Recorded["name"], inputs: Inputs, more?: Inputs): Promise<Recorded> {
    const of = await this.stack.create(type, inputs);
    this.made.push({ name, of, more });
    return of;
  }

  /** The listener, a token and a joined remote, over a connection. */
  async makeAll(connection: Inputs): Promise<void> {
    await this.make("listener", "HttpsAddress", { address: this.https.address, connection });
    const { outputs } = await this.make("token", "TrustToken", {
      clientName: "ci",
      projects: [],
      connection,
    });
    const { timeouts = { connect: 5, request: 0.3 } } = connection;
    await this.make("prod", "Remote", { name: "prod", token: outputs["token"], ...asInputs(ci), timeouts });
  }

  see(options: Partial<Parameters<typeof seeDrift>[1]> & { config?: Inputs } = {}): Promise<Observation> {
    const { config } = options;
    return seeDrift(exported("plugin", this.made, { config }), { directory: this.directory, ...options });
  }

  async end(): Promise<void> {
    await this.server.stop();
    rmSync(this.directory, { recursive: true });
  }
}
