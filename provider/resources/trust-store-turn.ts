/**
 * Changes of one server's trust store are made one after the other. A server reads its trust store anew after each; where two are
 * made at once, the older reading may come last. Then, until the next change, a client that was just let in is a stranger, and one
 * that has just left is trusted still.
 */
import { setTimeout } from "node:timers/promises";
import { currentCall } from "../call";

/** How long one waits while no change is done, in milliseconds: a server that hangs must not hold up each of them in turn. */
const patience = 5000;

/** Those that wait for one server. */
interface Line {
  /** When the latest of them is done. */
  last: Promise<void>;
  /** How many were done. */
  done: number;
}

const lines = new Map<string, Line>();

/**
 * Changes the trust store of a server when the changes before it are done.
 *
 * @param server SHA-256 of its certificate, hex.
 * @param name of the server, for the user, while it waits.
 */
export async function inTurn<Result>(
  server: string,
  name: string,
  change: () => Promise<Result>,
): Promise<Result> {
  const known = lines.get(server);
  const line = known ?? { last: Promise.resolve(), done: 0 };
  lines.set(server, line);
  const before = line.last;
  let hasBegun = false;
  const begin = (): Promise<Result> => {
    hasBegun = true;
    return change();
  };
  const doing = `Waiting for another client that joins or leaves ${name}`;
  const turn =
    known === undefined ? begin() : currentCall().wait(doing, whileOthersAreDone(before, line)).then(begin);
  const count = (): void => {
    line.done++;
  };
  // Who was stopped while it waited leaves those behind it waiting for those before it.
  const last = turn.then(count, () => {
    if (!hasBegun) return before;
    count();
    return undefined;
  });
  line.last = last;
  void last.then(() => {
    if (line.last === last) lines.delete(server);
  });
  return turn;
}

/** Ends once `before` has, or when nothing was done for too long. */
async function whileOthersAreDone(before: Promise<void>, line: Line): Promise<void> {
  for (let seen = -1; seen !== line.done;) {
    seen = line.done;
    if (await endsWithin(before, patience)) return;
  }
}

async function endsWithin(awaited: Promise<void>, milliseconds: number): Promise<boolean> {
  const over = new AbortController();
  const late = setTimeout(milliseconds, false, { signal: over.signal });
  try {
    return await Promise.race([awaited.then(() => true), late]);
  } finally {
    over.abort();
  }
}
