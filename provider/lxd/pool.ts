/** One client per server and client identity, so that a run costs connections per server and not per resource. */
import { LxdClient } from "./client";
import type { Endpoint, Timeouts } from "./transport";

/** What resources have taken for themselves. */
export interface Claims {
  /** Takes something; false where it is taken already. */
  take(what: string): boolean;
  isTaken(what: string): boolean;
  /** Gives back whatever was taken here. */
  clear(): void;
}

/** Claims of one process. */
export class OwnClaims implements Claims {
  private readonly taken = new Set<string>();

  take(what: string): boolean {
    const isFree = !this.taken.has(what);
    this.taken.add(what);
    return isFree;
  }

  isTaken(what: string): boolean {
    return this.taken.has(what);
  }

  clear(): void {
    this.taken.clear();
  }
}

export class ClientPool {
  private readonly clients = new Map<string, LxdClient>();

  /** `claims` last as long as this pool, unless they are of more processes than this one. */
  constructor(readonly claims: Claims = new OwnClaims()) {}

  /** The client for an endpoint; the same one for the same endpoint and timeouts. */
  client(endpoint: Endpoint, timeouts: Timeouts): LxdClient {
    const key = JSON.stringify([endpoint, timeouts]);
    const existing = this.clients.get(key);
    if (existing !== undefined) return existing;
    const client = new LxdClient(endpoint, timeouts);
    this.clients.set(key, client);
    return client;
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    const clients = [...this.clients.values()];
    this.clients.clear();
    await Promise.all(clients.map((client) => client.close()));
  }
}
