/** A Remote whose client directory is at fault when it is made, changed and removed, on a real server. */
import { strict as assert } from "node:assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type ClientFlavor, runClient } from "../client-command";
import type { Stage } from "../joined-server";
import { asInputs, makePair } from "../openssl-pair";
import { type Recorded, recorded } from "../stack";
import { changedShapes, halfPairsIn, snapshotOf, unfinishedIn } from "./directory-snapshot";
import { codeIn, type FaultFinding, serverNamed } from "./finding";

export type Phase = "create" | "update" | "destroy";

/** What is at fault, in the words of paths. */
export interface Struck {
  /** A folder around the client directory, for what is put aside. */
  readonly folder: string;
  readonly directory: string;
  readonly flavor: ClientFlavor;
  readonly name: string;
}

/** Something that is wrong with a client directory. */
export interface DirectoryFault {
  /** As a finding says it. */
  readonly fault: string;
  /** Makes it so; answers how somebody would mend it. */
  readonly strike: (struck: Struck) => Mend | Promise<Mend>;
  /** The path that the error has to name, below the folder. */
  readonly culprit: (struck: Struck) => string;
  /** The phases before which it is struck; all of them unless said. */
  readonly strikes?: readonly Phase[];
  /** Of these the phases that cannot do without what is at fault; all of them unless said. */
  readonly hits?: (phase: Phase, struck: Struck) => boolean;
  /** That it is there may show only once the token is sent: then what was joined is recorded. */
  readonly mayBeLate?: boolean;
  /** The remote's name, where that is the matter; from one that is unique. */
  readonly named?: (label: string) => string;
  /** Each phase with a Remote of its own at the same time, for a fault that takes long to tell. */
  readonly isSlow?: boolean;
}

export type Mend = () => void | Promise<void>;

interface Outcome {
  readonly happened: string;
  readonly left: string;
}

/** A client's file with things in it that are no business of ours. */
const theirs: Record<ClientFlavor, string> = {
  lxd: `# kept by hand
default-remote: local
remotes:
  local:
    addr: unix://
    public: false
aliases:
  ll: list -c ns
x-unknown: [1, two]
`,
  incus: `# kept by hand
default-remote: local
remotes:
  local:
    addr: unix://
    protocol: incus
    public: false
aliases:
  ll: list -c ns
x-unknown: [1, two]
`,
};

/**
 * Lets Remotes meet a fault: one with the pair that is made for it, which is changed and removed, too, and one with a pair
 * that is given. Each time the fault is struck, what is left is looked at, and the next run after the mending has to finish.
 */
export async function meetFault(
  stage: Stage,
  flavor: ClientFlavor,
  fault: DirectoryFault,
  label: string,
): Promise<FaultFinding> {
  const all = fault.strikes ?? ["create", "update", "destroy"];
  const lives = fault.isSlow === true ? all.map((phase) => [phase]) : [all];
  const outcomes = await Promise.all([
    ...lives.map((phases, index) => live(stage, flavor, fault, `${label}-${index}`, phases)),
    live(stage, flavor, fault, `${label}-given`, ["create"], true),
  ]);
  const merged = new Map<string, string[]>();
  const left = new Set<string>();
  for (const outcome of outcomes)
    for (const [phase, { happened, left: rest }] of outcome) {
      merged.set(happened, [...new Set([...(merged.get(happened) ?? []), phase])]);
      left.add(rest);
    }
  const happened = [...merged].map(([what, phases]) => `${phases.join(", ")}: ${what}`).join("; ");
  return {
    kind: "fault",
    fault: fault.fault,
    server: serverNamed(stage.server.name),
    happened,
    left: [...left].sort().join("; "),
  };
}

async function live(
  stage: Stage,
  flavor: ClientFlavor,
  fault: DirectoryFault,
  label: string,
  strikes: readonly Phase[],
  isGiven = false,
): Promise<Map<Phase, Outcome>> {
  const name = fault.named?.(label) ?? label;
  const folder = stage.newDirectory();
  const directory = join(folder, "conf");
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  writeFileSync(join(directory, "config.yml"), theirs[flavor]);
  const life = new Life(stage, { folder, directory, flavor, name }, fault, strikes);
  await life.run(isGiven);
  return life.outcomes;
}

class Life {
  readonly outcomes = new Map<Phase, Outcome>();

  constructor(
    private readonly stage: Stage,
    private readonly struck: Struck,
    private readonly fault: DirectoryFault,
    private readonly strikes: readonly Phase[],
  ) {}

  async run(isGiven: boolean): Promise<void> {
    const { stack } = this.stage;
    const { name, directory, flavor } = this.struck;
    const token = await this.stage.token(name);
    const pair = isGiven ? asInputs(makePair("given")) : {};
    const inputs = { name, token, configDir: directory, ...pair };
    const made = await this.meet("create", undefined, {
      attempt: () => stack.createFails("Remote", inputs),
      perform: (half) => (half === undefined ? stack.create("Remote", inputs) : stack.update(half, inputs)),
    });
    assert.ok(made !== undefined);
    const asked = await runClient(flavor, directory, "query", `${name}:/1.0`);
    assert.equal((JSON.parse(asked) as { auth: string }).auth, "trusted");

    const changed = { ...inputs, setDefault: true };
    const updated = await this.meet("update", made, {
      attempt: () => stack.updateFails(made, changed),
      perform: (half) => stack.update(half ?? made, changed),
    });
    assert.ok(updated !== undefined);
    assert.equal(this.config()["default-remote"], name);

    await this.meet("destroy", updated, {
      attempt: () =>
        stack.destroy(updated).then(
          () => assert.fail(`${this.fault.fault}: destroying was to fail`),
          (error: unknown) => ({ message: (error as Error).message, recorded: undefined }),
        ),
      perform: async () => {
        await stack.destroy(updated);
        return undefined;
      },
    });
    assert.ok(!(await this.isTrusted(updated)), "the client is still trusted");
    assert.deepEqual(this.config(), parse(theirs[flavor]));
  }

  /** One phase: struck, looked at, mended and done; or only done. */
  private async meet(
    phase: Phase,
    before: Recorded | undefined,
    step: {
      attempt: () => Promise<{ message: string; recorded?: Recorded }>;
      perform: (half: Recorded | undefined) => Promise<Recorded | undefined>;
    },
  ): Promise<Recorded | undefined> {
    if (!this.strikes.includes(phase)) return this.finish(step.perform, undefined);
    const mend = await this.fault.strike(this.struck);
    const untouched = snapshotOf(this.struck.folder);
    if (this.fault.hits?.(phase, this.struck) === false) {
      try {
        const done = await this.finish(step.perform, undefined);
        const now = snapshotOf(this.struck.folder);
        assert.deepEqual(changedShapes(untouched, now), [], this.fault.fault);
        assert.deepEqual(unfinishedIn(now), []);
        this.outcomes.set(phase, { happened: "went well", left: "links, owners and modes as before" });
        return done;
      } finally {
        await mend();
      }
    }
    let failed: { message: string; recorded?: Recorded };
    let outcome: Outcome;
    try {
      failed = await step.attempt();
      outcome = await this.look(phase, failed, untouched, before);
    } finally {
      await mend();
    }
    const done = await this.finish(step.perform, failed.recorded);
    this.outcomes.set(phase, { ...outcome, happened: `${outcome.happened}, and the next run finishes` });
    return done;
  }

  /**
   * Does what is to go well. Incus may take a client that it has just let in for a stranger for a moment, where another one
   * leaves at the same time, as here: that is no matter of the directory, and another run finishes.
   */
  private async finish(
    perform: (half: Recorded | undefined) => Promise<Recorded | undefined>,
    half: Recorded | undefined,
  ): Promise<Recorded | undefined> {
    try {
      return await perform(half);
    } catch (error) {
      const { message, id, properties } = error as Error & { id?: string; properties?: unknown };
      if (id === undefined || !message.includes("not authorized")) throw error;
      return perform(recorded("Remote", id, half?.inputs ?? {}, properties));
    }
  }

  private async look(
    phase: Phase,
    { message, recorded }: { message: string; recorded?: Recorded },
    untouched: readonly string[],
    before: Recorded | undefined,
  ): Promise<Outcome> {
    const what = `${this.fault.fault}, ${phase}: ${message}`;
    const now = snapshotOf(this.struck.folder);
    assert.ok(
      message.includes(join(this.struck.folder, this.fault.culprit(this.struck))),
      `names no culprit: ${what}`,
    );
    assert.match(message, /\. [A-Z][^.]+[^[]* \[[A-Z_]+\]$/, `says not what to do next: ${what}`);
    const isLate = recorded !== undefined && phase === "create";
    if (this.fault.mayBeLate === true) {
      assert.deepEqual(unfinishedIn(now), unfinishedIn(untouched), what);
      assert.deepEqual(halfPairsIn(now), [], what);
      assert.deepEqual(
        untouched.filter((line) => !now.includes(line)),
        [],
        what,
      );
    } else {
      assert.deepEqual(now, untouched, what);
      assert.ok(!isLate, `known only after the token was sent: ${what}`);
    }
    const directory = isLate ? "what was there untouched" : "directory untouched";
    return {
      happened: codeIn(message),
      left: `${directory}, ${await this.onServer(isLate, before ?? recorded)}`,
    };
  }

  private async onServer(isLate: boolean, resource: Recorded | undefined): Promise<string> {
    const isPending = (await this.stage.view.pendingTokens()).includes(this.struck.name);
    assert.equal(
      isPending,
      resource === undefined,
      `${this.fault.fault}: the token is ${isPending ? "not " : ""}spent`,
    );
    if (resource === undefined) return "token not spent";
    const isTrusted = await this.isTrusted(resource);
    if (isLate) assert.ok(isTrusted);
    return isTrusted ? "client trusted" : "client out";
  }

  private async isTrusted({ outputs }: Recorded): Promise<boolean> {
    const clients = await this.stage.view.clients();
    return clients.some(({ fingerprint }) => fingerprint === outputs["clientFingerprint"]);
  }

  private config(): Record<string, unknown> {
    return parse(readFileSync(join(this.struck.directory, "config.yml"), "utf8")) as Record<string, unknown>;
  }
}
