/**
 * A connection that an SSH host forwards, as a stream with the manners of a socket. The library's own channels do not
 * close when they are destroyed, and leave a write unanswered that comes after the end.
 */
import { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";

export class ForwardedStream extends Duplex {
  /** `hold` keeps the process alive for this stream, until the function that it answers is called. */
  constructor(
    private readonly channel: ClientChannel,
    private readonly hold: () => () => void,
  ) {
    super({ allowHalfOpen: false });
    this.letGo = hold();
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    let hasEnded = false;
    channel.on("end", () => {
      hasEnded = true;
      this.push(null);
    });
    // After an end there may be something left to be read.
    channel.on("close", () => {
      if (!hasEnded) this.destroy();
    });
    channel.on("error", (error: Error) => this.destroy(error));
  }

  private letGo: (() => void) | undefined;

  /** Keeps the process alive, as a socket does. */
  ref(): this {
    this.letGo ??= this.hold();
    return this;
  }

  /** Lets the process end in spite of this connection. */
  unref(): this {
    this.letGo?.();
    this.letGo = undefined;
    return this;
  }

  override _read(): void {
    this.channel.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.channel.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.unref();
    this.channel.close();
    this.channel.resume(); // what is never read keeps it from being forgotten
    done(error);
  }
}
