import * as net from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { bindTarget, canonicalAddress, joinHostPort } from "./address";
import { ApiError } from "./protocol";
import type { Profile } from "./profiles";

/** A socket is tried this often, with this pause in milliseconds, before it counts as not bindable. */
const BIND_ATTEMPTS = 10;
const BIND_PAUSE = 100;

/**
 * The listening socket of `core.https_address`. It only accepts; what it accepts lives on when it is closed,
 * so that a connection survives a change of the address made over itself.
 */
export class NetworkListener {
  #server?: net.Server;
  #updates: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly profile: Profile,
    private readonly accept: (socket: net.Socket) => void,
    private readonly speed: number,
  ) {}

  /** Where it listens now, as `ip:port` with the true port; "" where it does not. */
  get address(): string {
    const bound = this.#server?.address();
    return bound && typeof bound === "object" ? joinHostPort(bound.address, String(bound.port)) : "";
  }

  /**
   * Listens on this address instead of the present one, or nowhere for "".
   * The old socket is closed first and comes back, more or less, when the new one cannot be had; that is a 500.
   */
  update(address: string): Promise<void> {
    const update = this.#updates.then(() => this.#change(address));
    this.#updates = update.catch(() => undefined);
    return update;
  }

  /** Listens on this address if that is possible, once and without complaint, as a server does at its start. */
  async start(address: string): Promise<void> {
    if (address !== "") this.#keep(await this.#listen(canonicalAddress(address)).catch(() => undefined));
  }

  /** For good: an update still under way must not bring a socket back. */
  close(): void {
    this.#closed = true;
    this.#keep(undefined);
  }

  /** Accepts on this socket from now on, and on no other. */
  #keep(server: net.Server | undefined): void {
    this.#server?.close();
    this.#server = this.#closed ? undefined : server;
    if (this.#closed) server?.close();
  }

  async #change(address: string): Promise<void> {
    const wanted = address === "" ? "" : canonicalAddress(address);
    const old = this.address;
    if (wanted === old) return;
    this.#keep(undefined);
    if (wanted === "") return;
    try {
      this.#keep(await this.#persist(() => this.#listen(wanted)));
    } catch (error) {
      const before = old === "" ? () => this.#listenAnywhere() : () => this.#listen(old);
      this.#keep(await this.#persist(before).catch(() => undefined));
      throw error;
    }
  }

  /** With no address to return to, the real servers bind the empty one: a port of all interfaces. */
  #listenAnywhere(): Promise<net.Server> {
    return this.#listen(`:${this.profile.strayListenerPort}`);
  }

  async #persist(listen: () => Promise<net.Server>): Promise<net.Server> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await listen();
      } catch (error) {
        await delay(BIND_PAUSE / this.speed);
        if (attempt === BIND_ATTEMPTS) throw error;
      }
    }
  }

  #listen(canonical: string): Promise<net.Server> {
    const { host, port } = bindTarget(canonical);
    const fail = (cause: string) => new ApiError(500, this.profile.cannotListen(canonical, cause));
    if (!/^-?\d+$/.test(port)) return Promise.reject(fail(`listen tcp: ${this.profile.unknownPort(port)}`));
    if (Number(port) < 0 || Number(port) > 65535)
      return Promise.reject(fail(`listen tcp: address ${port}: invalid port`));
    const server = net.createServer(this.accept);
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        reject(fail(`listen tcp ${joinHostPort(host, port)}: ${goCause(error)}`));
      });
      server.listen({ host: this.#bindHost(host), port: Number(port) }, () => {
        resolve(server);
      });
    });
  }

  #bindHost(host: string): string {
    const all = host === "" || (host === "0.0.0.0" && this.profile.ipv4WildcardIsDualStack);
    return all && machineHasIpv6() ? "::" : host || "0.0.0.0";
  }
}

function machineHasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === "IPv6"));
}

/** The words of Go's standard library for a failed bind. */
function goCause(error: NodeJS.ErrnoException): string {
  const causes: Partial<Record<string, string>> = {
    EADDRNOTAVAIL: "bind: cannot assign requested address",
    EADDRINUSE: "bind: address already in use",
    EACCES: "bind: permission denied",
  };
  return causes[error.code ?? ""] ?? error.message;
}
