/** One client per server and client identity, so that a run costs connections per server and not per resource. */
import { LxdClient } from "./client";
import type { Endpoint, Timeouts } from "./transport";

export class ClientPool {
  private readonly clients = new Map<string, LxdClient>();
  /** What resources have taken for themselves, for as long as this pool lasts. */
  readonly claims = new Set<string>();

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
