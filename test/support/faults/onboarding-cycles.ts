/** A client that is onboarded and taken back again and again, by one provider process on one server. */
import { strict as assert } from "node:assert";
import { mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ResourceName } from "../../../provider/registry";
import { setStage, type Stage } from "../joined-server";
import { ProviderProcess, type WireProperties } from "../provider-process";

/** What there is after a cycle. All but the memory is the same each time. */
export interface Remains {
  readonly clients: number;
  readonly operations: number;
  readonly listener: string;
  readonly serverFiles: number;
  readonly sockets: number;
  readonly files: number;
  /** Bytes, after a collection of garbage. */
  readonly heap: number;
  readonly memory: number;
}

export class OnboardingCycles {
  private constructor(
    private readonly stage: Stage,
    private readonly provider: ProviderProcess,
    private readonly address: string,
    private readonly configDir: string,
  ) {}

  /** Starts a server and a provider process. */
  static async begin(): Promise<OnboardingCycles> {
    const stage = await setStage("lxd-daemon");
    const folder = stage.newDirectory();
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(resolve(__dirname, "../../.."), join(folder, "node_modules", "pulumi-lxd-access"));
    const runs = pathToFileURL(require.resolve("./run-after-run.mjs")).href;
    const provider = await ProviderProcess.start(folder, ["--expose-gc", "--import", runs]);
    await stage.view.setAddress("");
    return new OnboardingCycles(stage, provider, stage.address, stage.newDirectory());
  }

  /** One run that onboards and looks, one that destroys. */
  async cycle(): Promise<void> {
    const { stage, provider, address, configDir } = this;
    const connection = { socketPath: stage.server.socketPath };
    const exposed = await this.create("HttpsAddress", { address, connection });
    const invited = await this.create("TrustToken", { clientName: "ci", restricted: false, connection });
    const joined = await this.create("Remote", { name: "prod", token: invited["token"] ?? null, configDir });
    const made = [exposed, invited, joined];
    assert.equal((await stage.view.clients()).length, 1, "it is onboarded");
    const seen: WireProperties[] = [];
    for (const outputs of made) seen.push((await provider.read(outputs)) ?? assert.fail("it is there"));
    await provider.ask("new run");
    for (const outputs of seen.reverse()) await provider.delete(plain(outputs) as WireProperties);
    await provider.ask("new run");
  }

  async remains(): Promise<Remains> {
    const { stage, provider, configDir } = this;
    const lists = (await stage.view.request("GET", "/1.0/operations?recursion=1")) as { running?: unknown[] };
    const { heapUsed, rss } = (await provider.ask("memory")) as NodeJS.MemoryUsage;
    return {
      clients: (await stage.view.clients()).length,
      operations: lists.running?.length ?? 0,
      listener: await stage.view.address(),
      serverFiles: openFiles(stage.server.pid).length,
      sockets: openFiles(provider.pid).filter((file) => file.startsWith("socket:")).length,
      files: readdirSync(configDir, { recursive: true }).length,
      heap: heapUsed,
      memory: rss,
    };
  }

  async end(): Promise<void> {
    await this.provider.stop();
    await this.stage.end();
  }

  private async create(name: ResourceName, inputs: WireProperties): Promise<WireProperties> {
    const text = `exports.handler=()=>require("pulumi-lxd-access/provider").${name};`;
    return plain(await this.provider.create({ ...inputs, __provider: text })) as WireProperties;
  }
}

/** What the engine sends to a provider that does not say it takes secrets: their values. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value) return plain(Reflect.get(value, "value"));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** What the files are that a process has open. */
function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed since
    }
  });
}
