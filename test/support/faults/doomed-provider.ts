/** Provider processes that make one call each and may be killed on the way, or kill somebody else: see crash-points.mjs. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ResourceName } from "../../../provider/registry";

/** What the engine asks of a provider. */
export interface Call {
  readonly resource: ResourceName;
  readonly kind: "create" | "update" | "delete";
  readonly id?: string;
  /** Those of before. */
  readonly outputs?: object;
  readonly inputs?: object;
}

/** What came of a call. */
export interface CallEnd {
  /** Whether the process was killed, so that nobody got to know what came of the call. */
  readonly isKilled: boolean;
  /** The points that were reached, in their order. */
  readonly points: readonly string[];
  /** The answer, where there is one. */
  readonly answer?: { readonly id?: string; readonly outs?: object; readonly error?: string };
}

/** A process that waits for its call, in a folder of its own. */
export class DoomedProvider {
  readonly directory = mkdtempSync(join(tmpdir(), "lxa-crash-"));
  private readonly child: ChildProcessWithoutNullStreams;

  constructor() {
    this.child = spawn(process.execPath, [require.resolve("./one-call.mjs")], { cwd: this.directory });
    this.child.stdin.on("error", () => undefined);
  }

  /** Makes the call; `at`: the point at which `victim`, by default the process itself, is killed. */
  async make(call: Call, { at, victim }: { at?: string; victim?: number } = {}): Promise<CallEnd> {
    const { child } = this;
    const trace = `${this.directory}.points`;
    child.stdin.end(JSON.stringify({ call, order: { trace, at, victim } }));
    const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    const [said, complaint, [, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const points = readIfThere(trace).split("\n").filter(Boolean);
    const answer = /^answer (.*)$/m.exec(said)?.[1];
    const isKilled = signal === "SIGKILL";
    if (!isKilled && answer === undefined) throw new Error(`the call came to nothing: ${complaint}`);
    return {
      ...{ isKilled, points },
      ...(answer === undefined ? {} : { answer: JSON.parse(answer) as CallEnd["answer"] }),
    };
  }

  /** Ends it, if it still waits, and removes its folder. */
  end(): void {
    this.child.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(`${this.directory}.points`, { force: true });
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
