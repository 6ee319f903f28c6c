/**
 * The REST API of LXD and Incus as such: replies in their envelope, identical reads shared, refusals as errors.
 * https://documentation.ubuntu.com/lxd/latest/rest-api/
 */
import { setTimeout } from "node:timers/promises";
import type { z } from "zod";
import { currentCall } from "../call";
import { AccessError, NotSentError } from "../errors";
import { parseJson } from "../json";
import { replyEnvelope } from "./entities";
import { isStarting, LxdError } from "./errors";
import {
  describeEndpoint,
  type Endpoint,
  type Reply,
  type Request,
  type Sender,
  type Timeouts,
  Transport,
} from "./transport";

/**
 * A reply answers identical reads as long as none of them comes later than this after the one before, in milliseconds: so all
 * resources of one refresh, however many, see one state of the server.
 */
const sharedFor = 1000;
/** ... but not longer than this after it has come, in milliseconds. */
const sharedForAtMost = 30_000;
/** How long until a server that is still starting is asked again, in milliseconds. */
const startingPause = 250;

export interface ReadOptions {
  /** It decides or verifies a write, so it must not be answered from an earlier reply. */
  readonly fresh?: boolean;
  /** It is asked ahead, and nobody waits for it yet: takes what is to be called if nobody will. */
  readonly drops?: (() => void)[];
}

/** How many changes have begun or ended in this process: over whichever connection, they may change what others have read. */
let changes = 0;

/** A read, of which all who want the same wait for the reply. */
interface SharedRead {
  /** Changes before it. */
  readonly after: number;
  /** When it was asked for last; of one that has failed, or may answer nobody any more, never. */
  asked: number;
  /** When its reply came, if it has. */
  answered?: number;
  readonly reply: Promise<Reply>;
  waiting: number;
  /** Ends it, if it has not been sent. */
  readonly over: AbortController;
}

export class RestApi {
  private readonly transport: Transport;
  private readonly shared = new Map<string, SharedRead>();
  private forgetting: NodeJS.Timeout | undefined;
  /** What was made of replies, as many may share one that is long. */
  private readonly parsed = new WeakMap<Reply, { readonly entity: unknown; readonly data: unknown }>();

  constructor(
    readonly endpoint: Endpoint,
    timeouts: Timeouts,
  ) {
    this.transport = new Transport(endpoint, timeouts);
  }

  /** Names the server in messages. */
  get name(): string {
    return describeEndpoint(this.endpoint);
  }

  /** PEM of the certificate this connection was pinned to; undefined over a unix socket or before the first request. */
  get serverCertificate(): string | undefined {
    return this.transport.serverCertificate;
  }

  /** What time it was at the server when it answered last, where it says so. */
  get serverTime(): Date | undefined {
    return this.transport.serverTime;
  }

  /** Closes the connection; a later call opens another. */
  close(): Promise<void> {
    return this.transport.close();
  }

  protected async read(request: Request, doing: string, options: ReadOptions): Promise<Reply> {
    const call = currentCall();
    call.stopped.throwIfAborted();
    const read = this.sharedRead(request, options);
    read.waiting++;
    const drop = (): void => {
      // The others still want it.
      if (--read.waiting > 0) return;
      read.asked = -Infinity;
      read.over.abort(new NotSentError("CANCELLED", `${doing}: nobody waits for it any more`));
    };
    if (options.drops !== undefined) {
      options.drops.push(drop);
      return read.reply;
    }
    try {
      return await call.wait(doing, read.reply);
    } catch (error) {
      if (call.stopped.aborted) drop();
      throw error;
    }
  }

  private sharedRead(request: Request, { fresh }: ReadOptions): SharedRead {
    const key = `${request.path}?${new URLSearchParams(request.query).toString()}`;
    const now = performance.now();
    const earlier = this.shared.get(key);
    if (fresh !== true && earlier !== undefined && mayAnswer(earlier, now)) {
      earlier.asked = now;
      return earlier;
    }
    const over = new AbortController();
    const reply = this.send(request, over);
    const read: SharedRead = { after: changes, asked: now, reply, waiting: 0, over };
    this.shared.set(key, read);
    this.forgetInTime();
    read.reply.then(
      () => (read.asked = read.answered = performance.now()),
      () => (read.asked = -Infinity),
    );
    return read;
  }

  /** Keeps no reply that may answer nobody any more: a run may last, and have hundreds of clients. */
  private forgetInTime(): void {
    this.forgetting ??= setInterval(() => {
      const now = performance.now();
      for (const [key, read] of this.shared) if (!mayAnswer(read, now)) this.shared.delete(key);
      if (this.shared.size > 0) return;
      clearInterval(this.forgetting);
      this.forgetting = undefined;
    }, sharedFor).unref();
  }

  /** Sends a change. Whatever was read before it no longer holds, nor does what is read while it runs. */
  protected async write(request: Request, doing: string): Promise<unknown> {
    const call = currentCall();
    call.requireMayChange(doing); // before a server is dialled for it
    changes++;
    const sender = {
      signal: call.stopped,
      onSending: () => {
        call.change();
      },
      onNothingDone: () => {
        call.nothingChanged();
      },
    };
    try {
      const reply = await call.wait(doing, this.send(request, sender));
      return envelope(reply, doing, request.secrets).metadata;
    } finally {
      changes++;
    }
  }

  /** A server that says it is still starting has done nothing: it is asked again, for as long as a connection may take. */
  private async send(
    request: Request,
    sender: Sender & { readonly onNothingDone?: () => void },
  ): Promise<Reply> {
    const until = performance.now() + this.transport.timeouts.connect * 1000;
    let reply = await this.transport.send(request, sender);
    while (saysItIsStarting(reply) && performance.now() < until) {
      sender.onNothingDone?.();
      await setTimeout(startingPause);
      reply = await this.transport.send(request, sender);
    }
    return reply;
  }

  /** What a reply says. Whoever shares the reply shares that, too, so nobody may change it. */
  protected parse<Entity>(entity: z.ZodType<Entity>, reply: Reply, doing: string): Entity {
    const known = this.parsed.get(reply);
    if (known?.entity === entity) return known.data as Entity;
    const parsed = entity.safeParse(envelope(reply, doing).metadata);
    if (parsed.success) {
      this.parsed.set(reply, { entity, data: parsed.data });
      return parsed.data;
    }
    const [first, ...others] = parsed.error.issues.map((issue) => issue.path.join("."));
    const where = others.length === 0 ? first : `${first ?? ""} and ${others.length} more`;
    throw new AccessError(
      "LXD_PROTOCOL",
      `${doing}: the reply is not what LXD or Incus send (${where || "top level"})`,
    );
  }
}

function mayAnswer({ after, asked, answered }: SharedRead, now: number): boolean {
  if (after !== changes) return false;
  if (answered === undefined) return asked >= 0;
  return now < asked + sharedFor && now < answered + sharedForAtMost;
}

/** Takes the envelope off a reply, or throws what the server refused. */
function envelope(
  reply: Reply,
  doing: string,
  secrets: readonly string[] = [],
): z.infer<typeof replyEnvelope> {
  const parsed = replyEnvelope.safeParse(parseJson(reply.text));
  if (!parsed.success) {
    throw new AccessError(
      "LXD_PROTOCOL",
      `${doing}: the answer (HTTP ${reply.status}) is not one of LXD's or Incus's REST API. Is another service on this address?`,
    );
  }
  if (parsed.data.type !== "error" && reply.status < 400) return parsed.data;
  const said = secrets
    .flatMap(formsOf)
    // One may be a part of another.
    .sort((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "[secret]"), parsed.data.error);
  throw new LxdError(doing, said.slice(0, 500), reply.status);
}

/** A text as a server may repeat it: as it is, in quotes as Go and JSON write them, or in a URL. */
function formsOf(text: string): string[] {
  return [text, JSON.stringify(text).slice(1, -1), inPath(text)];
}

/** A name or id as a part of a path. By way of bytes, as half a character cannot be encoded. */
export function inPath(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

function saysItIsStarting({ status, text }: Reply): boolean {
  // Most replies are not looked into twice.
  if (status !== 503) return false;
  const parsed = replyEnvelope.safeParse(parseJson(text));
  return parsed.success && isStarting(status, parsed.data.error);
}
