/** Many Remotes in one client directory, made, changed and removed by several provider processes at once. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type Recorded, recorded } from "../stack";
import type { Call } from "./doomed-provider";

type Properties = Record<string, unknown>;

interface Answer {
  readonly id?: string;
  readonly outs?: object;
  readonly error?: string;
}

/** Remotes by the key that their program has for them, as they are in state. */
export class RemoteCrowd {
  readonly state = new Map<string, Recorded>();

  constructor(
    /** Where the processes are started: the folder of the program. */
    private readonly folder: string,
    private readonly processes: number,
    /** Who runs them; by default who runs the tests. */
    private readonly user?: number,
  ) {}

  /** Makes or changes Remotes; answers the errors. What is half-made is recorded. */
  async up(wanted: ReadonlyMap<string, Properties>): Promise<string[]> {
    const keys = [...wanted.keys()];
    const calls = keys.map((key): Call => {
      const known = this.state.get(key);
      const inputs = wanted.get(key);
      if (known === undefined) return { resource: "Remote", kind: "create", inputs };
      return { resource: "Remote", kind: "update", id: known.id, outputs: known.outputs, inputs };
    });
    const answers = await this.make(calls);
    for (const [index, { id, outs }] of answers.entries()) {
      const key = keys[index] ?? "";
      const known = this.state.get(key);
      if (outs === undefined) continue;
      this.state.set(key, recorded("Remote", known?.id ?? id ?? "", { ...wanted.get(key) }, outs));
    }
    return errorsOf(answers);
  }

  /** Removes them all; answers the errors. */
  async destroy(): Promise<string[]> {
    const keys = [...this.state.keys()];
    const calls = [...this.state.values()].map(({ id, outputs }): Call => ({
      resource: "Remote",
      kind: "delete",
      id,
      outputs,
    }));
    const answers = await this.make(calls);
    for (const [index, { error }] of answers.entries())
      if (error === undefined) this.state.delete(keys[index] ?? "");
    return errorsOf(answers);
  }

  /** Shares calls out among processes, all of which work at once. */
  private async make(calls: readonly Call[]): Promise<Answer[]> {
    const answers = new Map<Call, Answer>();
    const shares = Array.from({ length: this.processes }, (_, share) =>
      calls.filter((_call, index) => index % this.processes === share),
    );
    await Promise.all(
      shares.map(async (share) => {
        const made = await this.run(share);
        for (const [index, call] of share.entries()) answers.set(call, made[index] ?? {});
      }),
    );
    return calls.map((call) => answers.get(call) ?? {});
  }

  private async run(calls: readonly Call[]): Promise<Answer[]> {
    const program = require.resolve("./calls-together.mjs");
    const child = spawn(process.execPath, [program], {
      cwd: this.folder,
      stdio: ["pipe", "pipe", "inherit"],
      ...(this.user === undefined ? {} : { uid: this.user, gid: this.user }),
    });
    child.stdin.end(JSON.stringify(calls));
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number]>]);
    assert.equal(code, 0, "a provider's process ended before its calls were made");
    // The last line: what the user is told comes before.
    const lines = said.trimEnd().split("\n");
    return JSON.parse(lines.at(-1) ?? "") as Answer[];
  }
}

function errorsOf(answers: readonly Answer[]): string[] {
  return answers.flatMap(({ error }) => error ?? []);
}
