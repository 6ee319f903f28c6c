/** A server whose traffic is counted: on a way to it, and by what it says itself of the requests that came. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CountingWay, countOnTheWayTo } from "./counting-way";
import { type ProfileName, startDouble } from "./double/double";
import { keepOthersUnreachable } from "./extra-addresses";
import { type AdminClient, openHttps, type ServerView, viewOf } from "./server-view";

/** A real server, or a double of one version. */
export type CountedKind = "lxd-daemon" | "incus-daemon" | ProfileName;

/** A request that came over the network from a client that is trusted. */
interface CountedRequest {
  /** `GET /1.0`, with the query. */
  readonly request: string;
  /** SHA-256 of the client's certificate, hex. */
  readonly client: string;
}

export interface TrafficGround {
  readonly view: ServerView;
  readonly way: CountingWay;
  /** `connection` of an administrator, by the way that counts. */
  readonly connection: AdminClient["connection"];
  /** A new folder each time. */
  newFolder(): string;
  /** What came over the network since it was asked last. */
  takeRequests(): CountedRequest[];
  end(): Promise<void>;
}

/** Starts a server that listens on loopback. */
export async function setTrafficGround(kind: CountedKind): Promise<TrafficGround> {
  const folder = mkdtempSync(join(tmpdir(), "lxa-traffic-"));
  const { socketPath, requests, stop } = await start(kind);
  const admin = await openHttps({ socketPath });
  const way = await countOnTheWayTo(admin.address);
  let folders = 0;
  let seen = 0;
  return {
    view: viewOf({ socketPath }),
    way,
    connection: { ...admin.connection, address: way.address },
    newFolder: () => join(folder, String(++folders)),
    takeRequests() {
      const all = requests();
      const fresh = all.slice(seen);
      seen = all.length;
      return fresh;
    },
    async end() {
      await way.close();
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function start(kind: CountedKind): Promise<{
  socketPath: string;
  requests: () => CountedRequest[];
  stop: () => Promise<void>;
}> {
  if (kind === "lxd-daemon" || kind === "incus-daemon") {
    keepOthersUnreachable();
    const { startDaemon } = await import("../../scripts/daemon.mjs");
    const flavor = kind === "lxd-daemon" ? "lxd" : "incus";
    const { directory, socketPath, stop } = await startDaemon({ flavor, args: ["--debug"] });
    const log = (): string => readFileSync(join(directory, "daemon.log"), "utf8");
    return { socketPath, requests: () => log().split("\n").flatMap(requestsIn), stop };
  }
  const double = await startDouble(kind, { speed: 5 });
  const fromClients = (): CountedRequest[] =>
    double.requests.flatMap(({ method, path, clientFingerprint: client }) =>
      client === undefined ? [] : { request: `${method} ${path}`, client },
    );
  return { socketPath: double.socketPath, requests: fromClients, stop: () => double.stop() };
}

/** The request that a line of a daemon's log tells of, if it does. */
function requestsIn(line: string): CountedRequest[] {
  const field = (name: string): string => new RegExp(` ${name}="?([^" ]+)`).exec(line)?.[1] ?? "";
  if (!line.includes('"Handling API request"') || field("protocol") !== "tls") return [];
  return [{ request: `${field("method")} ${field("url")}`, client: field("username") }];
}
