/**
 * The SSH connection to a host, through which connections to its sockets are forwarded. It is opened when it is first
 * needed, once for all who wait for it, and again after it was lost.
 */
import { AccessError, isAccessError } from "../../errors";
import { unlessAborted } from "../../waiting";
import { formatHostAndPort } from "../address";
import type { ForwardedStream } from "./forwarded-stream";
import { brokenConnection, logIn, WrongHostKey } from "./handshake";
import type { SshHost } from "./host";
import { expectationOf, mayHaveAnother, wrongHost } from "./host-key";
import { loadSsh2 } from "./library";
import { type Carrier, ChannelRefused, OpenConnection, type Target } from "./open-connection";
import { Opening } from "./opening";
import { readKeys } from "./private-key";
import type { Waiter } from "./within-time";

/** Opens the way to a host. */
export type Dial = (waiter: Waiter) => Promise<Carrier>;

export class SshConnection {
  private opening: Opening | undefined;

  constructor(
    private readonly host: SshHost,
    private readonly dial: Dial,
  ) {}

  /**
   * A connection to the first of these unix sockets on the host that accepts one.
   * @throws AccessError LXD_UNREACHABLE, LXD_NOT_TRUSTED, LXD_SERVER_IDENTITY, LXD_PROTOCOL or CONFIG_INVALID; what the
   * waiter's signal gives as a reason.
   */
  async forwardToSocket(paths: readonly string[], waiter: Waiter): Promise<ForwardedStream> {
    for (const path of paths) {
      const name = `the socket ${path} there`;
      const stream = await this.forward(
        { name, open: (client, done) => client.openssh_forwardOutStreamLocal(path, done) },
        waiter,
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
  async forwardToPort(host: string, port: number, waiter: Waiter): Promise<ForwardedStream> {
    const name = formatHostAndPort({ host, port });
    const stream = await this.forward(
      { name, open: (client, done) => client.forwardOut("127.0.0.1", 0, host, port, done) },
      waiter,
    );
    if (stream !== undefined) return stream;
    throw new AccessError(
      "LXD_UNREACHABLE",
      `it forwards no connection to ${host}, port ${port}. Either nothing listens there, or sshd forbids it (AllowTcpForwarding)`,
    );
  }

  /** Closes the connection, and what is forwarded through it. A later call opens another. */
  close(): void {
    this.opening?.close();
    this.opening = undefined;
  }

  /** Opens a channel, on a new connection where the old one was lost meanwhile; undefined where the host refuses to. */
  private async forward(target: Target, waiter: Waiter): Promise<ForwardedStream | undefined> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.open().wait(waiter);
      try {
        return await connection.forward(target, waiter);
      } catch (error) {
        if (error instanceof ChannelRefused) return undefined;
        if (isAccessError(error)) throw error;
        if (attempt > 1) throw brokenConnection(error);
      }
    }
  }

  /** The opening of a connection that can be used: the one before, or another. */
  private open(): Opening {
    if (this.opening?.isUsable === true) return this.opening;
    this.opening = new Opening((waiter) => this.openNow(waiter));
    return this.opening;
  }

  private async openNow(waiter: Waiter): Promise<OpenConnection> {
    waiter.waitsFor(
      "known host keys and private keys are still being read. Does the file system they are on answer?",
    );
    // Before the host is dialled: what it says at once must find somebody who listens.
    const [expected, keys, ssh2] = await unlessAborted(
      waiter.signal,
      Promise.all([expectationOf(this.host), readKeys(this.host), loadSsh2()]),
    );
    const shown: Buffer[] = [];
    for (;;) {
      const carrier = await this.dial(waiter);
      waiter.waitsFor(
        this.host.agent === undefined
          ? "the host accepts the connection, but the login does not end. Is it sshd that listens there?"
          : `the host accepts the connection, but the login does not end. Is it sshd that listens there, and does the agent at ${this.host.agent} answer?`,
      );
      const login = logIn(ssh2, carrier, { host: this.host, expected, shown, keys });
      try {
        return new OpenConnection(
          await unlessAborted(waiter.signal, login, () => carrier.destroy()),
          carrier,
        );
      } catch (error) {
        if (!(error instanceof WrongHostKey)) throw error;
        if (error.key !== undefined) shown.push(error.key);
        if (error.key === undefined || !mayHaveAnother(expected, shown))
          throw wrongHost(expected, this.host, shown);
      }
    }
  }
}
