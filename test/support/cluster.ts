/** A real LXD cluster of two members, for tests. */
import type { RawTarget } from "./raw-request";
import { freePort, type ServerView, viewOf } from "./server-view";
import type { Recorded } from "./stack";

/** One of the two members. */
export interface TestMember {
  readonly name: "a" | "b";
  /** Its loopback address. */
  readonly host: string;
  /** `cluster.https_address`. */
  readonly clusterAddress: string;
  readonly socketPath: string;
  readonly directory: string;
  /** Looks at it, and changes it by hand, over its own socket. */
  readonly view: ServerView;
  /** `connection` for resources: its own socket. */
  readonly connection: { readonly socketPath: string };
  /** The process that serves; another one after a restart. */
  pid(): number;
  /** A port on its address that nobody listens on, as `host:port`. */
  freeAddress(): Promise<string>;
  /** Starts it again, and waits until the members reach each other. */
  restart(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export interface TestCluster {
  readonly a: TestMember;
  readonly b: TestMember;
  stop(): Promise<void>;
}

/**
 * Starts a cluster. `isJoint`: one listener serves the cluster and its clients; else `core.https_address` is unset on
 * both members. Ask `unavailableReason("lxd-cluster")` before: where there is none this rejects.
 */
export async function startTestCluster(options: { isJoint?: boolean } = {}): Promise<TestCluster> {
  const { startCluster } = await import("../../scripts/cluster.mjs");
  const cluster = await startCluster(options);
  const member = ({ name, host, clusterAddress, daemon }: typeof cluster.a): TestMember => {
    const { socketPath, directory } = daemon;
    const own: RawTarget = { socketPath };
    return {
      ...{ name, host, clusterAddress, socketPath, directory },
      view: viewOf(own),
      connection: { socketPath },
      pid: () => daemon.pid,
      freeAddress: async () => `${host}:${await freePort(host)}`,
      restart: async () => {
        await daemon.restart();
        await cluster.untilJoined();
      },
      kill: () => daemon.kill(),
    };
  };
  return { a: member(cluster.a), b: member(cluster.b), stop: () => cluster.stop() };
}

/** The same resource, as a program has it that reaches the cluster through another member. */
export function through({ connection }: TestMember, resource: Recorded): Recorded {
  const inputs = { ...resource.inputs, connection };
  return { ...resource, inputs, outputs: { ...resource.outputs, connection } };
}
