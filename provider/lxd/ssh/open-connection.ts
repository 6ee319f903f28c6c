/** An SSH connection that stands: what is forwarded through it, and how long it has to last. */
import type { Socket } from "node:net";
import type { Client, ClientChannel } from "ssh2";
import { isAccessError } from "../../errors";
import { unlessAborted } from "../../waiting";
import { ForwardedStream } from "./forwarded-stream";
import type { Waiter } from "./within-time";

/** What SSH runs over: a socket, or a connection that a bastion forwards. */
export type Carrier = Socket | ForwardedStream;

/** Something on the host's side that connections are forwarded to. */
export interface Target {
  /** Names it in messages, as in "the socket /run/incus/unix.socket there". */
  readonly name: string;
  readonly open: (client: Client, done: (error: Error | undefined, channel: ClientChannel) => void) => void;
}

/** The host does not open a channel. Over sockets it does not say why. */
export class ChannelRefused extends Error {}

export class OpenConnection {
  /** Whether nobody is to begin anything with it any more. */
  isRetired = false;
  /** How many streams go through it, or are about to. */
  private uses = 0;
  /** How many of them keep the process alive. */
  private holders = 0;

  constructor(
    private readonly client: Client,
    private readonly carrier: Carrier,
  ) {
    carrier.unref();
    client.once("close", () => (this.isRetired = true));
  }

  /**
   * A stream to something on the host's side.
   * @throws ChannelRefused; what the waiter's signal gives as a reason; whatever breaks the connection.
   */
  async forward(target: Target, waiter: Waiter): Promise<ForwardedStream> {
    const letGo = this.hold();
    this.uses++;
    let hasAnswered = false;
    try {
      waiter.waitsFor("the host answers no more over the SSH connection that stood. Is it still on?");
      // Asked first, as a host answers in turn: so it is told from what lies behind it and may be silent.
      this.client.openssh_noMoreSessions(() => {
        hasAnswered = true;
        waiter.waitsFor(`the SSH connection stands, but ${target.name} does not answer. Does it hang?`);
      });
      const opened = channelOf(this.client, target);
      const channel = await unlessAborted(waiter.signal, opened, () => {
        closeWhenOpen(opened);
      });
      const stream = new ForwardedStream(channel, () => this.hold());
      stream.once("close", () => {
        this.release();
      });
      return stream;
    } catch (error) {
      // Whoever comes after a host that does not answer any more must not wait for it too. Those who use the connection
      // have bounds of their own.
      const isSound = error instanceof ChannelRefused || (isAccessError(error) && hasAnswered);
      this.isRetired ||= !isSound;
      this.release();
      throw error;
    } finally {
      letGo();
    }
  }

  /** Ends it, with what is forwarded through it. A host that does not answer to that keeps nothing waiting. */
  end(): void {
    this.isRetired = true;
    this.client.end();
    this.carrier.unref();
    setTimeout(() => this.carrier.destroy(), 1000).unref();
  }

  private release(): void {
    this.uses--;
    if (this.uses === 0 && this.isRetired) this.end();
  }

  /** Keeps the process alive until the function that is answered is called. */
  private hold(): () => void {
    this.holders++;
    this.applyHold();
    let isHolding = true;
    return () => {
      if (!isHolding) return;
      isHolding = false;
      this.holders--;
      this.applyHold();
    };
  }

  private applyHold(): void {
    if (this.holders > 0) this.carrier.ref();
    else this.carrier.unref();
  }
}

function channelOf(client: Client, target: Target): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    target.open(client, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject("reason" in error ? new ChannelRefused(error.message) : error);
    });
  });
}

/** Nobody waits any more for a channel that may still come. */
function closeWhenOpen(opened: Promise<ClientChannel>): void {
  opened
    .then((channel) => {
      channel.close();
    })
    .catch(() => undefined);
}
