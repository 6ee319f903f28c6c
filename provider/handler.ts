/**
 * What a resource is to the fronts: one object with the life of the resource, free of Pulumi's wire formats.
 * A front unwraps secrets before it calls a handler and wraps them again by {@link ResourceHandler.secretOutputs}
 * and the `secret` marks of the schemas; unknown values of a preview reach only `check` and `diff`.
 */
import type { z } from "zod";
import type { Connection } from "./connection";
import { AccessError, isAccessError, messageOf } from "./errors";
import type { LxdClient } from "./lxd/client";
import type { Endpoint, Timeouts } from "./lxd/transport";

/** Inputs as the engine sends them: any JSON, with unknown values in a preview. */
export type RawInputs = Readonly<Record<string, unknown>>;

/** A mistake in the inputs: the property's path (`connection.address`) and what is wrong, as a phrase. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** Which inputs or held values differ, and which of them only a new resource can have. */
export interface Difference {
  readonly changed: readonly string[];
  readonly replaces: readonly string[];
  /** The old resource has to go before the new one can be made. */
  readonly deleteBeforeReplace?: boolean;
}

/** What a resource has in the world otherwise than it should. Nothing in it is secret. */
export interface Deviation {
  /** The property, or a part of one, as in `configState.addr`. */
  readonly property: string;
  readonly expected?: unknown;
  readonly found?: unknown;
  /** Where values do not say it: what is wrong, as a phrase. */
  readonly reason?: string;
}

/** What a handler needs from the world. */
export interface Context {
  /**
   * The client for a server; connections are shared by everything that uses the same server and identity.
   * CONFIG_INVALID where the connection, the stack's configuration or a client directory does not lead to a server.
   */
  connect(connection: Connection | undefined): Promise<LxdClient>;
  /** The client for a place that the caller names itself, such as the addresses of a remote. */
  client(endpoint: Endpoint, timeouts: Timeouts): LxdClient;
  /** What a read does with a server that does not answer: fail, or keep the stored state with a warning. */
  readonly onUnreachable: "fail" | "keep";
  /** Folder of the user's program; relative paths start here. */
  readonly programDirectory: string;
  /** The client directory that stack config or the environment names, as it is written there. */
  readonly configDir?: string;
  /** Else the ones that `lxc` and then `incus` use here, as a program would write them. */
  usualConfigDirs(): readonly string[];
  /** Takes something for the resource that asks, for the rest of this run; false where another one has taken it. */
  claim(what: string): boolean;
  /** Whether a resource of this run has taken it. */
  isClaimed(what: string): boolean;
  now(): Date;
  /** Tells the user something that is no error. Never given anything secret. */
  log(level: "info" | "warning", message: string): void;
}

/** What exists already, as it would be recorded had a program made it. */
export interface Imported<Args extends object, State extends object> {
  /**
   * The one that was given: a program that says it by the option `import` means another resource where this one's differs, and
   * the engine would import that and delete this. One of its own only where a delete takes nothing away.
   */
  readonly id: string;
  /** Inputs with which a program that has them finds nothing to do. The way in is not among them unless the id names it. */
  readonly args: Args;
  readonly state: State;
}

/** A resource's life. `Args` are checked inputs, `State` is what the engine stores as outputs. */
export interface ResourceHandler<Args extends object, State extends object> {
  /** Schema of the inputs; secret ones carry `secret: true` in their metadata. */
  readonly args: z.ZodType<Args>;
  /** Schema of the outputs; secret ones carry `secret: true` in their metadata. */
  readonly state: z.ZodType<State>;
  /** Rules that span several inputs. Called with whatever was given, so it must doubt every type. */
  rules(inputs: RawInputs): CheckFailure[];
  /** What {@link read} found otherwise than the inputs say; `diff` counts it as changed. */
  deviations(state: State, inputs: RawInputs, now: Date): Deviation[];
  diff(state: State, inputs: RawInputs, now: Date): Difference;
  create(context: Context, args: Args): Promise<{ id: string; state: State }>;
  /** The resource as it is now; undefined where it is gone. Throws where that cannot be told. */
  read(context: Context, id: string, state: State): Promise<State | undefined>;
  update(context: Context, id: string, state: State, args: Args): Promise<State>;
  delete(context: Context, id: string, state: State): Promise<void>;
  /** Outputs that no update changes, so that they are known in a preview. */
  readonly stableOutputs?: readonly string[];
  /** The input that is the name of the resource in the program where it is left out. */
  readonly nameInput?: string;
  /** The form of the ids that {@link import} takes: what is written small stands as it is, brackets mean that it may be left out. */
  readonly importId: string;
  /**
   * What exists already, by an id as `pulumi import` gives it; undefined where there is nothing of that id. Changes nothing.
   * INPUT_INVALID where the id has another form than {@link importId}, which is in the message then, or where no inputs can
   * say what was found.
   */
  import(context: Context, id: string): Promise<Imported<Args, State> | undefined>;
}

/** A question about a server or a client directory, asked while the program runs. It changes nothing. */
export interface FunctionHandler<Args extends object, Result extends object> {
  /** Schema of the arguments; secret ones carry `secret: true` in their metadata. */
  readonly args: z.ZodType<Args>;
  /** Schema of the answer, which holds nothing secret. */
  readonly result: z.ZodType<Result>;
  /** Rules that span several arguments. Called with whatever was given, so it must doubt every type. */
  rules(inputs: RawInputs): CheckFailure[];
  call(context: Context, args: Args): Promise<Result>;
}

/**
 * A step failed after something was done on the server or on disk that must not be forgotten: the engine records
 * `state`, and the next update finishes the work.
 */
export class PartialError<State extends object = object> extends AccessError {
  constructor(
    readonly id: string,
    readonly state: State,
    message: string,
    cause: unknown,
  ) {
    super("PARTIAL", `${message} What was done so far is recorded; run \`pulumi up\` again to finish`, {
      cause,
    });
  }
}

/** That what was recorded is only half of what it should be, as a deviation; none where it is whole. */
export function unfinished({ incomplete }: { readonly incomplete?: string }): Deviation[] {
  return incomplete === undefined ? [] : [{ property: "incomplete", reason: incomplete }];
}

/** Names of the properties that deviate, each once; of a part the whole one. */
export function deviating(deviations: readonly Deviation[]): string[] {
  return [...new Set(deviations.map(({ property }) => property.replace(/\..*$/s, "")))];
}

/**
 * Runs a read. Where the server does not answer and the stack says `lxd-access:onUnreachable: keep`, the stored state
 * stays with a warning; a server that answers anything else is never passed over.
 */
export async function keepWhenUnreachable<State>(
  context: Context,
  what: string,
  stored: State,
  read: () => Promise<State | undefined>,
): Promise<State | undefined> {
  try {
    return await read();
  } catch (error) {
    if (context.onUnreachable !== "keep" || !isAccessError(error, "LXD_UNREACHABLE", "LXD_TIMEOUT"))
      throw error;
    context.log("warning", `${what} could not be looked at, what is stored is kept: ${messageOf(error)}`);
    return stored;
  }
}

/** Runs a delete; where the server does not answer, the error also names the ways to get rid of the resource. */
export async function withWaysOut<Result>(remove: () => Promise<Result>): Promise<Result> {
  try {
    return await remove();
  } catch (error) {
    if (!isAccessError(error, "LXD_UNREACHABLE", "LXD_TIMEOUT")) throw error;
    throw new AccessError(
      error.errorCode,
      `${messageOf(error)}. It stays in the stack, and the next run tries again. If the server is gone for good, use the option ` +
        "retainOnDelete, deletedWith the machine's resource, or `pulumi state delete`",
      { cause: error },
    );
  }
}
