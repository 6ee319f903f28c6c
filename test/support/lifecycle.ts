/**
 * The life of a resource as a table: what to give, what to change, what somebody does by hand, and what has to be true
 * on the server after each step. The same cases run against the server double and against real daemons.
 */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ResourceName } from "../../provider/registry";
import { reset } from "./facts/reset";
import { type ServerKind, startServer, type TestServer } from "./servers";
import type { FrontName } from "./stack-front";
import { type Plan, plainText, type Recorded, Stack } from "./stack";
import type { TestSshd } from "./sshd";
import { type AdminClient, openHttps, type ServerView, viewOf } from "./server-view";

export type Properties = Record<string, unknown>;

/** How the resources of a case reach the server. */
export type Way = "unix" | "https" | "ssh";

/** What a case has to work with. */
export interface World {
  readonly server: TestServer;
  /** Looks at the server, and changes it by hand, with raw requests. */
  readonly view: ServerView;
  readonly stack: Stack;
  /** A client directory that does not exist yet. */
  readonly configDir: string;
  /** `connection` for the resources of this case. */
  readonly connection: Properties;
  /** Address of the listener that the connection uses, where it is HTTPS. */
  readonly admin?: AdminClient;
  /** What an HttpsAddress needs beside its address and connection: the member, on a cluster. */
  readonly member: { readonly target?: string };
}

/** One step after the creation. `verify` looks at the server, not at what the provider says. */
export type Step = {
  readonly title: string;
  readonly verify?: (world: World, resource: Recorded) => Promise<void>;
} & (
  | {
      readonly give: (world: World, inputs: Properties) => Properties | Promise<Properties>;
      readonly plan: Plan;
    }
  | {
      readonly byHand: (world: World, resource: Recorded) => Promise<void>;
      readonly seen: "in sync" | "changed" | "gone";
      /** What another resource of the program would hand over now, a fresh token say. */
      readonly giveAfter?: (world: World, inputs: Properties) => Properties | Promise<Properties>;
    }
);

export interface LifecycleCase {
  readonly title: string;
  readonly resource: ResourceName;
  /** Ways in for which it makes sense; unix and https where it is left out. See {@link waysFor}. */
  readonly ways?: readonly Way[];
  /** Kinds of server it is for; all where it is left out. */
  readonly when?: (kind: ServerKind) => boolean;
  readonly prepare?: (world: World) => Promise<void>;
  readonly inputs: (world: World) => Properties | Promise<Properties>;
  readonly created: (world: World, resource: Recorded) => Promise<void>;
  readonly steps?: readonly Step[];
  /** What somebody does by hand right before the resource is destroyed. */
  readonly beforeDestroy?: (world: World, resource: Recorded) => Promise<void>;
  readonly destroyed: (world: World, resource: Recorded) => Promise<void>;
}

/**
 * The ways in over which a case runs against a kind of server; none where it is not for it. SSH forwards the unix socket,
 * so what goes over the one goes over the other, on one real daemon. A Remote takes no connection, so there SSH would be
 * nothing but a name.
 */
export function waysFor(
  { resource, when, ways = ["unix", "https"] }: LifecycleCase,
  kind: ServerKind,
): Way[] {
  if (when?.(kind) === false) return [];
  const isForwarded = kind === "lxd-daemon" && resource !== "Remote" && ways.includes("unix");
  return isForwarded ? [...ways, "ssh"] : [...ways];
}

/**
 * Runs a case: check, preview, create, no change, the steps, refresh, destroy twice. It has a server of its own, unless one
 * is given, which is brought back to what it was.
 */
export async function live(
  theCase: LifecycleCase,
  kind: ServerKind,
  way: Way,
  given: {
    readonly server?: TestServer;
    readonly sshd?: Pick<TestSshd, "connection">;
    readonly front?: FrontName;
  } = {},
): Promise<void> {
  const { sshd, front } = given;
  const server = given.server ?? (await startServer(kind));
  const directory = mkdtempSync(join(tmpdir(), "lxa-life-"));
  try {
    const view = viewOf(server);
    const admin = way === "https" ? await openHttps(server) : undefined;
    const { socketPath } = server;
    const connection =
      way === "ssh" ? { ssh: { ...sshd?.connection, socketPath } } : (admin?.connection ?? { socketPath });
    const stack = new Stack(directory, front);
    const member = server.target === undefined ? {} : { target: server.target };
    const world: World = {
      server,
      view,
      stack,
      configDir: join(directory, "lxc"),
      connection,
      admin,
      member,
    };
    await theCase.prepare?.(world);
    await run(theCase, world);
  } finally {
    await (given.server === undefined ? server.stop() : reset(server.socketPath));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(theCase: LifecycleCase, world: World): Promise<void> {
  const { stack } = world;
  let inputs = await theCase.inputs(world);
  await canBePreviewed(theCase.resource, inputs, stack);

  let resource = await stack.create(theCase.resource, inputs);
  await theCase.created(world, resource);
  resource = await settled(world, resource, inputs);

  for (const step of theCase.steps ?? []) {
    if ("give" in step) {
      inputs = await step.give(world, inputs);
      assert.equal(await stack.plan(resource, inputs), step.plan, `${step.title}: what a preview shows`);
      resource = await follow(stack, resource, inputs, step.plan);
    } else {
      await step.byHand(world, resource);
      inputs = (await step.giveAfter?.(world, inputs)) ?? inputs;
      resource = await mended(world, resource, inputs, step.title, step.seen);
    }
    await step.verify?.(world, resource);
    resource = await settled(world, resource, inputs);
  }

  await theCase.beforeDestroy?.(world, resource);
  await stack.destroy(resource);
  await theCase.destroyed(world, resource);
  await stack.destroy(resource);
  await theCase.destroyed(world, resource);
}

/** What is known in state is not in plain text, and neither an `up` nor a refresh finds anything to do. */
async function settled(world: World, resource: Recorded, inputs: Properties): Promise<Recorded> {
  const { stack } = world;
  noSecretIn(plainText(resource));
  noSecretIn(stack.messages.join("\n"));
  assert.equal(await stack.plan(resource, inputs), "same", "an `up` right after finds nothing to do");
  const refreshed = await stack.refresh(resource);
  assert.ok(refreshed !== undefined, "a refresh right after finds it there");
  assert.equal(await stack.plan(refreshed, inputs), "same", "a refresh right after finds nothing to do");
  return refreshed;
}

/** Does what the engine does after a plan. */
async function follow(stack: Stack, resource: Recorded, inputs: Properties, plan: Plan): Promise<Recorded> {
  if (plan === "same") return resource;
  if (plan === "update") return stack.update(resource, inputs);
  await stack.destroy(resource);
  return stack.create(resource.name, inputs);
}

/** A refresh sees what was done by hand, and the next `up` mends it. */
async function mended(
  { stack }: World,
  resource: Recorded,
  inputs: Properties,
  title: string,
  seen: "in sync" | "changed" | "gone",
): Promise<Recorded> {
  const refreshed = await stack.refresh(resource);
  if (refreshed === undefined) {
    assert.equal(seen, "gone", title);
    return stack.create(resource.name, inputs);
  }
  const plan = await stack.plan(refreshed, inputs);
  assert.equal(plan === "same" ? "in sync" : "changed", seen, title);
  return follow(stack, refreshed, inputs, plan);
}

/** Every input alone may be unknown in a preview. */
async function canBePreviewed(name: ResourceName, inputs: Properties, stack: Stack): Promise<void> {
  for (const key of Object.keys(inputs)) {
    const unknown = { ...inputs, [key]: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
    assert.deepEqual(await stack.mistakes(name, unknown), [], `${key} unknown`);
  }
}

function noSecretIn(text: string): void {
  assert.doesNotMatch(text, /PRIVATE KEY/, "no private key in plain text");
  assert.doesNotMatch(text, /eyJjbGllbnRfbmFtZSI/, "no trust token in plain text");
}
