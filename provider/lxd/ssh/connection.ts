/**
 * One SSH connection to a host, through which connections to its sockets are forwarded. It is opened when it is first
 * needed, once for all who wait for it, and again after it was lost.
 */
import type { Socket } from "node:net";
import type { Client, ClientChannel } from "ssh2";
import { AccessError, isAccessError, messageOf } from "../../errors";
import { ForwardedStream } from "./forwarded-stream";
import { logIn, WrongHostKey } from "./handshake";
import type { SshHost } from "./host";
import { expectationOf, mayHaveAnother, wrongHost } from "./host-key";
import { readKeys } from "./private-key";
import { type Deadline, withinTime } from "./within-time";

/** What SSH runs over: a socket, or a connection that a bastion forwards. */
export type Carrier = Socket | ForwardedStream;

/** Opens the way to a host. */
export type Dial = (deadline: Deadline) => Promise<Carrier>;

interface Open {
  readonly client: Client;
  readonly carrier: Carrier;
}

type OpenChannel = (client: Client, done: (error: Error | undefined, channel: ClientChannel) => void) => void;

/** The host does not open a channel. Over sockets it does not say why. */
class ChannelRefused extends Error {}

export class SshConnection {
  private opening: Promise<Open> | undefined;
  private carrier: Carrier | undefined;
  /** How many uses keep the process alive. */
  private holders = 0;

  constructor(
    private readonly host: SshHost,
    private readonly dial: Dial,
  ) {}

  /**
   * A connection to the first of these unix sockets on the host that accepts one.
   * @throws AccessError LXD_UNREACHABLE, LXD_TIMEOUT, LXD_NOT_TRUSTED, LXD_SERVER_IDENTITY, LXD_PROTOCOL or CONFIG_INVALID.
   */
  async forwardToSocket(paths: readonly string[], deadline: Deadline): Promise<ForwardedStream> {
    for (const path of paths) {
      const stream = await this.forward(deadline, (client, done) =>
        client.openssh_forwardOutStreamLocal(path, done),
      );
      if (stream !== undefined) return stream;
    }
    throw new AccessError(
      "LXD_UNREACHABLE",
      `the host forwards no connection to ${paths.join(", ")}. Either no server has such a socket there (name it by ` +
        `socketPath), or the user ${JSON.stringify(this.host.user)} may not use it (group lxd or incus-admin), or sshd ` +
        "forbids it (AllowStreamLocalForwarding, AllowTcpForwarding, DisableForwarding)",
    );
  }

  /** A connection from the host to a port of another one. Errors as of {@link forwardToSocket}. */
  async forwardToPort(host: string, port: number, deadline: Deadline): Promise<ForwardedStream> {
    const stream = await this.forward(deadline, (client, done) =>
      client.forwardOut("127.0.0.1", 0, host, port, done),
    );
    if (stream !== undefined) return stream;
    throw new AccessError(
      "LXD_UNREACHABLE",
      `it forwards no connection to ${host}, port ${port}. Either nothing listens there, or sshd forbids it (AllowTcpForwarding)`,
    );
  }

  /** Closes the connection, and what is forwarded through it. A later call opens another. */
  async close(): Promise<void> {
    const opening = this.opening;
    this.opening = undefined;
    const open = await opening?.catch(() => undefined);
    if (open === undefined) return;
    open.client.end();
    // A host that does not answer to that keeps nothing waiting.
    open.carrier.unref();
    setTimeout(() => open.carrier.destroy(), 1000).unref();
  }

  /** Opens a channel, on a new connection where the old one was lost meanwhile; undefined where the host refuses to. */
  private async forward(deadline: Deadline, open: OpenChannel): Promise<ForwardedStream | undefined> {
    const letGo = this.hold();
    try {
      for (let attempt = 1; ; attempt++) {
        const opening = this.open(deadline);
        const { client, carrier } = await withinTime(deadline, opening);
        const heard = { answer: false };
        try {
          // Asked first, as a host answers in turn: so it is told from what lies behind it and may be silent.
          client.openssh_noMoreSessions(() => (heard.answer = true));
          const opened = channelOf(client, open);
          const channel = await withinTime(deadline, opened, () => {
            closeWhenOpen(opened);
          });
          return new ForwardedStream(channel, () => this.hold());
        } catch (error) {
          if (error instanceof ChannelRefused) return undefined;
          // The host is there, and others use this connection: only what was asked of it takes too long.
          if (isAccessError(error) && heard.answer) throw error;
          // Whoever comes after a host that does not answer any more must not wait for it too.
          if (this.opening === opening) this.opening = undefined;
          carrier.destroy();
          if (isAccessError(error)) throw error;
          if (attempt > 1)
            throw new AccessError("LXD_UNREACHABLE", `the SSH connection broke off: ${messageOf(error)}`);
        }
      }
    } finally {
      letGo();
    }
  }

  private open(deadline: Deadline): Promise<Open> {
    if (this.opening !== undefined) return this.opening;
    const opening = this.openNow(deadline);
    this.opening = opening;
    const forget = (): void => {
      if (this.opening === opening) this.opening = undefined;
    };
    opening.then(({ client, carrier }) => {
      client.once("close", forget);
      this.carrier = carrier;
      this.applyHold();
    }, forget);
    return opening;
  }

  private async openNow(deadline: Deadline): Promise<Open> {
    const expected = await expectationOf(this.host);
    const keys = await readKeys(this.host);
    const shown: Buffer[] = [];
    for (;;) {
      const carrier = await this.dial(deadline);
      const login = logIn(carrier, { host: this.host, expected, shown, keys });
      try {
        return { client: await withinTime(deadline, login, () => carrier.destroy()), carrier };
      } catch (error) {
        if (!(error instanceof WrongHostKey)) throw error;
        if (error.key !== undefined) shown.push(error.key);
        if (error.key === undefined || !mayHaveAnother(expected, shown))
          throw wrongHost(expected, this.host, shown);
      }
    }
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
    if (this.holders > 0) this.carrier?.ref();
    else this.carrier?.unref();
  }
}

function channelOf(client: Client, open: OpenChannel): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    open(client, (error, channel) => {
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
