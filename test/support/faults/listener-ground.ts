/** Real servers whose address cannot be changed: what they are left with is compared with what was there before. */
import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { listeningSockets } from "../facts/listening-sockets";
import { freePort, openHttps, type ServerView, viewOf } from "../server-view";
import { startServer, type TestServer } from "../servers";
import { elsewhere, occupy, type SetbackCase, type Surroundings } from "../setback-cases";
import { type Recorded, Stack } from "../stack";
import { startTestSshd, type TestSshd } from "../sshd";
import { codeIn, type FaultFinding, serverNamed } from "./finding";

/** The real servers that these faults are tried on. */
export type RealKind = "lxd-daemon" | "incus-daemon" | "lxd-cluster";

/** What must not change: what is configured, and where the process listens as the kernel has it. */
export interface Seen {
  readonly config: Readonly<Record<string, unknown>>;
  readonly sockets: readonly string[];
}

/** A server, looked at behind the provider's back. */
export interface Watched {
  readonly server: Pick<TestServer, "directory" | "socketPath" | "pid" | "target" | "restart" | "stop">;
  readonly view: ServerView;
  readonly seen: () => Promise<Seen>;
}

/** A server, and the way over which its address is changed. */
export interface Place extends Watched {
  readonly from: "unset" | "set";
  readonly over: "the unix socket" | "SSH" | "the very listener";
  readonly connection: object;
  readonly surroundings: Surroundings;
}

/** What one way of changing it came to. */
interface Outcome {
  readonly title: string;
  readonly way: string;
  readonly happened: string;
  readonly left: string;
}

/** Starts a server; a daemon of its own knows the name of another host. */
export async function watch(kind: RealKind): Promise<Watched> {
  const server = kind === "lxd-cluster" ? await startServer(kind) : await startOne(kind);
  const view = viewOf(server);
  const seen = async (): Promise<Seen> => {
    const { config } = (await view.request("GET", "/1.0")) as Pick<Seen, "config">;
    return { config, sockets: listeningSockets(server.pid) };
  };
  return { server, view, seen };
}

async function startOne(kind: "lxd-daemon" | "incus-daemon"): Promise<Watched["server"]> {
  const { startDaemon } = await import("../../../scripts/daemon.mjs");
  const hosts = { [elsewhere.name]: elsewhere.address };
  const daemon = await startDaemon({ flavor: kind === "lxd-daemon" ? "lxd" : "incus", hosts });
  return Object.assign(daemon, { target: undefined });
}

/** Servers of a kind that never change: one for each way, so that all of them can be tried at once. */
export class ListenerGround {
  places: readonly Place[] = [];
  private sshd: TestSshd | undefined;
  private readonly others: Awaited<ReturnType<typeof occupy>>[] = [];

  constructor(private readonly kind: RealKind) {}

  async start(): Promise<void> {
    const [other, otherV6] = [await occupy("127.0.0.1"), await occupy("::1")];
    this.others.push(other, otherV6);
    const taken = { taken: other.port, takenV6: otherV6.port };
    const ways: Pick<Place, "from" | "over">[] = [
      { from: "unset", over: "the unix socket" },
      { from: "set", over: "the unix socket" },
    ];
    if (this.kind !== "lxd-cluster") {
      this.sshd = await startTestSshd();
      ways.push({ from: "unset", over: "SSH" }, { from: "set", over: "SSH" });
      ways.push({ from: "set", over: "the very listener" });
    }
    for (const way of ways) this.places = [...this.places, await this.prepare(way, taken)];
  }

  async stop(): Promise<void> {
    for (const { server } of this.others) server.close();
    for (const { server } of this.places) await server.stop();
    await this.sshd?.stop();
  }

  /**
   * Has changes fail, one after the other, over each of the ways at once, and requires that each server is as it was after
   * each of them, and when it is started again after the last one.
   */
  async fail(theCases: readonly SetbackCase[]): Promise<FaultFinding[]> {
    const isForEveryWay = theCases.every((theCase) => theCase.isForEveryWay);
    const places = this.places.filter(({ over }) => isForEveryWay || over === "the unix socket");
    const outcomes = await Promise.all(places.map((place) => failIn(place, theCases)));
    return summedUp(this.kind, outcomes.flat());
  }

  private async prepare(
    { from, over }: Pick<Place, "from" | "over">,
    taken: Omit<Surroundings, "metrics">,
  ): Promise<Place> {
    const watched = await watch(this.kind);
    const { server, view } = watched;
    const metrics = await freePort();
    if (this.kind !== "lxd-cluster") {
      const config = { "core.metrics_address": `127.0.0.1:${metrics}`, "images.auto_update_interval": "0" };
      await view.request("PATCH", "/1.0", { config });
    }
    if (from === "set") await view.listen();
    const connection = await this.connect(server, over);
    return { ...watched, from, over, connection, surroundings: { ...taken, metrics } };
  }

  private async connect(server: Watched["server"], over: Place["over"]): Promise<object> {
    const { socketPath } = server;
    if (over === "the unix socket") return { socketPath };
    if (over === "the very listener") return (await openHttps(server)).connection;
    const sshd = this.sshd ?? assert.fail("no sshd was started");
    return { ssh: { ...sshd.connection, socketPath } };
  }
}

async function failIn(place: Place, theCases: readonly SetbackCase[]): Promise<Outcome[]> {
  const { server, connection, surroundings, from, over } = place;
  const stack = new Stack(server.directory);
  const before = await place.seen();
  const outcomes: Outcome[] = [];
  for (const theCase of theCases) {
    const inputs = { ...theCase.inputs(surroundings), target: server.target, connection };
    const { message, recorded } = await stack.createFails("HttpsAddress", inputs);
    assert.match(message, theCase.message);
    assert.equal(recorded, undefined);
    const after = await place.seen();
    assert.deepEqual(after, before);
    const way = `from ${from} over ${over}`;
    outcomes.push({
      ...{ title: theCase.title, way, happened: codeIn(message), left: compared(after, before) },
    });
  }
  await server.restart();
  const restarted = await place.seen();
  assert.deepEqual(restarted, before, "restarted");
  // And it still works: nothing half-done is in the way.
  await setAndDestroy(place, stack, before);
  return outcomes.map((outcome) => ({
    ...outcome,
    left: `${outcome.left}; restarted: ${compared(restarted, before)}`,
  }));
}

/** A good address is set and taken back over the socket, and leaves nothing behind. */
async function setAndDestroy({ server, seen, view }: Watched, stack: Stack, before: Seen): Promise<void> {
  const good = `127.0.0.1:${await freePort()}`;
  const connection = { socketPath: server.socketPath };
  const resource: Recorded = await stack.create("HttpsAddress", {
    ...{ target: server.target, address: good, connection },
  });
  assert.equal(await view.address(), good);
  await stack.destroy(resource);
  assert.deepEqual(await seen(), before);
}

/** What became of a server, in plain phrases. */
export function compared(after: Seen, before: Seen): string {
  const [isSameConfig, isSameSockets] = [
    isDeepStrictEqual(after.config, before.config),
    isDeepStrictEqual(after.sockets, before.sockets),
  ];
  if (isSameConfig && isSameSockets) return "configuration and sockets as before";
  const config = `${isSameConfig ? "the same" : "another"} configuration`;
  return `${config}, ${isSameSockets ? "the same" : "other"} sockets`;
}

/** One finding for all the ways in which a case came to the same. */
function summedUp(kind: RealKind, outcomes: readonly Outcome[]): FaultFinding[] {
  const ways = new Map<string, string[]>();
  for (const { way, ...result } of outcomes) {
    const key = JSON.stringify(result);
    ways.set(key, [...(ways.get(key) ?? []), way]);
  }
  return [...ways].map(([key, those]) => {
    const { title, happened, left } = JSON.parse(key) as Omit<Outcome, "way">;
    const fault = `${title}: ${those.join(", ")}`;
    return { kind: "fault", fault, server: serverNamed(kind), happened, left };
  });
}
