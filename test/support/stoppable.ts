/** Calls of handlers that a test can ask to stop, as a front does, and a server that answers when the test says so. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { Call } from "../../provider/call";
import { AccessError } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { ClientPool } from "../../provider/lxd/pool";
import { contextFor } from "../../provider/registry";
import type { Gate } from "./gate";

/** What came of a call. */
export type Outcome<Result> = { readonly result: Result } | { readonly error: unknown };

/** A call that runs. */
export interface Running<Result> {
  /** Asks it to stop. */
  stop(): void;
  readonly outcome: Promise<Outcome<Result>>;
  /** When it says that it waits for this. */
  waitsFor(what: RegExp): Promise<void>;
}

export interface Calls {
  readonly context: Context;
  /** What the user was told. */
  readonly messages: readonly string[];
  begin<Result>(work: () => Promise<Result>, limit?: { seconds: number }): Running<Result>;
  close(): Promise<void>;
}

/** Calls of one provider process, which share their connections. */
export function callsIn(programDirectory: string, config: Record<string, string> = {}): Calls {
  const pool = new ClientPool();
  const messages: string[] = [];
  const log = (level: string, message: string): void => void messages.push(`${level}: ${message}`);
  const surroundings = { config, environment: {}, programDirectory, now: () => new Date(), log };
  return {
    context: contextFor(surroundings, pool),
    messages,
    begin(work, limit) {
      const user = new AbortController();
      const call = new Call({ signal: user.signal, ...limit });
      let ended: object | undefined;
      const outcome = call.run(work).then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
      void outcome.then((one) => (ended = one));
      return {
        outcome,
        stop: () => {
          user.abort();
        },
        async waitsFor(what) {
          while (!what.test(call.doing)) {
            if (ended !== undefined) throw new Error(`it ended before it waited: ${inspect(ended)}`);
            await setImmediate();
          }
        },
      };
    },
    close: () => pool.close(),
  };
}

/** What a call answered that was to succeed. */
export function resultOf<Result>(outcome: Outcome<Result>): Result {
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

/** What a call failed with that was to fail. */
export function errorOf(outcome: Outcome<unknown>): AccessError {
  assert.ok("error" in outcome && outcome.error instanceof AccessError, inspect(outcome));
  return outcome.error;
}

/** A request that is not answered yet. */
export interface Held {
  /** Method and path. */
  readonly request: string;
  answer(metadata: unknown): void;
}

export interface HeldServer {
  readonly socketPath: string;
  /** Every request so far, as method and path. */
  readonly requests: readonly string[];
  /** The next request, when it has come. */
  next(): Promise<Held>;
  close(): void;
}

/** Listens on a unix socket in this folder. */
async function startHeldServer(folder: string): Promise<HeldServer> {
  const socketPath = join(folder, "unix.socket");
  const requests: string[] = [];
  const waiting: Held[] = [];
  const server = createServer((incoming, response) => {
    void text(incoming).then(() => {
      const request = `${incoming.method ?? ""} ${incoming.url ?? ""}`;
      requests.push(request);
      waiting.push({
        request,
        answer: (metadata) => {
          response.end(JSON.stringify({ type: "sync", status_code: 200, metadata }));
        },
      });
      server.emit("held");
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    socketPath,
    requests,
    async next() {
      for (;;) {
        const held = waiting.shift();
        if (held !== undefined) return held;
        await once(server, "held");
      }
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What such a server says of itself, as LXD does. */
export const described = {
  ...{ auth: "trusted", api_extensions: [], config: {} },
  environment: {
    ...{ server: "lxd", server_name: "edge", server_version: "5.0.2", server_clustered: false },
    ...{ addresses: [], certificate: "PEM", certificate_fingerprint: "ab" },
  },
};

/** Starts one in a folder for a test. */
export async function usingHeld(folder: string, test: (server: HeldServer) => Promise<void>): Promise<void> {
  const server = await startHeldServer(folder);
  try {
    await test(server);
  } finally {
    server.close();
  }
}

/** Longer than any test may take, so that what ends has not run out of time. */
export const timeouts = { connect: 250, request: 250 };

/** The connection to such a server. */
export function at({ socketPath }: HeldServer): { socketPath: string; timeouts: typeof timeouts } {
  return { socketPath, timeouts };
}

/** When so many connections have come through a gate. */
export async function connectionsOf(gate: Gate, count: number): Promise<void> {
  while (gate.connections() < count) await setImmediate();
}

/** Requires that a call was stopped while it did this. */
export async function stoppedAt(call: Running<unknown>, doing: string): Promise<void> {
  const { message } = errorOf(await call.outcome);
  assert.equal(message, `${doing}: cancelled before anything was changed. Run again [CANCELLED]`);
}
