/**
 * A stack in miniature: drives the providers as the engine does (secrets unwrapped on the way in, plain JSON on
 * the wire, a new provider process per command), so that the same table of cases runs in milliseconds per step.
 */
import * as assert from "node:assert/strict";
import { ClientPool } from "../../provider/lxd/pool";
import type { ResourceName } from "../../provider/registry";
import { type FrontName, type StackProvider, stackProvider } from "./stack-front";

type Properties = Record<string, unknown>;

const secretKey = "4dabf18193072939515e22adb298388d";

/** A resource as the stack has recorded it. `stored` is what the engine writes to disk, secrets still marked. */
export interface Recorded {
  readonly name: ResourceName;
  readonly id: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  readonly stored: string;
}

/** What the engine would do about a resource. */
export type Plan = "same" | "update" | "replace";

export class Stack {
  /** What the providers told the user. */
  readonly messages: string[] = [];
  /** The clock that providers see. */
  now = (): Date => new Date();
  /** Stack config without its namespace. */
  config: Record<string, string> = {};

  constructor(
    readonly programDirectory: string,
    private readonly front: FrontName = "dynamic",
  ) {}

  /** The mistakes that `check` finds, each `property: reason`. */
  async mistakes(name: ResourceName, inputs: Properties): Promise<string[]> {
    const { failures = [] } = await this.with(name, (provider) => provider.check(wire(inputs)));
    return failures.map(({ property, reason }) => {
      // The engine would print the value of a property named in this place.
      assert.equal(property, "");
      return reason;
    });
  }

  /** Checks and creates. A half-made resource is recorded before its error is thrown on, as the engine does. */
  async create(name: ResourceName, inputs: Properties): Promise<Recorded> {
    const checked = await this.checked(name, inputs);
    const created: { id: string; outs?: unknown } = await this.with(name, (provider) =>
      provider.create(checked),
    );
    return recorded(name, created.id, checked, created.outs);
  }

  /** Like {@link create}, for a create that is to fail: the message, and what was recorded in spite of it. */
  async createFails(
    name: ResourceName,
    inputs: Properties,
  ): Promise<{ message: string; recorded?: Recorded }> {
    const checked = await this.checked(name, inputs);
    const error = await this.with(name, (provider) => provider.create(checked)).then(
      () => assert.fail(`creating the ${name} was to fail`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Error);
    const { id, properties } = error as { id?: string; properties?: Properties };
    const half = id === undefined ? undefined : recorded(name, id, checked, properties);
    return { message: error.message, recorded: half };
  }

  /** What a preview of the next `up` shows. */
  async plan(resource: Recorded, inputs: Properties): Promise<Plan> {
    const checked = await this.checked(resource.name, inputs);
    const { id, outputs, inputs: before } = resource;
    const { changes, replaces = [] } = await this.with(resource.name, (provider) =>
      provider.diff(id, outputs, checked, before),
    );
    assert.equal(typeof changes, "boolean", "the engine is blind on refresh unless diff answers a boolean");
    if (changes !== true) return "same";
    return replaces.length > 0 ? "replace" : "update";
  }

  async update(resource: Recorded, inputs: Properties): Promise<Recorded> {
    const checked = await this.checked(resource.name, inputs);
    const updated = await this.with(resource.name, (provider) =>
      provider.update(resource.id, resource.outputs, checked),
    );
    return recorded(resource.name, resource.id, checked, updated.outs);
  }

  /** Like {@link update}, for an update that is to fail: the message, and what was recorded in spite of it. */
  async updateFails(
    resource: Recorded,
    inputs: Properties,
  ): Promise<{ message: string; recorded?: Recorded }> {
    const { name, id, outputs } = resource;
    const checked = await this.checked(name, inputs);
    const error = await this.with(name, (provider) => provider.update(id, outputs, checked)).then(
      () => assert.fail(`updating the ${name} was to fail`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Error);
    const { properties } = error as { properties?: Properties };
    const half = properties === undefined ? undefined : recorded(name, id, checked, properties);
    return { message: error.message, recorded: half };
  }

  /**
   * Makes a resource, or changes it where it is recorded, as `up` does: what is recorded then, and the message where that
   * failed. A resource of which nothing new was recorded stays as it was.
   */
  async up(
    name: ResourceName,
    inputs: Properties,
    before?: Recorded,
  ): Promise<{ recorded?: Recorded; message?: string }> {
    const checked = await this.checked(name, inputs);
    try {
      const done: { id?: string; outs?: unknown } = await this.with(name, (provider) =>
        before === undefined ? provider.create(checked) : provider.update(before.id, before.outputs, checked),
      );
      return { recorded: recorded(name, before?.id ?? done.id ?? fail(), checked, done.outs) };
    } catch (error) {
      assert.ok(error instanceof Error);
      const { id, properties } = error as { id?: string; properties?: Properties };
      const half = id === undefined ? before : recorded(name, id, checked, properties);
      return { recorded: half, message: error.message };
    }
  }

  /** The resource after a refresh; undefined when it is gone. */
  async refresh(resource: Recorded): Promise<Recorded | undefined> {
    const found = await this.with(resource.name, (provider) =>
      provider.read(resource.id, resource.outputs, resource.inputs),
    );
    if (found.id === undefined) return undefined;
    return recorded(resource.name, found.id, resource.inputs, found.props);
  }

  async destroy(resource: Recorded): Promise<void> {
    await this.with(resource.name, (provider) => provider.delete(resource.id, resource.outputs));
  }

  /** Makes another one and then deletes this one, in one provider process, as the engine replaces or renames. */
  async replace(resource: Recorded, inputs: Properties): Promise<Recorded> {
    const [made] = await this.replaceAll([[resource, inputs]]);
    return made ?? fail();
  }

  /** The same for several that depend on each other in this order: all are made, then the old ones go, the last one first. */
  async replaceAll(replacements: readonly (readonly [Recorded, Properties])[]): Promise<Recorded[]> {
    const pool = new ClientPool();
    const made: Recorded[] = [];
    try {
      for (const [{ name }, inputs] of replacements) {
        const checked = await this.checked(name, inputs);
        const created: { id: string; outs?: unknown } = await this.provider(name, pool).create(checked);
        made.push(recorded(name, created.id, checked, created.outs));
      }
      for (const [{ name, id, outputs }] of [...replacements].reverse())
        await this.provider(name, pool).delete(id, outputs);
      return made;
    } finally {
      await pool.close();
    }
  }

  /** Updates one resource and then deletes another one, which is not in the program any more, in one run. */
  async updateAndDestroy(
    [resource, inputs]: readonly [Recorded, Properties],
    gone: Recorded,
  ): Promise<Recorded> {
    const checked = await this.checked(resource.name, inputs);
    const pool = new ClientPool();
    try {
      const provider = this.provider(resource.name, pool);
      const updated = await provider.update(resource.id, resource.outputs, checked);
      await this.provider(gone.name, pool).delete(gone.id, gone.outputs);
      return recorded(resource.name, resource.id, checked, updated.outs);
    } finally {
      await pool.close();
    }
  }

  /** Creates several at once in one provider process: "created", or the error's message, of each. */
  async createTogether(wanted: readonly { name: ResourceName; inputs: Properties }[]): Promise<string[]> {
    const pool = new ClientPool();
    try {
      const results = wanted.map(({ name, inputs }) =>
        this.provider(name, pool)
          .create(wire(inputs))
          .then(
            () => "created",
            (error: unknown) => String(error),
          ),
      );
      return await Promise.all(results);
    } finally {
      await pool.close();
    }
  }

  /** Refreshes several at once in one provider process, as the engine does. */
  async refreshTogether(resources: readonly Recorded[]): Promise<(Recorded | undefined)[]> {
    const pool = new ClientPool();
    try {
      const refreshes = resources.map(async ({ name, id, inputs, outputs }) => {
        const found = await this.provider(name, pool).read(id, outputs, inputs);
        return found.id === undefined ? undefined : recorded(name, found.id, inputs, found.props);
      });
      return await Promise.all(refreshes);
    } finally {
      await pool.close();
    }
  }

  private async checked(name: ResourceName, inputs: Properties): Promise<Properties> {
    assert.deepEqual(await this.mistakes(name, inputs), []);
    const result = await this.with(name, (provider) => provider.check(wire(inputs)));
    return unwrapped(result.inputs) as Properties;
  }

  private async with<Result>(
    name: ResourceName,
    call: (provider: StackProvider) => Promise<Result>,
  ): Promise<Result> {
    const pool = new ClientPool();
    try {
      return await call(this.provider(name, pool));
    } finally {
      await pool.close();
    }
  }

  /** A provider as a new process would have it, configured. */
  private provider(name: ResourceName, pool: ClientPool): StackProvider {
    const surroundings = {
      environment: {},
      programDirectory: this.programDirectory,
      now: this.now,
      log: (level: string, message: string) => void this.messages.push(`${level}: ${message}`),
    };
    return stackProvider(this.front, name, surroundings, this.config, pool);
  }
}

/** Everything of a resource that would be readable in the stack's file: its properties without what is marked secret. */
export function plainText(resource: Recorded): string {
  return JSON.stringify(
    JSON.parse(resource.stored, (_key, value: unknown) => (isSecret(value) ? "[secret]" : value)),
  );
}

export function recorded(name: ResourceName, id: string, inputs: Properties, outs: unknown): Recorded {
  return {
    name,
    id,
    inputs,
    outputs: unwrapped(wire(outs ?? {})) as Properties,
    stored: JSON.stringify(outs),
  };
}

function unwrapped(value: unknown): unknown {
  if (isSecret(value)) return unwrapped(value["value"]);
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapped(inner)]));
}

function isSecret(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && secretKey in value;
}

/** The wire carries plain JSON, so undefined members vanish. */
function wire(value: unknown): Properties {
  return JSON.parse(JSON.stringify(value)) as Properties;
}

function fail(): never {
  return assert.fail("the provider lacks this call");
}
