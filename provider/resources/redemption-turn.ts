/**
 * Clients of one server redeem their tokens one after the other. A server reads its trust store anew after each; where two do at
 * once, the older reading may come last, and then a client that was just let in is a stranger until the next change.
 */
import { setTimeout } from "node:timers/promises";
import { currentCall } from "../call";

/** How long one waits for those before it, in milliseconds: a server that hangs must not hold up each of them in turn. */
const patience = 5000;

/** The latest of each server. */
const latest = new Map<string, Promise<void>>();

/**
 * Does something when those before it on this server are done.
 *
 * @param server what tells servers apart.
 * @param doing for the user, while it waits.
 */
export async function inTurn<Result>(
  server: string,
  doing: string,
  work: () => Promise<Result>,
  patient = patience,
): Promise<Result> {
  const before = latest.get(server);
  const turn = before === undefined ? work() : currentCall().wait(doing, atMost(before, patient)).then(work);
  const end = turn.then(
    () => undefined,
    () => undefined,
  );
  latest.set(server, end);
  try {
    return await turn;
  } finally {
    if (latest.get(server) === end) latest.delete(server);
  }
}

async function atMost(before: Promise<void>, milliseconds: number): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([before, setTimeout(milliseconds, undefined, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}
