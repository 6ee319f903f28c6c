import { AccessError } from "../../errors";
import { unlessAborted } from "../../waiting";
import type { OpenConnection } from "./open-connection";
import type { Waiter } from "./within-time";

/** An SSH connection that is being opened, once for all who wait for it, and given up when nobody does any more. */
export class Opening {
  private readonly waiters = new Set<Waiter>();
  private readonly over = new AbortController();
  private readonly result: Promise<OpenConnection>;
  private opened: OpenConnection | undefined;
  private hasFailed = false;
  private awaited = "";

  /** `open` begins at once. */
  constructor(open: (waiter: Waiter) => Promise<OpenConnection>) {
    const waitsFor = (what: string): void => {
      this.awaited = what;
      for (const waiter of this.waiters) waiter.waitsFor(what);
    };
    this.result = open({ signal: this.over.signal, waitsFor }).then((connection) => {
      this.opened = connection;
      return connection;
    });
    this.result.catch(() => (this.hasFailed = true)); // whoever waits is told
  }

  /** Whether there is, or may be yet, a connection to begin something with. */
  get isUsable(): boolean {
    return !this.hasFailed && !this.over.signal.aborted && this.opened?.isRetired !== true;
  }

  /** The connection when it is open, for as long as this one waits. */
  async wait(waiter: Waiter): Promise<OpenConnection> {
    this.waiters.add(waiter);
    waiter.waitsFor(this.awaited);
    try {
      return await unlessAborted(waiter.signal, this.result);
    } finally {
      this.waiters.delete(waiter);
      if (this.waiters.size === 0 && this.opened === undefined) this.giveUp();
    }
  }

  /** Ends the connection, or its opening, in which those who still wait for it fail. */
  close(): void {
    if (this.opened === undefined) this.giveUp();
    else this.opened.end();
  }

  private giveUp(): void {
    this.over.abort(new AccessError("LXD_UNREACHABLE", "the SSH connection was closed from here"));
  }
}
