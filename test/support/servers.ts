import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type ProfileName, profileNames, startDouble } from "./double/double";

/** A real daemon of its own, or a double of one version. */
export type ServerKind = "lxd-daemon" | "incus-daemon" | ProfileName;

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
  /** Stops it cleanly and starts it again on the same directory. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server of this kind. Ask {@link unavailableReason} before: where there is none this rejects. */
export async function startServer(kind: ServerKind): Promise<TestServer> {
  if (isProfile(kind))
    return asTestServer(kind, true, await startDouble(kind, { speed: 5 }), () => process.pid);
  const { startDaemon } = await import("../../scripts/daemon.mjs");
  const daemon = await startDaemon({ flavor: flavorOf(kind) });
  return asTestServer(kind, false, daemon, () => daemon.pid);
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
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/libexec/incus"];
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
): TestServer {
  const { directory, socketPath } = server;
  return {
    ...{ name: kind, flavor: flavorOf(kind), isDouble, directory, socketPath },
    // A daemon that was restarted is another process.
    get pid() {
      return pid();
    },
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}
