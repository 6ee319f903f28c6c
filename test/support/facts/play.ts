import { strict as assert } from "node:assert";
import { once } from "node:events";
import * as https from "node:https";
import { connect, createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { rawRequest, type RawReply, type RawTarget } from "../raw-request";
import { ANYTHING, assertContains } from "./contains";
import type { Case, Exchange, Step } from "./exchanges";
import { listeningSockets } from "./listening-sockets";
import { issuedToken, Names, pairOf } from "./names";

/** What a case needs of a server. */
export interface Player {
  socketPath: string;
  restart(): Promise<void>;
}

/** Plays a case against a server that is as new. Fails with the number of the step that went otherwise. */
export async function play(server: Player, { steps }: Case): Promise<void> {
  const run = new Run(server, await describeServer(server));
  try {
    for (const [index, step] of steps.entries()) {
      await run.step(step).catch((error: unknown) => {
        if (error instanceof Error) error.message = `step ${index + 1}, ${title(step)}: ${error.message}`;
        throw error;
      });
    }
  } finally {
    await run.end();
  }
}

function title(step: Step): string {
  return "send" in step ? `[${step.as ?? "unix"}] ${step.send}` : Object.keys(step).join(" ");
}

async function describeServer({ socketPath }: Player): Promise<{ pid: number; uuid: string }> {
  const { body } = await rawRequest({ socketPath }, "GET", "/1.0");
  const metadata = body.metadata as {
    config: Record<string, string>;
    environment: { server_pid: number };
  };
  return { pid: metadata.environment.server_pid, uuid: metadata.config["volatile.uuid"] ?? "" };
}

class Run {
  readonly #names: Names;
  readonly #blockers = new Map<string, Server>();
  readonly #kept = new Map<string, RawTarget>();
  readonly #notTheServers: Set<string>;
  #pid: number;

  constructor(
    private readonly server: Player,
    { pid, uuid }: { pid: number; uuid: string },
  ) {
    this.#names = new Names(uuid);
    this.#pid = pid;
    // The double lives in this very process, which may listen elsewhere for other reasons.
    this.#notTheServers = new Set(listeningSockets(pid));
  }

  async end(): Promise<void> {
    for (const { agent } of this.#kept.values()) agent?.destroy();
    for (const name of this.#blockers.keys()) await this.#release(name);
  }

  async step(step: Step): Promise<void> {
    if ("send" in step) await this.#exchange(step);
    else if ("listens" in step) await this.#checkListeners(step.listens);
    else if ("connect" in step)
      assert.equal(await accepts(await this.#names.text(step.connect)), step.works, "connection comes about");
    else if ("outageOf" in step) await this.#outage(await this.#names.text(step.outageOf), step.during);
    else if ("occupy" in step) await this.#occupy(step.occupy);
    else if ("release" in step) await this.#release(step.release);
    else if ("restart" in step) await this.#restart();
    else if ("expired" in step) await this.#expire(step.expired);
    else if ("eventually" in step) await this.#eventually(step.eventually);
    else if ("crash" in step) await assert.rejects(this.#send(step.crash), "the connection must be cut");
    else await this.#race(step);
  }

  async #exchange(exchange: Exchange): Promise<void> {
    await this.#check(exchange, await this.#send(exchange));
  }

  async #check(exchange: Exchange, reply: RawReply): Promise<void> {
    const { status, body, headers } = reply;
    assert.equal(status, exchange.status, `status (the server says "${body.error}")`);
    assert.equal(
      body.type,
      body.error_code > 0 ? "error" : status === 202 ? "async" : "sync",
      "type of reply",
    );
    if (status >= 400) assert.equal(body.error_code, status, "error_code");
    const wanted = exchange.error ?? "";
    if (typeof wanted !== "string") assert.match(body.error, wanted);
    else if (wanted === ANYTHING) assert.notEqual(body.error, "", "text of the error");
    else assert.equal(withoutHashes(body.error), await this.#names.text(wanted), "text of the error");
    if ("metadata" in exchange)
      assertContains(body.metadata, await this.#names.fill(exchange.metadata), "metadata");
    if (exchange.etag) this.#names.etags.set(exchange.etag, String(headers.etag));
    if (exchange.token) this.#names.tokens.set(exchange.token, issuedToken(reply));
    // Last, since a new token's own id may be in it.
    if (exchange.location !== undefined)
      assert.equal(headers.location, await this.#names.text(exchange.location), "Location");
  }

  async #send(exchange: Exchange): Promise<RawReply> {
    const [method = "", path = ""] = (await this.#names.text(exchange.send)).split(" ");
    const headers: Record<string, string> = {};
    if (exchange.ifMatch) headers["If-Match"] = await this.#names.text(exchange.ifMatch);
    const target = this.#target(exchange);
    return rawRequest(target, method, path, await this.#names.fill(exchange.body), headers);
  }

  /** Over TLS a request goes where the server listens now; a kept connection stays where it began. */
  #target({ as = "unix", over }: Exchange): RawTarget {
    if (as === "unix") return { socketPath: this.server.socketPath };
    const kept = over === undefined ? undefined : this.#kept.get(over);
    if (kept) return kept;
    const listener = this.#listeners()[0];
    assert.ok(listener, "the server must listen on the network for a request over TLS");
    const address = listener.replace(/^\*|^0\.0\.0\.0/, "127.0.0.1");
    const target = as === "anonymous" ? { address } : { ...pairOf(as), address };
    if (over === undefined) return target;
    const keeping = { ...target, agent: new https.Agent({ keepAlive: true, maxSockets: 1 }) };
    this.#kept.set(over, keeping);
    return keeping;
  }

  #listeners(): string[] {
    return listeningSockets(this.#pid).filter((address) => !this.#notTheServers.has(address));
  }

  async #checkListeners(wanted: string[]): Promise<void> {
    const found = this.#listeners();
    const filled = await Promise.all(wanted.map((address) => this.#names.text(address)));
    const masked = found.map((address) =>
      filled.includes("*:?") ? address.replace(/^\*:\d+$/, "*:?") : address,
    );
    assert.deepEqual(masked, filled.sort(), "addresses the server listens on");
  }

  async #outage(address: string, during: Exchange): Promise<void> {
    assert.ok(await accepts(address), `${address} must accept before`);
    let refusals = 0;
    let replied = false;
    const poll = async () => {
      while (!replied) {
        if (!(await accepts(address))) refusals++;
        await delay(10);
      }
    };
    const exchange = this.#exchange(during).finally(() => (replied = true));
    await Promise.all([exchange, poll()]);
    assert.ok(refusals > 0, `${address} must refuse connections for a while`);
    assert.ok(await accepts(address), `${address} must accept afterwards`);
  }

  async #occupy(name: string): Promise<void> {
    const blocker = createServer();
    blocker.listen(await this.#names.port(name), "127.0.0.1");
    await once(blocker, "listening");
    this.#blockers.set(name, blocker);
    this.#notTheServers.add(`127.0.0.1:${await this.#names.port(name)}`);
  }

  async #release(name: string): Promise<void> {
    const blocker = this.#blockers.get(name);
    if (!blocker) return;
    this.#blockers.delete(name);
    this.#notTheServers.delete(`127.0.0.1:${await this.#names.port(name)}`);
    blocker.close();
    await once(blocker, "close");
  }

  async #restart(): Promise<void> {
    await this.server.restart();
    this.#pid = (await describeServer(this.server)).pid;
  }

  async #expire(name: string): Promise<void> {
    const { expiresAt } = this.#names.token(name);
    assert.ok(expiresAt, `token ${name} expires`);
    while (Date.now() <= Date.parse(expiresAt)) await delay(20);
  }

  async #eventually(exchange: Exchange): Promise<void> {
    // The test runner's own limit ends a wait in vain.
    for (;;) {
      const reply = await this.#send(exchange);
      if (reply.status === exchange.status) {
        await this.#check(exchange, reply);
        return;
      }
      await delay(100);
    }
  }

  async #race(step: Extract<Step, { race: Exchange }>): Promise<void> {
    const replies = await Promise.all(step.by.map((as) => this.#send({ ...step.race, as })));
    const counts: Record<string, number> = {};
    for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1;
    if ("statuses" in step) {
      assert.deepEqual(counts, step.statuses, "how often each status came");
      return;
    }
    const winners = counts[step.won] ?? 0;
    assert.ok(winners > 0, `nobody got ${step.won}: ${JSON.stringify(counts)}`);
    const losers = step.by.length - winners;
    assert.deepEqual(counts, { [step.won]: winners, ...(losers > 0 && { [step.lost]: losers }) });
  }
}

/** ETags in a text cannot be foretold. */
function withoutHashes(text: string): string {
  return text.replace(/\b[0-9a-f]{64}\b/g, "{hash}");
}

/** Whether somebody accepts TCP connections there. */
async function accepts(address: string): Promise<boolean> {
  const [, host = "", port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(address) ?? [];
  const socket = connect({ host, port: Number(port) });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
