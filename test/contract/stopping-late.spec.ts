/** A call that is asked to stop after its first change: it runs to its own end, so that nothing stays half-done. */
import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { PartialError } from "../../provider/handler";
import { handlers } from "../../provider/registry";
import { type Double, type Intercept, type SeenRequest, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { type Calls, callsIn, errorOf, type Outcome, resultOf } from "../support/stoppable";

const pair = makePair("client");

describe("a call that is asked to stop after its first change", () => {
  let server: Double;
  let view: ServerView;
  let calls: Calls;
  beforeEach(async () => {
    server = await startDouble("lxd-5.21", { speed: 5 });
    view = viewOf(server);
    calls = callsIn(server.directory);
  });
  afterEach(async () => {
    await calls.close();
    await server.stop();
  });

  /** What comes of a call that is asked to stop when such a request has come to the server; `fault` is asked from then on. */
  async function stoppedAt<Result>(
    isTheOne: (request: SeenRequest) => boolean,
    work: () => Promise<Result>,
    fault: Intercept = () => undefined,
  ): Promise<Outcome<Result>> {
    let hasCome = false;
    server.intercept((request) => {
      if (!hasCome && isTheOne(request)) {
        hasCome = true;
        running.stop();
      }
      return hasCome ? fault(request) : undefined;
    });
    const running = calls.begin(work);
    const outcome = await running.outcome;
    server.intercept(undefined);
    assert.ok(hasCome, "it was asked to stop");
    return outcome;
  }

  describe("as an HttpsAddress", () => {
    let address: string;
    let before: string;
    let connection: object;
    beforeEach(async () => {
      ({ address: before, connection } = await openHttps(server));
      address = `127.0.0.1:${await freePort()}`;
    });

    const create = (inputs: object = {}) => {
      const wanted = handlers.HttpsAddress.args.parse({ address, connection, ...inputs });
      return () => handlers.HttpsAddress.create(calls.context, wanted);
    };

    it("is recorded whole", async () => {
      const { state } = resultOf(await stoppedAt(isSent("PATCH"), create()));
      assert.deepEqual([state.address, state.previousAddress], [address, before]);
      assert.equal(state.incomplete, undefined);
      assert.equal(await view.address(), address);
    });

    it("is verified to the end", async () => {
      const isProbe = ({ clientFingerprint }: SeenRequest): boolean => clientFingerprint === undefined;
      const probes: string[] = [];
      const { state } = resultOf(
        await stoppedAt(isSent("PATCH"), create({ verify: true }), (request) => {
          if (isProbe(request)) probes.push(request.path);
          return undefined;
        }),
      );
      // Before, the new way in was looked for.
      assert.deepEqual(probes, ["/1.0", "/1.0"]);
      assert.equal(state.incomplete, undefined);
      assert.equal(await view.address(), address);
    });

    it("is taken back where nothing tells that the server still answers from here", async () => {
      const busy = { type: "error", error_code: 503, error: "LXD is busy", metadata: null };
      let isAsked = false;
      const outcome = await stoppedAt(isSent("PATCH"), create(), ({ method, clientFingerprint }) => {
        if (isAsked || method !== "GET" || clientFingerprint === undefined) return undefined;
        isAsked = true;
        return { status: 503, body: busy };
      });
      assert.match(errorOf(outcome).message, /LXD is busy.*; that was put back \[LXD_UNREACHABLE\]$/s);
      assert.equal(await view.address(), before);
    });
  });

  describe("as a TrustToken", () => {
    it("hands out the token that was issued", async () => {
      await view.listen();
      const wanted = handlers.TrustToken.args.parse({
        ...{ clientName: "ci", restricted: false },
        connection: { socketPath: server.socketPath },
      });
      const create = () => handlers.TrustToken.create(calls.context, wanted);
      const { state } = resultOf(await stoppedAt(isSent("POST"), create));
      await view.redeem(state.token ?? assert.fail("there is one"), pair);
      assert.deepEqual(
        (await view.clients()).map(({ fingerprint }) => fingerprint),
        [pair.fingerprint],
      );
    });
  });

  describe("as a Remote", () => {
    let token: string;
    beforeEach(async () => {
      await view.listen();
      token = await view.issueToken("ci", { restricted: false, projects: [] });
    });

    const create = (inputs: object = {}) => {
      const place = { configDir: "lxc", configFlavor: "lxd" };
      const wanted = handlers.Remote.args.parse({ name: "prod", token, ...place, ...inputs });
      return () => handlers.Remote.create(calls.context, wanted);
    };
    const inDirectory = (path: string): string => join(server.directory, "lxc", path);
    async function requireJoined(fingerprint: string | undefined): Promise<void> {
      assert.deepEqual(
        (await view.clients()).map((client) => client.fingerprint),
        [fingerprint],
      );
      const { remotes } = parse(readFileSync(inDirectory("config.yml"), "utf8")) as { remotes: object };
      assert.ok("prod" in remotes);
    }

    it("joins, and is recorded in its client directory", async () => {
      const outcome = await stoppedAt(isSent("POST"), create(asInputs(pair)));
      const { state } = resultOf(outcome);
      assert.deepEqual([state.enrolled, state.configState, state.incomplete], [true, "present", undefined]);
      await requireJoined(pair.fingerprint);
    });

    it("finds out that it has joined, where the answer is lost", async () => {
      const lost = ({ method }: SeenRequest) => (method === "POST" ? "reset after handling" : undefined);
      const { state } = resultOf(await stoppedAt(isSent("POST"), create(asInputs(pair)), lost));
      assert.equal(state.enrolled, true);
      await requireJoined(pair.fingerprint);
    });

    it("is recorded as unfinished, with its key, where nobody tells whether it has joined", async () => {
      const outcome = await stoppedAt(isSent("POST"), create(asInputs(pair)), () => "reset");
      const error = errorOf(outcome);
      assert.ok(error instanceof PartialError, error.message);
      assert.equal((error.state as { clientKey?: string }).clientKey, pair.privateKey);
    });

    it("joins with the pair that it has made in the directory, which was its first change", async () => {
      const isReached = ({ method, clientFingerprint }: SeenRequest): boolean =>
        method === "GET" && clientFingerprint !== undefined && existsSync(inDirectory("client.key"));
      mkdirSync(inDirectory(""));
      const { state } = resultOf(await stoppedAt(isReached, create()));
      assert.equal(readFileSync(inDirectory("client.key"), "utf8"), state.clientKey);
      await requireJoined(state.clientFingerprint);
    });

    it("leaves, and takes its entry along, on destroy", async () => {
      const { id, state } = resultOf(await calls.begin(create(asInputs(pair))).outcome);
      await requireJoined(pair.fingerprint);
      // Of a run of its own, in which nobody else has claimed them.
      await calls.close();
      calls = callsIn(server.directory);
      const remove = () => handlers.Remote.delete(calls.context, id, state);
      resultOf(await stoppedAt(isSent("DELETE"), remove));
      assert.deepEqual(await view.clients(), []);
      const { remotes } = parse(readFileSync(inDirectory("config.yml"), "utf8")) as { remotes: object };
      assert.ok(!("prod" in remotes));
    });
  });
});

function isSent(method: string): (request: SeenRequest) => boolean {
  return (request) => request.method === method;
}
