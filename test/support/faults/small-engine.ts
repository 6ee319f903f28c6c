/** What the engine does with a whole program, as far as it matters who is killed when: see {@link Stack} for each call. */
import { strict as assert } from "node:assert";
import type { ResourceName } from "../../../provider/registry";
import { type Recorded, recorded, type Stack } from "../stack";
import type { Call, CallEnd } from "./doomed-provider";

type Properties = Record<string, unknown>;

/** The outputs of the resources before. */
export type Made = Record<string, Properties>;

/** A program: its resources in the order in which they depend on each other. */
export type Program = Record<
  string,
  { readonly resource: ResourceName; readonly inputs: (made: Made) => Properties }
>;

/** The call of a run that somebody else makes, and that is its last one. */
export interface Doom {
  readonly name: string;
  readonly make: (call: Call) => Promise<CallEnd>;
}

export class SmallEngine {
  readonly state = new Map<string, Recorded>();

  constructor(private readonly stack: Stack) {}

  /** Applies a program; answers what was done, such as "update of edge". */
  async up(program: Program, doom?: Doom): Promise<string[]> {
    const done: string[] = [];
    const gone = [...this.state.keys()].filter((name) => !(name in program)).reverse();
    for (const name of [...Object.keys(program), ...gone]) {
      const call = await this.callFor(program, name);
      if (call === undefined) continue;
      done.push(`${call.kind} of ${call.resource}`);
      if (doom?.name === name) {
        this.record(name, call, await doom.make(call));
        return done;
      }
      await this.carryOut(name, call);
    }
    assert.equal(doom, undefined, "the call that was to be the last one did not come up");
    return done;
  }

  /** Refreshes everything; what is gone is forgotten. */
  async refresh(): Promise<void> {
    for (const [name, resource] of this.state) {
      const found = await this.stack.refresh(resource);
      if (found === undefined) this.state.delete(name);
      else this.state.set(name, found);
    }
  }

  private async callFor(program: Program, name: string): Promise<Call | undefined> {
    const known = this.state.get(name);
    const wanted = program[name];
    if (wanted === undefined)
      return known && { resource: known.name, kind: "delete", id: known.id, outputs: known.outputs };
    const made = Object.fromEntries([...this.state].map(([key, { outputs }]) => [key, outputs]));
    const inputs = wanted.inputs(made);
    const { resource } = wanted;
    if (known === undefined) return { resource, kind: "create", inputs };
    const plan = await this.stack.plan(known, inputs);
    assert.notEqual(plan, "replace");
    return plan === "same"
      ? undefined
      : { resource, kind: "update", id: known.id, outputs: known.outputs, inputs };
  }

  private async carryOut(name: string, { resource, kind, inputs = {} }: Call): Promise<void> {
    const known = this.state.get(name);
    if (known === undefined) this.state.set(name, await this.stack.create(resource, { ...inputs }));
    else if (kind === "update") this.state.set(name, await this.stack.update(known, { ...inputs }));
    else {
      await this.stack.destroy(known);
      this.state.delete(name);
    }
  }

  /** Of a process that was killed nothing is known. */
  private record(name: string, { resource, kind, inputs = {}, ...known }: Call, { answer }: CallEnd): void {
    if (answer === undefined) return;
    const id = answer.id ?? known.id;
    if (kind === "delete" && answer.error === undefined) this.state.delete(name);
    else if (id !== undefined && answer.outs !== undefined)
      this.state.set(name, recorded(resource, id, { ...inputs }, answer.outs));
  }
}
