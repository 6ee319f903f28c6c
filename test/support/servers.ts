import { execFileSync } from "node:child_process";
import { accessSync, constants, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { keepOthersUnreachable } from "./extra-addresses";
import { type ProfileName, profileNames, startDouble } from "./double/double";

/** A real daemon of its own, a real cluster of two LXD daemons, or a double of one version. */
export type ServerKind = "lxd-daemon" | "incus-daemon" | "lxd-cluster" | ProfileName;

/** A server that a test has for itself. */
export interface TestServer {
  /** For titles of tests: its kind. */
  readonly name: ServerKind;
  readonly flavor: "lxd" | "incus";
  readonly isDouble: boolean;
  /** LXD_DIR or INCUS_DIR; goes with {@link stop}. */
  readonly directory: string;
  readonly socketPath: string;
  /** The process that serves: for a double this one. */
  readonly pid: number;
  /** Of a cluster: the member that all of this is about, which an HttpsAddress has to name. */
  readonly target?: string;
  /** Stops it cleanly and starts it again on the same directory. */
  restart(): Promise<void>;
  /** Restarts it with another certificate of its own, as after its expiry. */
  rotateCertificate(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server of this kind. Ask {@link unavailableReason} before: where there is none this rejects. */
export async function startServer(kind: ServerKind): Promise<TestServer> {
  if (isProfile(kind))
    return asTestServer(kind, true, await startDouble(kind, { speed: 5 }), () => process.pid);
  keepOthersUnreachable();
  if (kind === "lxd-cluster") return startMember();
  const { startDaemon } = await import("../../scripts/daemon.mjs");
  const daemon = await startDaemon({ flavor: flavorOf(kind) });
  return asTestServer(kind, false, daemon, () => daemon.pid);
}

/** A member of a cluster, as a server that a test has for itself. */
async function startMember(): Promise<TestServer> {
  const { startCluster } = await import("../../scripts/cluster.mjs");
  const { a, stop } = await startCluster();
  const { daemon } = a;
  const member = { ...daemon, stop };
  return asTestServer("lxd-cluster", false, member, () => daemon.pid, a.name);
}

/** The profile of the version that a kind of server shows: of a real daemon, that of the one installed here. */
export function profileFor(kind: ServerKind): ProfileName {
  if (isProfile(kind)) return kind;
  if (flavorOf(kind) === "incus") return "incus-6.0";
  const [, major = "5", minor = "0"] = /^(\d+)\.(\d+)/.exec(lxdVersion()) ?? [];
  if (major !== "5") return "lxd-6";
  return minor === "0" ? "lxd-5.0" : "lxd-5.21";
}

/** Version of the LXD that private daemons are started from; empty where there is none. */
function lxdVersion(): string {
  try {
    return execFileSync(process.env["LXD_BIN"] || "lxd", ["--version"], { encoding: "utf8" });
  } catch {
    return "";
  }
}

/** Why no server of this kind can be started on this machine; undefined where it can. */
export function unavailableReason(kind: ServerKind): string | undefined {
  if (isProfile(kind)) return undefined;
  const flavor = flavorOf(kind);
  const known =
    process.env[flavor === "lxd" ? "LXD_ACCESS_TEST_LXD_MISSING" : "LXD_ACCESS_TEST_INCUS_MISSING"];
  if (known !== undefined && known !== "") return known;
  const program = flavor === "lxd" ? "lxd" : "incusd";
  const given = process.env[flavor === "lxd" ? "LXD_BIN" : "INCUS_BIN"];
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/libexec/incus", "/usr/lib/incus"];
  if (![given ?? "", ...folders.map((folder) => join(folder, program))].some(isProgram))
    return `there is no ${program} on PATH`;
  return process.getuid?.() === 0 ? undefined : `starting ${program} needs root`;
}

function isProfile(kind: ServerKind): kind is ProfileName {
  return profileNames.some((name) => name === kind);
}

function flavorOf(kind: ServerKind): "lxd" | "incus" {
  return kind.startsWith("incus") ? "incus" : "lxd";
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== "";
  } catch {
    return false;
  }
}

function asTestServer(
  kind: ServerKind,
  isDouble: boolean,
  server: Pick<TestServer, "directory" | "socketPath" | "restart" | "stop">,
  pid: () => number,
  target?: string,
): TestServer {
  const { directory, socketPath } = server;
  return {
    ...{ name: kind, flavor: flavorOf(kind), isDouble, directory, socketPath, target },
    // A daemon that was restarted is another process.
    get pid() {
      return pid();
    },
    restart: () => server.restart(),
    rotateCertificate: async () => {
      // A server makes those that it does not find.
      for (const file of ["server.crt", "server.key"]) rmSync(join(directory, file));
      await server.restart();
    },
    stop: () => server.stop(),
  };
}
