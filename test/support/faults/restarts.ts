/** Updates during which the server restarts, each at another place of what client and server say to each other. */
import { strict as assert } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import type { ResourceName } from "../../../provider/registry";
import { rawRequest } from "../raw-request";
import type { TestServer } from "../servers";
import type { Recorded, Stack } from "../stack";
import { codeIn } from "./finding";
import type { Interrupter, Loss } from "./interrupter";

type Inputs = Record<string, unknown>;

/** A resource that is updated from one wish to the other, and back. */
export interface Updated {
  readonly name: ResourceName;
  readonly wishes: readonly [Inputs, Inputs];
  /** Requires the server to be as wished. */
  readonly holds: (wish: Inputs) => Promise<void>;
  /** Whether what was made does not outlive the server's process, so that the next run has to refresh. */
  readonly isLost?: boolean;
}

/**
 * Where the server restarts: in every turn; or around changes, which are all that a server that restarts can do by halves,
 * and in the read after one, which looks at what was changed.
 */
export type Places = "every turn" | "around changes";

/** The resource as it was recorded last, and what the updates came to: "done", or the code of the error, and where. */
export async function restartDuringUpdates(
  { stack, server }: { stack: Stack; server: TestServer },
  way: Interrupter,
  { name, wishes, holds, isLost = false }: Updated,
  first: Recorded,
  places: Places,
): Promise<{ last: Recorded; happened: string }> {
  const outcomes = new Map<string, Set<string>>();
  let last = first;
  let round = 0;
  const update = async (turn: number, loss: Loss): Promise<string[]> => {
    const wish = wishes[++round % 2] ?? assert.fail();
    let restarted: Promise<void> | undefined;
    way.arm(turn, loss, () => {
      const before = server.pid;
      restarted = server.restart();
      return server.isDouble ? restarted : isBack(server, before, restarted);
    });
    const { recorded: after, message } = await stack.up(name, wish, last);
    const turns = way.disarm();
    const place = `${loss} ${String(turn)} of ${turns.join(", ")}`;
    assert.ok(after !== undefined, place);
    const outcome = message === undefined ? "done" : codeIn(message);
    const { [turn - 1]: said } = turns;
    if (said !== undefined) outcomes.set(outcome, (outcomes.get(outcome) ?? new Set()).add(nameOf(said)));
    last = await upAgain(stack, after, wish, isLost);
    await restarted;
    assert.equal(await stack.plan(last, wish), "same", `${place}: ${message ?? "done"}`);
    await holds(wish);
    return turns;
  };
  const turns = await update(Infinity, "reply");
  const isChange = (turn = "GET "): boolean => !turn.startsWith("GET ");
  for (const [index, said] of turns.entries()) {
    const isLookedAt = places === "every turn" || isChange(said);
    // What is encrypted does not tell what it is, and a lost reply is the worse case.
    const isTold = nameOf(said) !== encrypted;
    if (places === "every turn" || (isTold && (isLookedAt || isChange(turns[index - 1]))))
      await update(index + 1, "request");
    if (isLookedAt) await update(index + 1, "reply");
  }
  const happened = [...outcomes].map(([outcome, where]) =>
    outcome === "done" ? outcome : `${outcome} at ${[...where].sort().join(", ")}`,
  );
  return { last, happened: happened.sort().reverse().join("; ") };
}

/** One further run. */
async function upAgain(stack: Stack, before: Recorded, wish: Inputs, isLost: boolean): Promise<Recorded> {
  const seen = isLost ? await stack.refresh(before) : before;
  if (seen !== undefined && (await stack.plan(seen, wish)) === "same") return seen;
  const { recorded, message } = await stack.up(before.name, wish, seen);
  assert.equal(message, undefined);
  return recorded ?? assert.fail();
}

/** When another process than before answers, which need not be all that it takes until it has started. */
async function isBack(server: TestServer, before: number, restarted: Promise<void>): Promise<void> {
  const over = new AbortController();
  void restarted.finally(() => {
    over.abort();
  });
  const answers = async (): Promise<boolean> =>
    rawRequest({ socketPath: server.socketPath }, "GET", "/1.0").then(
      () => true,
      () => false,
    );
  while (!over.signal.aborted && (server.pid === before || !(await answers()))) await pause(10);
}

const encrypted = "a turn of TLS";

/** The same in every run, and nothing where it is encrypted. */
function nameOf(turn: string): string {
  if (!/^[A-Z]+ \//.test(turn)) return encrypted;
  return turn.replace(/[0-9a-f]{8}-[-0-9a-f]{27}|[0-9a-f]{64}/, "ID").replace(/\?.*$/, "");
}
