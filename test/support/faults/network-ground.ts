/** What the tests of a Remote's network stand on: a real server, a front that misbehaves, and the life of one Remote through it. */
import { strict as assert } from "node:assert";
import { setStage, type Stage } from "../joined-server";
import { asInputs, makePair, type OpensslPair } from "../openssl-pair";
import { rawRequest } from "../raw-request";
import { describeWith } from "../skip";
import type { Recorded } from "../stack";
import { codeIn, type FaultFinding, serverNamed } from "./finding";
import { type Conduct, type Front, standInFront } from "./front";

/** Seconds, where somebody is to be waited for in vain; enough for a server on a busy machine. */
export const impatient = { connect: 1, request: 0.6 };

/** What came of a Remote, as a finding tells it. */
export type Outcome = Pick<FaultFinding, "happened" | "left">;

export interface NetworkGround {
  readonly server: string;
  /** The server, once the tests run. */
  readonly stage: Stage;
  readonly front: Front;
  /** The pair of the client. */
  readonly pair: OpensslPair;
  /** Another pair that the front knows. */
  readonly nextPair: OpensslPair;
  /** A token for "edge" whose addresses are these; that of the front, where nothing is said. */
  readonly invite: (...addresses: string[]) => Promise<string>;
  /** Whether the server trusts a pair, as it says to that itself. */
  readonly isTrusted: (pair: OpensslPair) => Promise<boolean>;
  /** Has a Remote join while the network misbehaves, and see {@link finish}. */
  readonly join: (conduct: Conduct, options?: JoinOptions) => Promise<Outcome>;
  /** Lets the network be well and the program run again; then the Remote has to be whole, and a destroy to leave nothing. */
  readonly finish: (first: Up, inputs: Record<string, unknown>) => Promise<Outcome>;
}

export interface JoinOptions {
  /** Inputs of both runs. */
  readonly always?: Record<string, unknown>;
  /** Inputs of the first run alone. */
  readonly inputs?: Record<string, unknown>;
  /** Where the token leads; to the front, where nothing is said. */
  readonly addresses?: readonly string[];
  /** What happens between the first run and the second. */
  readonly meanwhile?: () => Promise<void>;
}

export interface Up {
  readonly recorded?: Recorded;
  readonly message?: string;
}

/** Declares tests once for LXD and once for Incus. No client is trusted and no token is pending when a test begins. */
export function describeNetwork(declare: (ground: NetworkGround) => void): void {
  for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
    describeWith([kind], `on a real ${kind}`, () => {
      const [pair, nextPair, other] = ["edge", "next", "stranger"].map((name) => makePair(name)) as [
        OpensslPair,
        OpensslPair,
        OpensslPair,
      ];
      let stage: Stage | undefined;
      let front: Front | undefined;
      before(async () => {
        stage = await setStage(kind);
        front = await standInFront(stage, [pair, nextPair], other);
      });
      after(async () => {
        await front?.close();
        await stage?.end();
      });
      const ground: NetworkGround = {
        ...{ server: serverNamed(kind), pair, nextPair },
        get stage() {
          return stage ?? assert.fail("the server is there only while tests run");
        },
        get front() {
          return front ?? assert.fail("the front is there only while tests run");
        },
        invite: async (...addresses) =>
          leadingTo(
            await ground.stage.token("edge"),
            addresses.length > 0 ? addresses : [ground.front.address],
          ),
        isTrusted: async (asked) => {
          const said = await rawRequest({ address: ground.stage.address, ...asked }, "GET", "/1.0");
          return (said.body.metadata as { auth: string }).auth === "trusted";
        },
        join: (conduct, options = {}) => join(ground, conduct, options),
        finish: (first, inputs) => finish(ground, first, inputs),
      };
      beforeEach(async () => {
        const { view } = ground.stage;
        await ground.front.behave();
        await view.revokeTokens();
        for (const { fingerprint } of await view.clients()) await view.removeClient(fingerprint);
      });
      declare(ground);
    });
  }
}

async function join(ground: NetworkGround, conduct: Conduct, options: JoinOptions): Promise<Outcome> {
  const { stage, front, pair } = ground;
  const token = await ground.invite(...(options.addresses ?? []));
  const inputs = { name: "edge", token, ...asInputs(pair), ...options.always };
  await front.behave(conduct);
  const first = await stage.stack.up("Remote", { ...inputs, ...options.inputs });
  requireDiscretion(front, [token, secretOf(token)]);
  for (const secret of [token, secretOf(token), pair.privateKey])
    assert.ok(first.message?.includes(secret) !== true, "nothing secret is in an error");
  await options.meanwhile?.();
  return finish(ground, first, inputs);
}

async function finish(
  { stage: { stack, view }, front }: NetworkGround,
  first: Up,
  inputs: Record<string, unknown>,
): Promise<Outcome> {
  const { message } = first;
  await front.behave();
  const second = message === undefined ? first : await stack.up("Remote", inputs, first.recorded);
  assert.equal(second.message, undefined, `after ${String(message)}`);
  const made = second.recorded ?? assert.fail("it is recorded");
  const seen = (await stack.refresh(made)) ?? assert.fail("it is there");
  if (message !== undefined) assert.equal(await stack.plan(seen, inputs), "same");
  const fingerprint = seen.outputs["clientFingerprint"];
  const [clients, tokens] = [await view.clients(), await view.pendingTokens()];
  assert.deepEqual(
    [clients.map((client) => client.fingerprint), tokens],
    [[fingerprint], []],
    `after ${String(message)}`,
  );
  await stack.destroy(seen);
  const [stays, waits] = [await view.clients(), await view.pendingTokens()];
  assert.deepEqual([stays, waits], [[], []], `destroyed, after ${String(message)}`);
  const recorded = first.recorded === undefined ? "nothing recorded" : "recorded";
  return {
    happened: message === undefined ? "joined" : `${codeIn(message)}, ${recorded}; joined by the next \`up\``,
    left: `${counted(clients.length, "client")} trusted, ${counted(tokens.length, "token")} pending; after a destroy ${counted(stays.length, "client")} and ${counted(waits.length, "token")}`,
  };
}

/** That whoever is not the pinned server got nothing, and no one got more than was to be sent. */
function requireDiscretion({ requests, connections }: Front, secrets: readonly string[]): void {
  const sent = requests.filter(({ what }) => what.startsWith("POST "));
  assert.ok(sent.length <= 1, "the token goes out once");
  for (const { shown, raw, decrypted, protocol, wasResumed } of connections) {
    if (shown === "other") assert.equal(Buffer.concat(decrypted).length, 0, "nothing but the pinned server");
    for (const secret of secrets) assert.ok(!Buffer.concat(raw).includes(secret), "nothing in plain text");
    assert.equal(wasResumed, false, "a session that is resumed shows no certificate");
    assert.ok(protocol === undefined || protocol === "TLSv1.3", protocol);
  }
}

/** A token that leads somewhere else. */
function leadingTo(token: string, addresses: readonly string[]): string {
  const said = JSON.parse(Buffer.from(token, "base64").toString()) as object;
  return Buffer.from(JSON.stringify({ ...said, addresses })).toString("base64");
}

/** What makes a token a secret. */
function secretOf(token: string): string {
  return (JSON.parse(Buffer.from(token, "base64").toString()) as { secret: string }).secret;
}

function counted(count: number, what: string): string {
  return `${count === 0 ? "no" : count === 1 ? "one" : String(count)} ${what}${count > 1 ? "s" : ""}`;
}
