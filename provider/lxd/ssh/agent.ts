import type { Duplex } from "node:stream";
import type * as Ssh2 from "ssh2";

/** An agent's socket, and a way to let go of it: one that does not answer would keep the process alive. */
export interface Agent {
  readonly agent: Ssh2.BaseAgent;
  /** Ends what is asked of the agent. */
  close(): void;
}

/** The agent at the path of its socket. Nothing is opened before it is used. */
export function agentAt(path: string, { OpenSSHAgent }: typeof Ssh2): Agent {
  const streams = new Set<Duplex>();
  class ClosableAgent extends OpenSSHAgent {
    override getStream(done: Parameters<InstanceType<typeof OpenSSHAgent>["getStream"]>[0]): void {
      super.getStream((error, stream) => {
        if (stream !== undefined) streams.add(stream);
        done(error, stream);
      });
    }
  }
  return {
    agent: new ClosableAgent(path),
    close() {
      for (const stream of streams) stream.destroy();
    },
  };
}
