/**
 * Calls that can be asked to stop: by a user who interrupts the run, or because a resource's `customTimeouts` are over.
 *
 * A call that has changed nothing yet stops at once, whatever it waits for, and changes nothing any more. From its first
 * change on it runs to its own end, so that nothing stays half-done: replies, proofs, taking back, and what has to be
 * recorded. All of that has bounds of its own.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setMaxListeners } from "node:events";
import { AccessError, NotSentError, printable } from "./errors";
import { unlessAborted } from "./waiting";

/** What may stop a call. */
interface Limits {
  /** Aborted when the run is to stop. */
  readonly signal?: AbortSignal;
  /** How long it may take, as `customTimeouts` say; 0 or left out is as long as it takes. */
  readonly seconds?: number;
  /** It may only look: what would change anything throws instead. */
  readonly readOnly?: boolean;
}

/** Milliseconds; Node takes no more for a timer. */
const longestTimer = 2 ** 31 - 1;

export class Call {
  private readonly over = new AbortController();
  /** Why it is to stop, for the user, and when it has been stopped why it was. */
  private reason: AccessError | undefined;
  private changes = 0;
  /** How much is under way that is not to be cut in two. */
  private pieces = 0;
  private readonly waits = new Set<{ readonly doing: string }>();
  private latest = "Beginning";

  constructor(private readonly limits: Limits = {}) {
    // A call may wait for many things at once, and one signal may be for many calls.
    for (const signal of [this.over.signal, limits.signal])
      if (signal !== undefined) setMaxListeners(0, signal);
  }

  /**
   * What it waits for, or waited for last, as in "Redeeming a trust token on https://10.0.0.11:8443". Can be printed as it is,
   * and holds nothing secret.
   */
  get doing(): string {
    return printable([...this.waits].at(-1)?.doing ?? this.latest);
  }

  /** Aborted when the call has been stopped. After its first change it never is. */
  get stopped(): AbortSignal {
    return this.over.signal;
  }

  private get neverStops(): boolean {
    const { signal, seconds = 0 } = this.limits;
    return signal === undefined && seconds <= 0;
  }

  /** To be called right before anything is changed. Throws where the call has been stopped; from here on it is not. BUG where it may only look. */
  change(): void {
    this.stopped.throwIfAborted();
    this.requireMayChange(this.doing);
    this.changes++;
  }

  /** Throws BUG where it may only look. `doing` is what would change something. */
  requireMayChange(doing: string): void {
    if (this.limits.readOnly !== true) return;
    throw new NotSentError("BUG", `${doing}: this would change something, and this call may only look`);
  }

  /** To be called when a change is known to have come to nothing. */
  nothingChanged(): void {
    this.changes--;
    this.stopIfDue();
  }

  /** Waits for something, unless the call is stopped meanwhile: then it throws, and the rest is of no interest. */
  async wait<Value>(doing: string, promise: Promise<Value>): Promise<Value> {
    const wait = { doing };
    this.waits.add(wait);
    this.latest = doing;
    try {
      return await (this.neverStops ? promise : unlessAborted(this.stopped, promise));
    } finally {
      this.waits.delete(wait);
    }
  }

  /** Does something short, in the middle of which the call is not stopped. */
  async whole<Value>(work: () => Promise<Value>): Promise<Value> {
    this.pieces++;
    try {
      return await work();
    } finally {
      this.pieces--;
      this.stopIfDue();
    }
  }

  /** Runs a handler. @throws AccessError CANCELLED or LXD_TIMEOUT when the call is stopped, without waiting for the handler. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    const { signal, seconds = 0 } = this.limits;
    const cancel = (): void => {
      this.stop("CANCELLED", "cancelled before anything was changed. Run again");
    };
    const expire = (): void => {
      this.stop(
        "LXD_TIMEOUT",
        `not done within the ${seconds} s that customTimeouts allow, and nothing was changed. Run again, or allow more`,
      );
    };
    const timer = seconds > 0 ? setTimeout(expire, Math.min(seconds * 1000, longestTimer)) : undefined;
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted === true) cancel();
    try {
      this.stopped.throwIfAborted();
      return await unlessAborted(this.stopped, calls.run(this, work));
    } catch (error) {
      throw this.stopped.aborted ? this.reason : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  private stop(code: "CANCELLED" | "LXD_TIMEOUT", why: string): void {
    this.reason ??= new AccessError(code, `${this.doing}: ${why}`);
    this.stopIfDue();
  }

  private stopIfDue(): void {
    if (this.reason === undefined || this.changes > 0 || this.pieces > 0) return;
    // What the handler makes of it is of no interest; but it must not take a limit in time for a server that is silent.
    this.over.abort(new NotSentError("CANCELLED", "the call was stopped"));
  }
}

const calls = new AsyncLocalStorage<Call>();

/** Stands for all that runs in no call. It never stops. */
const unattended = new Call();

/** The call in which this runs. */
export function currentCall(): Call {
  return calls.getStore() ?? unattended;
}
