/** Asking a server over SSH as a resource would: from `ssh` in a connection to the server's answer. */
import * as assert from "node:assert/strict";
import type { Ssh } from "../../provider/connection";
import { AccessError, type ErrorCode } from "../../provider/errors";
import type { LxdClient } from "../../provider/lxd/client";
import { ClientPool } from "../../provider/lxd/pool";
import { resolveConnection } from "../../provider/ways-in/resolve";

export interface SshWayIn {
  /** The client for a connection; it is closed when the test ends. */
  open(ssh: Ssh, timeouts?: { connect: number; request: number }): Promise<LxdClient>;
  /** Asks for the server's name. */
  ask(ssh: Ssh): Promise<string>;
  /** Requires that asking fails with a code and a message; answers the message. */
  fails(ssh: Ssh, code: ErrorCode, message: RegExp): Promise<string>;
  /** Closes what is open. */
  close(): Promise<void>;
  environment: NodeJS.ProcessEnv;
  programDirectory: string;
}

/** For the tests of the surrounding `describe`. Patient where nothing else is said: machines may be busy. */
export function useSshWayIn(): SshWayIn {
  let pool = new ClientPool();
  const way: SshWayIn = {
    environment: {},
    programDirectory: "/nonexistent",
    async open(ssh, timeouts = { connect: 20, request: 20 }) {
      const { environment, programDirectory } = way;
      const surroundings = { config: {}, environment, programDirectory };
      const resolved = await resolveConnection({ ssh, timeouts }, surroundings);
      return pool.client(resolved.endpoint, resolved.timeouts);
    },
    async ask(ssh) {
      const client = await way.open(ssh);
      const { environment } = await client.getServer({ fresh: true });
      return environment?.server_name ?? "";
    },
    async fails(ssh, code, message) {
      return requireError(await failure(way.ask(ssh)), code, message);
    },
    async close() {
      const old = pool;
      pool = new ClientPool();
      await old.close();
    },
  };
  afterEach(() => way.close());
  return way;
}

/** What a call that is to fail fails with. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => assert.fail("it was to fail"),
    (reason: unknown) => reason,
  );
}

/** Requires an error with a code and a message, which holds nothing of a key; answers the message. */
export function requireError(error: unknown, code: ErrorCode, message: RegExp): string {
  assert.ok(error instanceof AccessError, String(error));
  assert.equal(error.errorCode, code, error.message);
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /PRIVATE KEY|b3BlbnNzaC1rZXktdjEA|\n|undefined/);
  return error.message;
}
