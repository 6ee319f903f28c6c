import { AccessError } from "../errors";

/** What to do next where no reply comes. */
export const hintForNoReply = "Does the server hang, or is it busy? Then give it longer by timeouts.request";

/** Bounds how long a request may take, as long as there is a connection for it; making one has a bound of its own. */
export class RequestDeadline {
  private readonly over = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private since = 0;
  /** Milliseconds. */
  private left: number;

  /** @param onRun is told when there is a connection. */
  constructor(
    private readonly seconds: number,
    private readonly onRun?: () => void,
  ) {
    this.left = seconds * 1000;
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** Counts on. */
  run(): void {
    if (this.timer !== undefined || this.signal.aborted) return;
    this.onRun?.();
    this.since = performance.now();
    this.timer = setTimeout(() => {
      const reason = `no reply within ${this.seconds} s. ${hintForNoReply}`;
      this.over.abort(new AccessError("LXD_TIMEOUT", reason));
    }, Math.ceil(this.left));
  }

  /** Ends the request. */
  end(reason: unknown): void {
    this.over.abort(reason);
  }

  pause(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.left = Math.max(0, this.left - (performance.now() - this.since));
  }
}
