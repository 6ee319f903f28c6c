/** One run that is cut off at each of its points, what the next run makes of it, and what a destroy leaves. */
import { strict as assert } from "node:assert";
import { needsClient } from "../client-command";
import { describeWith } from "../skip";
import { Stack } from "../stack";
import {
  ageLock,
  clientDirectory,
  contentsOf,
  CrashGround,
  filesUnder,
  type Traces,
  without,
} from "./crash-ground";
import type { CallEnd, DoomedProvider } from "./doomed-provider";
import { codeIn, type FaultFinding, itFinds, serverNamed } from "./finding";
import { type Made, type Program, SmallEngine } from "./small-engine";

/** A run of a program, and the call in it that is cut off. */
export interface Flow {
  /** What the call is to the user: "creating a Remote". */
  readonly doing: string;
  /** Name of the resource whose call is cut off. */
  readonly name: string;
  /** Of what the run before made; empty for a first run. */
  readonly before?: Program;
  /** What happens between the two runs: who redeems a token, say. */
  readonly between?: (ground: CrashGround, made: Made) => Promise<void>;
  readonly after: Program;
  /** What the user makes of a program that is refused; its run fails also where nobody is killed. */
  readonly mended?: Program;
  /** Whether the server listens before; default true. */
  readonly isListening?: boolean;
  /** Points of these kinds must be there, or the watching is broken. */
  readonly expects: readonly string[];
  /** What a run that was cut off may leave for good, as SECURITY.md says: it is taken for having been there before. */
  readonly mayStay?: readonly string[];
}

/** Who is killed: the process that runs the provider, or the server's daemon. */
type Victim = "provider" | "server";

/** A run that came to its end, or to a death in it. */
interface Run {
  readonly flow: Flow;
  readonly engine: SmallEngine;
  readonly provider: DoomedProvider;
  readonly end: CallEnd;
  /** What a refresh said, where it failed. */
  readonly refreshed: string;
  /** What is there now, as far as the next run could tell it from what another death leaves. */
  readonly wreck: string;
}

/** What came of a death. */
interface Outcome {
  readonly happened: string;
  readonly left: string;
}

/** Makes a flow ready on a ground, before each of its runs. */
export type FlowMaker = (ground: CrashGround) => Flow | Promise<Flow>;

/** Declares tests on a real LXD and a real Incus at once: much of their time is waiting. */
export function describeCrashes(
  title: string,
  declare: (flow: (title: string, victim: Victim, make: FlowMaker) => void) => void,
): void {
  const kinds = ["lxd-daemon", "incus-daemon"] as const;
  describeWith(kinds, `${title}, on a real LXD and a real Incus`, () => {
    const grounds: CrashGround[] = [];
    before(needsClient("lxd"));
    before(needsClient("incus"));
    before(async () => {
      for (const kind of kinds) grounds.push(await CrashGround.start(kind));
    });
    after(() => Promise.all(grounds.map((ground) => ground.end())));
    declare((name, victim, make) => {
      itFinds(name, async () => {
        // Both come to their end before one of them fails.
        const ends = await Promise.allSettled(
          grounds.map((ground) => cutOffEverywhere(ground, victim, make)),
        );
        return merged(
          ends.flatMap((end) => {
            if (end.status === "rejected") throw end.reason;
            return end.value;
          }),
        );
      });
    });
  });
}

/** What came to the same on both servers is told once. */
function merged(findings: readonly FaultFinding[]): FaultFinding[] {
  const alike = new Map<string, FaultFinding>();
  for (const finding of findings) {
    const { fault, server, happened, left } = finding;
    const key = JSON.stringify([fault, happened, left]);
    const known = alike.get(key);
    alike.set(key, known === undefined ? finding : { ...known, server: `${known.server}, ${server}` });
  }
  return [...alike.values()];
}

/** Runs a flow once to its end, and once for each of its points with a kill there. */
async function cutOffEverywhere(
  ground: CrashGround,
  victim: Victim,
  make: FlowMaker,
): Promise<FaultFinding[]> {
  const whole = await run(ground, make);
  const { doing, expects } = whole.flow;
  const undisturbed = await recover(ground, whole);
  const points = whole.end.points.filter(victim === "server" ? isOnServer : isOfItsOwn);
  for (const kind of expects.filter((one) => victim === "provider" || isOnServer(one)))
    assert.ok(
      points.some((point) => point.includes(kind)),
      `no point like ${kind} among:\n${points.join("\n")}`,
    );
  const outcomes = new Map<string, Outcome & { points: string[] }>();
  const known = new Map<string, Outcome>();
  for (const at of points) {
    const outcome = await cutOff(ground, make, { victim, at }, undisturbed.left, known).catch(
      (error: unknown) => {
        throw new Error(`killed ${at}: ${String(error)}`, { cause: error });
      },
    );
    const key = `${outcome.happened}|${outcome.left}`;
    outcomes.set(key, { ...outcome, points: [...(outcomes.get(key)?.points ?? []), at] });
  }
  return [...outcomes.values()].map(({ points: reached, happened, left }) => ({
    ...{ kind: "fault", happened, left: `after a destroy: ${left}`, server: serverNamed(ground.server.name) },
    fault: `kill -9 of the ${victim} while ${doing}: ${namePoints(reached)}`,
  }));
}

/**
 * One run with a death in it, and what comes of that. What a provider leaves that dies while it writes a file is often the
 * very same as a moment before: from the same nobody recovers twice.
 */
async function cutOff(
  ground: CrashGround,
  make: FlowMaker,
  death: Death,
  undisturbed: Traces,
  known: Map<string, Outcome>,
): Promise<Outcome> {
  const cut = await run(ground, make, death);
  const alike = known.get(cut.wreck);
  if (alike !== undefined) {
    cut.provider.end();
    return alike;
  }
  const { next, left } = await recover(ground, cut);
  const stays = without(left, undisturbed);
  const forbidden = stays.filter((trace) => cut.flow.mayStay?.includes(trace) !== true);
  // Where a server listens otherwise, or another remote is the default one, that is among what stays.
  const missing = without(undisturbed, left).filter(
    (trace) => !/^the server listens|is the default remote$/.test(trace),
  );
  assert.deepEqual({ forbidden, missing }, { forbidden: [], missing: [] }, "after a destroy");
  const outcome = {
    happened: `${sayEnd(death.victim, cut.end)}${cut.refreshed}next run: ${next.join(", ") || "nothing to do"}; then in sync`,
    left: stays.join(", ") || "what an undisturbed run leaves",
  };
  if (death.victim === "provider") known.set(cut.wreck, outcome);
  return outcome;
}

/** A provider that was killed says nothing; one whose server was killed does. */
function sayEnd(victim: Victim, { answer }: CallEnd): string {
  if (victim === "provider") return "";
  return answer?.error === undefined ? "done all the same; " : `${codeIn(answer.error)}; `;
}

function isOnServer(point: string): boolean {
  return /^(before|after) (POST|PUT|PATCH|DELETE) /.test(point);
}

/** What is after one change of a file is before the next one. A server may be at work on its own. */
function isOfItsOwn(point: string, index: number, points: readonly string[]): boolean {
  return (
    isOnServer(point) || !point.startsWith("after ") || points[index + 1]?.startsWith("before ") !== true
  );
}

interface Death {
  readonly victim: Victim;
  readonly at: string;
}

/** Without a death the call comes to its end. */
async function run(ground: CrashGround, make: FlowMaker, death?: Death): Promise<Run> {
  const provider = await ground.begin();
  try {
    return await runWith(provider, ground, make, death);
  } catch (error) {
    provider.end();
    throw error;
  }
}

async function runWith(
  provider: DoomedProvider,
  ground: CrashGround,
  make: FlowMaker,
  death?: Death,
): Promise<Run> {
  const { directory } = provider;
  const flow = await make(ground);
  const { name, before = {}, between, after, isListening = true } = flow;
  if (!isListening) await ground.view.setAddress("");
  const engine = new SmallEngine(new Stack(directory));
  await engine.up(before);
  await between?.(ground, madeBy(engine));
  const files = contentsOf(directory);
  const { pid } = ground.server;
  const crash = { at: death?.at, victim: death?.victim === "server" ? pid : undefined };
  let end: CallEnd | undefined;
  await engine.up(after, { name, make: async (call) => (end = await provider.make(call, crash)) });
  assert.ok(end !== undefined);
  assert.equal(end.isKilled, death?.victim === "provider");
  if (death === undefined) assert.equal(end.answer?.error !== undefined, flow.mended !== undefined);
  let refreshed = "";
  if (death?.victim === "server") {
    await ground.server.restart();
    assert.notEqual(ground.server.pid, pid, "the server outlived it");
    refreshed = await engine.refresh().then(
      () => "",
      (error: unknown) => `a refresh: ${messageCode(error)}; `,
    );
  }
  const now = contentsOf(directory);
  const changed = [...now].filter(([file, content]) => files.get(file) !== content).map(([file]) => file);
  // What a server holds follows from what it was asked. Keys are others each time, the configuration is not.
  const asked = end.points.filter(isOnServer).length;
  const config = now.get(`${clientDirectory}/config.yml`);
  const wreck = JSON.stringify([asked, filesUnder(directory), changed, config]);
  return { flow, engine, provider, end, refreshed, wreck };
}

/** The next run, and a destroy. */
async function recover(
  ground: CrashGround,
  { engine, provider, flow }: Run,
): Promise<{ next: readonly string[]; left: Traces }> {
  try {
    // Fails where a file is torn.
    await ground.look(provider.directory);
    ageLock(provider.directory);
    const program = flow.mended ?? flow.after;
    const next = await engine.up(program);
    await requireSettled(engine, program);
    await engine.up({});
    return { next, left: await ground.look(provider.directory) };
  } finally {
    provider.end();
  }
}

function messageCode(error: unknown): string {
  return codeIn(error instanceof Error ? error.message : "");
}

/** A preview of the same program shows nothing, nor does one after a refresh. */
async function requireSettled(engine: SmallEngine, program: Program): Promise<void> {
  assert.deepEqual(await engine.up(program), [], "after one further run");
  await engine.refresh();
  assert.deepEqual(await engine.up(program), [], "after one further run and a refresh");
}

function madeBy(engine: SmallEngine): Made {
  return Object.fromEntries([...engine.state].map(([key, { outputs }]) => [key, outputs]));
}

/** All of a few points; of many how many, with the first and the last. */
function namePoints(points: readonly string[]): string {
  if (points.length <= 4) return points.join("; ");
  return `at ${points.length} points, from "${points[0] ?? ""}" to "${points.at(-1) ?? ""}"`;
}
