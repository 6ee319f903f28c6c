/** A real server of a spec's own, and what a Remote needs to join it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerView } from "./server-view";
import { viewOf } from "./server-view";
import { type ServerKind, startServer, type TestServer } from "./servers";
import { Stack } from "./stack";

/** What a spec has for itself, until {@link end}. */
export interface Stage {
  readonly server: TestServer;
  readonly view: ServerView;
  readonly stack: Stack;
  /** The listener of the server, host:port. */
  readonly address: string;
  /** A client directory that does not exist yet; another one at each call. */
  newDirectory(): string;
  /** A token for an administrator of this name. */
  token(name: string): Promise<string>;
  /** SHA-256 of the server's certificate as it is now, hex. */
  fingerprint(): Promise<string>;
  end(): Promise<void>;
}

/** Starts a server that listens on loopback. */
export async function setStage(kind: ServerKind): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "lxa-remote-"));
  const server = await startServer(kind);
  const view = viewOf(server);
  const address = await view.listen();
  let directories = 0;
  return {
    ...{ server, view, stack: new Stack(folder), address },
    newDirectory: () => join(folder, `directory-${++directories}`),
    token: (name) => view.issueToken(name, { restricted: false, projects: [] }),
    fingerprint: async () => {
      const { environment } = (await view.request("GET", "/1.0")) as {
        environment: { certificate_fingerprint: string };
      };
      return environment.certificate_fingerprint;
    },
    end: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
