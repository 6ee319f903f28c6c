/**
 * The plugin front: handlers as the calls of Pulumi's protocol for providers, on plain objects in the engine's form of
 * property values. What the wire makes of them is in server.ts.
 * https://pulumi-developer-docs.readthedocs.io/latest/docs/_generated/proto/provider.html
 */
import { Call } from "../call";
import { configurationOf, type ProviderConfig } from "../connection";
import { refuse } from "../errors";
import { callFunction } from "../function-front";
import { type CheckFailure, type Context, PartialError } from "../handler";
import type { ClientPool } from "../lxd/pool";
import { contextFor, functions, handlers, type Surroundings } from "../registry";
import { type ResourceFront, resourceFront } from "../resource-front";
import { markedPaths } from "../secrets";
import { unknownValue } from "../unknown";
import { changedConfiguration, checkProviderInputs } from "./configuration";
import { detailedDiff, type PathDifference } from "./detailed-diff";
import { plainProperties, type WireProperties } from "./wire-values";

/** A resource of the program, by its URN. */
export interface Named {
  readonly urn: string;
}

/** A resource that the engine has recorded. */
export interface Recorded extends Named {
  readonly id: string;
  readonly outputs: WireProperties;
}

/** How long a call may take: seconds of the option customTimeouts; 0 for as long as it takes. */
export interface Limited {
  readonly seconds: number;
}

/** A call failed after something was done that is to be recorded. The message is for the user. */
export class HalfDoneError extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: WireProperties,
  ) {
    super(message);
  }
}

/** How a message is shown: a status only while the resource is being worked on. */
export type Level = "info" | "warning" | "status";

/** Tells the user something about a resource; about the stack where the URN is empty. */
export type TellUser = (level: Level, message: string, urn: string) => void;

/** Milliseconds after which, again and again, the user is told what a call waits for. */
const showEvery = 2000;

/** The part of every type and function's token that comes before its name. */
const tokenStart = "lxd-access:index:";

export class PluginProvider {
  private config: ProviderConfig = {};
  private cancelled = new AbortController();
  /** How many are under way. */
  private calls = 0;
  private readonly fronts = new Map<string, ResourceFront>();

  constructor(
    private readonly surroundings: Omit<Surroundings, "config" | "log">,
    private readonly pool: ClientPool,
    private readonly tellUser: TellUser,
  ) {}

  /** Another run: an engine attaches to a process that ran already, and what earlier runs took or cancelled is over. */
  beginRun(): void {
    this.cancelled = new AbortController();
    this.pool.claims.clear();
  }

  checkConfig(inputs: WireProperties): { inputs: WireProperties; failures: CheckFailure[] } {
    return checkProviderInputs(plainProperties(inputs), this.surroundings.environment);
  }

  /** Names of the inputs that differ. None replaces the resources: each of them finds out whether its server is the same. */
  diffConfig(before: WireProperties, after: WireProperties): string[] {
    return changedConfiguration(plainProperties(before), plainProperties(after));
  }

  configure(inputs: WireProperties): void {
    this.config = configurationOf(plainProperties(inputs));
  }

  /** Inputs with their secrets marked and the resource's name filled in, and every mistake in them. */
  check({ urn, inputs }: Named & { inputs: WireProperties }): {
    inputs: WireProperties;
    failures: CheckFailure[];
  } {
    const { name } = partsOf(urn);
    const front = this.frontOf(urn);
    const { nameInput } = front.handler;
    const given = plainProperties(inputs);
    const named = nameInput === undefined ? given : { [nameInput]: name, ...given };
    return front.check(named, markedPaths(inputs));
  }

  diff({
    urn,
    outputs,
    before,
    inputs,
    ignored,
  }: Recorded & {
    /** The inputs of before. */
    before: WireProperties;
    inputs: WireProperties;
    /** Paths of the option ignoreChanges. */
    ignored: readonly string[];
  }): { paths: PathDifference[]; deleteBeforeReplace: boolean; stables: readonly string[] } {
    const front = this.frontOf(urn);
    const wanted = plainProperties(inputs);
    const difference = front.handler.diff(
      front.state(plainProperties(outputs)),
      wanted,
      this.surroundings.now(),
    );
    return {
      paths: detailedDiff(difference, plainProperties(before), wanted, ignored),
      deleteBeforeReplace: difference.deleteBeforeReplace === true,
      stables: front.handler.stableOutputs ?? [],
    };
  }

  /** What a create would answer, as far as it is known before: the name that was given, and that the rest will be there. */
  previewCreate({ urn, inputs }: Named & { inputs: WireProperties }): WireProperties {
    const front = this.frontOf(urn);
    const { nameInput } = front.handler;
    const unknown = Object.fromEntries(front.describedOutputs.map((output) => [output, unknownValue]));
    if (nameInput === undefined || !(nameInput in unknown)) return unknown;
    return { ...unknown, [nameInput]: inputs[nameInput] ?? unknownValue };
  }

  /** What an update would answer, as far as it is known before. */
  previewUpdate({ urn, outputs, inputs }: Recorded & { inputs: WireProperties }): WireProperties {
    const stables = this.frontOf(urn).handler.stableOutputs ?? [];
    const kept = Object.entries(outputs).filter(([name]) => stables.includes(name));
    return { ...this.previewCreate({ urn, inputs }), ...Object.fromEntries(kept) };
  }

  create({ urn, inputs, ...limit }: Named & Limited & { inputs: WireProperties }): Promise<{
    id: string;
    outputs: WireProperties;
  }> {
    const front = this.frontOf(urn);
    const outputs = (state: object): WireProperties => front.outputs(state, markedPaths(inputs));
    return this.running(urn, limit, outputs, async (context) => {
      const { id, state } = await front.handler.create(context, front.args(plainProperties(inputs)));
      return { id, outputs: outputs(state) };
    });
  }

  /** The resource as it is now; undefined where it is gone. */
  read({
    urn,
    id,
    outputs,
    inputs,
    ...limit
  }: Recorded & Limited & { inputs: WireProperties }): Promise<WireProperties | undefined> {
    const front = this.frontOf(urn);
    return this.running(urn, limit, undefined, async (context) => {
      const state = await front.handler.read(context, id, front.state(plainProperties(outputs)));
      return state && front.outputs(state, markedPaths(inputs));
    });
  }

  /** What exists already, by its id alone; undefined where there is none. */
  import({
    urn,
    id,
    ...limit
  }: Named & Limited & { id: string }): Promise<
    { id: string; inputs: WireProperties; outputs: WireProperties } | undefined
  > {
    const front = this.frontOf(urn);
    return this.running(urn, limit, undefined, async (context) => {
      const found = await front.handler.import(context, id);
      if (found === undefined) return undefined;
      return { id: found.id, inputs: front.inputs(found.args), outputs: front.outputs(found.state) };
    });
  }

  update({
    urn,
    id,
    outputs: old,
    inputs,
    ...limit
  }: Recorded & Limited & { inputs: WireProperties }): Promise<WireProperties> {
    const front = this.frontOf(urn);
    const outputs = (state: object): WireProperties => front.outputs(state, markedPaths(inputs));
    return this.running(urn, limit, outputs, async (context) => {
      const wanted = front.args(plainProperties(inputs));
      return outputs(await front.handler.update(context, id, front.state(plainProperties(old)), wanted));
    });
  }

  delete({ urn, id, outputs, ...limit }: Recorded & Limited): Promise<void> {
    const front = this.frontOf(urn);
    return this.running(urn, limit, undefined, (context) =>
      front.handler.delete(context, id, front.state(plainProperties(outputs))),
    );
  }

  /** Calls a function by its token. */
  async invoke(token: string, inputs: WireProperties): Promise<WireProperties> {
    const name = nameIn(functions, token) ?? refuse("INPUT_INVALID", `There is no function ${token}`);
    return this.running("", { seconds: 0 }, undefined, async (context) => {
      const result = await callFunction(name, plainProperties(inputs), () => context);
      return JSON.parse(JSON.stringify(result)) as WireProperties;
    });
  }

  /**
   * Stops what waits. What has changed something already is finished, so that nothing is left half-done. The engine says this
   * at the end of each run, too.
   */
  cancel(): void {
    this.cancelled.abort();
    this.endWhenIdle();
  }

  /** After the last call of a run its claims are nobody's. */
  private endWhenIdle(): void {
    if (this.calls === 0 && this.cancelled.signal.aborted) this.pool.claims.clear();
  }

  private frontOf(urn: string): ResourceFront {
    const { type } = partsOf(urn);
    const name = nameIn(handlers, type) ?? refuse("INPUT_INVALID", `There is no resource of type ${type}`);
    const front = this.fronts.get(name) ?? resourceFront(name);
    this.fronts.set(name, front);
    return front;
  }

  /** Runs a call. Of a half-done resource it throws what `recorded` makes of it. */
  private async running<Result>(
    urn: string,
    { seconds }: Limited,
    recorded: ((state: object) => WireProperties) | undefined,
    work: (context: Context) => Promise<Result>,
  ): Promise<Result> {
    const log = (level: Level, message: string): void => {
      this.tellUser(level, message, urn);
    };
    this.calls++;
    const call = new Call({ signal: this.cancelled.signal, seconds });
    const showing = setInterval(() => {
      log("status", call.doing);
    }, showEvery);
    try {
      return await call.run(() =>
        work(contextFor({ ...this.surroundings, config: this.config, log }, this.pool)),
      );
    } catch (error) {
      if (!(error instanceof PartialError) || recorded === undefined) throw error;
      throw new HalfDoneError(error.message, error.id, recorded(error.state as object));
    } finally {
      clearInterval(showing);
      this.calls--;
      this.endWhenIdle();
    }
  }
}

/** Type and name in `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`. A name may hold "::" too. */
function partsOf(urn: string): { type: string; name: string } {
  const [, , types = "", ...name] = urn.split("::");
  const type = types.split("$").at(-1) ?? "";
  return name.length === 0 ? refuse("INPUT_INVALID", `${urn} is no URN`) : { type, name: name.join("::") };
}

/** The name in a token, where the table has it. */
function nameIn<Table extends object>(table: Table, token: string): (keyof Table & string) | undefined {
  const name = token.startsWith(tokenStart) ? token.slice(tokenStart.length) : "";
  return Object.hasOwn(table, name) ? (name as keyof Table & string) : undefined;
}
